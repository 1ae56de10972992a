CREATE TABLE captures (
  id           TEXT PRIMARY KEY,
  name         TEXT NOT NULL,
  state        TEXT NOT NULL,
  source       TEXT NOT NULL,
  interface    TEXT NOT NULL,
  filter       TEXT NOT NULL,
  headers_only BOOLEAN NOT NULL,
  note         TEXT NOT NULL,
  created_by   TEXT NOT NULL,
  created_at   TIMESTAMPTZ NOT NULL,
  ended_at     TIMESTAMPTZ,
  expires_at   TIMESTAMPTZ NOT NULL,
  packets      BIGINT NOT NULL,
  dropped      BIGINT NOT NULL,
  size         BIGINT NOT NULL,
  reserved     BIGINT NOT NULL,
  policy       TEXT NOT NULL,
  item_id      TEXT NOT NULL,
  alert_id     TEXT NOT NULL,
  incident_id  TEXT NOT NULL
);
CREATE INDEX captures_alert ON captures (alert_id);
CREATE INDEX captures_expires ON captures (expires_at);
CREATE TABLE capture_policies (
  id         TEXT PRIMARY KEY,
  name       TEXT NOT NULL UNIQUE,
  doc        TEXT NOT NULL,
  last_at    TIMESTAMPTZ,
  updated_at TIMESTAMPTZ NOT NULL
);
