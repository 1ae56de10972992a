CREATE TABLE items (
  id            TEXT PRIMARY KEY,
  name          TEXT NOT NULL UNIQUE,
  title         TEXT NOT NULL,
  kind          TEXT NOT NULL,
  owner_team_id TEXT NOT NULL,
  criticality   TEXT NOT NULL,
  lifecycle     TEXT NOT NULL,
  description   TEXT NOT NULL,
  labels        TEXT NOT NULL,
  attributes    TEXT NOT NULL,
  sources       TEXT NOT NULL,
  typed         TEXT NOT NULL,
  folded        TEXT NOT NULL,
  created_at    TIMESTAMPTZ NOT NULL,
  updated_at    TIMESTAMPTZ NOT NULL,
  version       BIGINT NOT NULL
);
CREATE INDEX items_kind ON items (kind, name);
CREATE INDEX items_owner ON items (owner_team_id, name);
CREATE TABLE item_labels (
  item_id TEXT NOT NULL REFERENCES items (id) ON DELETE CASCADE,
  key     TEXT NOT NULL,
  value   TEXT NOT NULL,
  PRIMARY KEY (item_id, key)
);
CREATE INDEX item_labels_key ON item_labels (key, value, item_id);
CREATE TABLE item_relations (
  from_id    TEXT NOT NULL REFERENCES items (id) ON DELETE CASCADE,
  type       TEXT NOT NULL,
  to_id      TEXT NOT NULL REFERENCES items (id) ON DELETE CASCADE,
  created_at TIMESTAMPTZ NOT NULL,
  PRIMARY KEY (from_id, type, to_id)
);
CREATE INDEX item_relations_to ON item_relations (to_id, type, from_id);
CREATE TABLE item_history (
  id       TEXT PRIMARY KEY,
  item_id  TEXT NOT NULL REFERENCES items (id) ON DELETE CASCADE,
  at       TIMESTAMPTZ NOT NULL,
  actor    TEXT NOT NULL,
  actor_id TEXT NOT NULL,
  via      TEXT NOT NULL,
  field    TEXT NOT NULL,
  before   TEXT NOT NULL,
  after    TEXT NOT NULL
);
CREATE INDEX item_history_item ON item_history (item_id, id);
