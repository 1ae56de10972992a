CREATE TABLE item_kinds (
  name        TEXT PRIMARY KEY,
  title       TEXT NOT NULL,
  icon        TEXT NOT NULL,
  description TEXT NOT NULL,
  parent      TEXT NOT NULL,
  attributes  TEXT NOT NULL,
  precedence  TEXT NOT NULL
);
CREATE TABLE item_relation_types (
  name          TEXT PRIMARY KEY,
  inverse       TEXT NOT NULL,
  title         TEXT NOT NULL,
  inverse_title TEXT NOT NULL,
  carries       TEXT NOT NULL,
  description   TEXT NOT NULL
);
CREATE TABLE item_settings (
  key   TEXT PRIMARY KEY,
  value TEXT NOT NULL
);
CREATE TABLE item_schema (
  id       BIGINT PRIMARY KEY,
  revision TEXT NOT NULL
);
INSERT INTO item_schema (id, revision) VALUES (1, 'first');
CREATE TABLE item_values (
  item_id TEXT NOT NULL REFERENCES items (id) ON DELETE CASCADE,
  key     TEXT NOT NULL,
  value   TEXT NOT NULL,
  PRIMARY KEY (item_id, key, value)
);
CREATE INDEX item_values_key ON item_values (key, value, item_id);
