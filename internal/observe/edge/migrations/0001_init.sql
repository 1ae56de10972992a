CREATE TABLE edges (
  id            TEXT PRIMARY KEY,
  name          TEXT NOT NULL UNIQUE,
  item_id       TEXT NOT NULL,
  check_name    TEXT NOT NULL,
  team_id       TEXT NOT NULL,
  labels        TEXT NOT NULL,
  machine_id    TEXT NOT NULL,
  hostname      TEXT NOT NULL,
  os            TEXT NOT NULL,
  arch          TEXT NOT NULL,
  version       TEXT NOT NULL,
  address       TEXT NOT NULL,
  token_id      TEXT NOT NULL,
  serial        TEXT NOT NULL,
  not_after     TIMESTAMPTZ NOT NULL,
  created_at    TIMESTAMPTZ NOT NULL,
  updated_at    TIMESTAMPTZ NOT NULL,
  last_seen_at  TIMESTAMPTZ,
  present       BOOLEAN NOT NULL,
  skew_ms       BIGINT NOT NULL,
  revoked_at    TIMESTAMPTZ
);
CREATE INDEX edges_item ON edges (item_id);
CREATE TABLE edge_streams (
  edge_id TEXT NOT NULL,
  boot    TEXT NOT NULL,
  seq     BIGINT NOT NULL,
  at      TIMESTAMPTZ NOT NULL,
  PRIMARY KEY (edge_id, boot)
);
