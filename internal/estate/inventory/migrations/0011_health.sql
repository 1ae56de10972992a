CREATE TABLE item_dismissals (
  item_id TEXT NOT NULL REFERENCES items (id) ON DELETE CASCADE,
  list    TEXT NOT NULL,
  reason  TEXT NOT NULL,
  actor   TEXT NOT NULL,
  at      TIMESTAMPTZ NOT NULL,
  until   TIMESTAMPTZ NOT NULL,
  PRIMARY KEY (item_id, list)
);
CREATE INDEX item_dismissals_list ON item_dismissals (list, until);
