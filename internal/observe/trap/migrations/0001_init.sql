CREATE TABLE trap_events (
  id         TEXT PRIMARY KEY,
  at         TIMESTAMPTZ NOT NULL,
  last_at    TIMESTAMPTZ NOT NULL,
  kind       TEXT NOT NULL,
  address    TEXT NOT NULL,
  via        TEXT NOT NULL,
  item_id    TEXT NOT NULL,
  team_id    TEXT NOT NULL,
  version    TEXT NOT NULL,
  inform     BOOLEAN NOT NULL,
  credential TEXT NOT NULL,
  oid        TEXT NOT NULL,
  name       TEXT NOT NULL,
  state      TEXT NOT NULL,
  means      TEXT NOT NULL,
  vars       TEXT NOT NULL,
  words      TEXT NOT NULL,
  count      BIGINT NOT NULL
);
CREATE INDEX trap_events_item ON trap_events (item_id, id);
CREATE INDEX trap_events_oid ON trap_events (oid, id);
CREATE INDEX trap_events_address ON trap_events (address, id);
CREATE INDEX trap_events_last ON trap_events (last_at);
CREATE TABLE trap_sources (
  address   TEXT PRIMARY KEY,
  item_id   TEXT NOT NULL,
  pinned    BOOLEAN NOT NULL,
  taken     BIGINT NOT NULL,
  limited   BIGINT NOT NULL,
  refused   BIGINT NOT NULL,
  malformed BIGINT NOT NULL,
  last_trap TEXT NOT NULL,
  why       TEXT NOT NULL,
  first_at  TIMESTAMPTZ NOT NULL,
  last_at   TIMESTAMPTZ NOT NULL
);
CREATE TABLE trap_credentials (
  name       TEXT PRIMARY KEY,
  sealed     TEXT NOT NULL,
  updated_at TIMESTAMPTZ NOT NULL,
  version    BIGINT NOT NULL
);
CREATE TABLE trap_settings (
  id             BIGINT PRIMARY KEY,
  retention_days BIGINT NOT NULL,
  max_events     BIGINT NOT NULL,
  per_second     BIGINT NOT NULL,
  burst          BIGINT NOT NULL,
  boots          BIGINT NOT NULL
);
INSERT INTO trap_settings (id, retention_days, max_events, per_second, burst, boots) VALUES (1, 30, 1000000, 20, 200, 0);
CREATE TABLE trap_open (
  check_id    TEXT NOT NULL,
  problem_key TEXT NOT NULL,
  status      BIGINT NOT NULL,
  output      TEXT NOT NULL,
  at          TIMESTAMPTZ NOT NULL,
  PRIMARY KEY (check_id, problem_key)
);
