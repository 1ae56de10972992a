CREATE TABLE paths (
  id         TEXT PRIMARY KEY,
  name       TEXT NOT NULL UNIQUE,
  spec       TEXT NOT NULL,
  place      TEXT NOT NULL,
  item_id    TEXT NOT NULL,
  team_id    TEXT NOT NULL,
  version    BIGINT NOT NULL,
  created_at TIMESTAMPTZ NOT NULL,
  updated_at TIMESTAMPTZ NOT NULL
);
CREATE TABLE path_minutes (
  path_id TEXT NOT NULL,
  minute  BIGINT NOT NULL,
  rounds  BYTEA NOT NULL,
  PRIMARY KEY (path_id, minute)
);
CREATE INDEX path_minutes_minute ON path_minutes (minute);
CREATE TABLE path_comments (
  id         TEXT PRIMARY KEY,
  path_id    TEXT NOT NULL,
  at         TIMESTAMPTZ NOT NULL,
  text       TEXT NOT NULL,
  author     TEXT NOT NULL,
  created_at TIMESTAMPTZ NOT NULL
);
CREATE INDEX path_comments_path ON path_comments (path_id, at);
CREATE TABLE path_settings (
  id             BIGINT PRIMARY KEY,
  retention_days BIGINT NOT NULL,
  max_rows       BIGINT NOT NULL,
  reverse_dns    BOOLEAN NOT NULL,
  origin_lookup  BOOLEAN NOT NULL
);
INSERT INTO path_settings (id, retention_days, max_rows, reverse_dns, origin_lookup) VALUES (1, 30, 20000000, TRUE, FALSE);
