CREATE TABLE item_claims (
  item_id    TEXT NOT NULL REFERENCES items (id) ON DELETE CASCADE,
  key        TEXT NOT NULL,
  source     TEXT NOT NULL,
  value      TEXT NOT NULL,
  problem    TEXT NOT NULL,
  seen_at    TIMESTAMPTZ NOT NULL,
  changed_at TIMESTAMPTZ NOT NULL,
  PRIMARY KEY (item_id, key, source)
);
ALTER TABLE items ADD COLUMN redundancy TEXT NOT NULL DEFAULT '[]';
