CREATE TABLE log_views (
  id         TEXT PRIMARY KEY,
  name       TEXT NOT NULL,
  query      TEXT NOT NULL,
  since      TEXT NOT NULL,
  fields     TEXT NOT NULL,
  shared     BOOLEAN NOT NULL,
  owner_id   TEXT NOT NULL,
  owner      TEXT NOT NULL,
  version    BIGINT NOT NULL,
  created_at TIMESTAMPTZ NOT NULL,
  updated_at TIMESTAMPTZ NOT NULL
);
CREATE INDEX log_views_owner ON log_views (owner_id);
CREATE INDEX log_views_name ON log_views (name);
