CREATE TABLE log_parsers (
  name       TEXT PRIMARY KEY,
  spec       TEXT NOT NULL,
  version    BIGINT NOT NULL,
  updated_at TIMESTAMPTZ NOT NULL
);
