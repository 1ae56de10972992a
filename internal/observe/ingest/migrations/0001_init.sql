CREATE TABLE ingest_settings (
  id         TEXT PRIMARY KEY,
  body       TEXT NOT NULL,
  updated_at TIMESTAMPTZ NOT NULL
);
CREATE TABLE ingest_bindings (
  id         TEXT PRIMARY KEY,
  hint       TEXT NOT NULL,
  value      TEXT NOT NULL,
  item_id    TEXT NOT NULL,
  created_at TIMESTAMPTZ NOT NULL,
  created_by TEXT NOT NULL
);
CREATE UNIQUE INDEX ingest_bindings_value ON ingest_bindings (hint, value);
CREATE INDEX ingest_bindings_item ON ingest_bindings (item_id);
CREATE TABLE ingest_unknown (
  id         TEXT PRIMARY KEY,
  hint       TEXT NOT NULL,
  value      TEXT NOT NULL,
  protocol   TEXT NOT NULL,
  sender     TEXT NOT NULL,
  service    TEXT NOT NULL,
  address    TEXT NOT NULL,
  first_seen TIMESTAMPTZ NOT NULL,
  last_seen  TIMESTAMPTZ NOT NULL,
  signals    BIGINT NOT NULL,
  ignored    BOOLEAN NOT NULL
);
CREATE UNIQUE INDEX ingest_unknown_value ON ingest_unknown (hint, value);
