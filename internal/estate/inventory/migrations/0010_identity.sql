CREATE TABLE item_identities (
  item_id TEXT NOT NULL REFERENCES items (id) ON DELETE CASCADE,
  key     TEXT NOT NULL,
  value   TEXT NOT NULL,
  source  TEXT NOT NULL,
  seen_at TIMESTAMPTZ NOT NULL,
  PRIMARY KEY (item_id, key, value)
);
CREATE INDEX item_identities_value ON item_identities (key, value, item_id);
CREATE TABLE item_seen (
  item_id TEXT PRIMARY KEY REFERENCES items (id) ON DELETE CASCADE,
  source  TEXT NOT NULL,
  at      TIMESTAMPTZ NOT NULL
);
CREATE TABLE item_aliases (
  id      TEXT PRIMARY KEY,
  item_id TEXT NOT NULL REFERENCES items (id) ON DELETE CASCADE,
  name    TEXT NOT NULL,
  reason  TEXT NOT NULL,
  at      TIMESTAMPTZ NOT NULL
);
CREATE UNIQUE INDEX item_aliases_name ON item_aliases (name);
CREATE INDEX item_aliases_item ON item_aliases (item_id);
CREATE TABLE item_matches (
  id         TEXT PRIMARY KEY,
  item_id    TEXT NOT NULL REFERENCES items (id) ON DELETE CASCADE,
  other_id   TEXT NOT NULL REFERENCES items (id) ON DELETE CASCADE,
  source     TEXT NOT NULL,
  reason     TEXT NOT NULL,
  agree      TEXT NOT NULL,
  against    TEXT NOT NULL,
  state      TEXT NOT NULL,
  decided_by TEXT NOT NULL,
  created_at TIMESTAMPTZ NOT NULL,
  updated_at TIMESTAMPTZ NOT NULL
);
CREATE UNIQUE INDEX item_matches_pair ON item_matches (item_id, other_id);
CREATE INDEX item_matches_other ON item_matches (other_id);
CREATE INDEX item_matches_state ON item_matches (state, id);
CREATE TABLE item_match_rules (
  kind   TEXT PRIMARY KEY,
  strong TEXT NOT NULL,
  weak   TEXT NOT NULL
);
