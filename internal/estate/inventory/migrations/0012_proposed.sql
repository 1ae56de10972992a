CREATE TABLE item_proposals (
  id            TEXT PRIMARY KEY,
  item_id       TEXT NOT NULL,
  name          TEXT NOT NULL,
  owner_team_id TEXT NOT NULL,
  action        TEXT NOT NULL,
  operations    TEXT NOT NULL,
  changes       TEXT NOT NULL,
  base_version  BIGINT NOT NULL,
  state         TEXT NOT NULL,
  author        TEXT NOT NULL,
  author_id     TEXT NOT NULL,
  via           TEXT NOT NULL,
  made_at       TIMESTAMPTZ NOT NULL,
  expires_at    TIMESTAMPTZ NOT NULL,
  decided_by    TEXT NOT NULL,
  decided_at    TIMESTAMPTZ,
  reason        TEXT NOT NULL
);
CREATE INDEX item_proposals_state ON item_proposals (state, id);
CREATE INDEX item_proposals_item ON item_proposals (item_id, state, id);
