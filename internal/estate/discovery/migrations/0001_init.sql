CREATE TABLE discovery_suggestions (
  id         TEXT PRIMARY KEY,
  item_id    TEXT NOT NULL,
  item       TEXT NOT NULL,
  name       TEXT NOT NULL UNIQUE,
  type       TEXT NOT NULL,
  probe      TEXT NOT NULL,
  every_ms   BIGINT NOT NULL,
  reason     TEXT NOT NULL,
  state      TEXT NOT NULL,
  created_at TIMESTAMPTZ NOT NULL,
  updated_at TIMESTAMPTZ NOT NULL
);
CREATE INDEX discovery_suggestions_state ON discovery_suggestions (state, id);
CREATE INDEX discovery_suggestions_item ON discovery_suggestions (item_id);
