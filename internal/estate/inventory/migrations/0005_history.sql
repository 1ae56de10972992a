ALTER TABLE item_history RENAME TO item_history_old;
DROP INDEX item_history_item;
CREATE TABLE item_history (
  id            TEXT PRIMARY KEY,
  item_id       TEXT NOT NULL,
  at            TIMESTAMPTZ NOT NULL,
  actor         TEXT NOT NULL,
  actor_id      TEXT NOT NULL,
  via           TEXT NOT NULL,
  field         TEXT NOT NULL,
  other_id      TEXT NOT NULL,
  before        TEXT NOT NULL,
  after         TEXT NOT NULL,
  source_before TEXT NOT NULL,
  source_after  TEXT NOT NULL
);
INSERT INTO item_history (id, item_id, at, actor, actor_id, via, field, other_id, before, after, source_before, source_after)
SELECT id, item_id, at, actor, actor_id, via, field, '', before, after, '', '' FROM item_history_old;
DROP TABLE item_history_old;
UPDATE item_history SET other_id = COALESCE((
  SELECT i.id FROM items i
  WHERE i.name = SUBSTR(CASE WHEN item_history.after = 'null' THEN item_history.before ELSE item_history.after END, 2, LENGTH(CASE WHEN item_history.after = 'null' THEN item_history.before ELSE item_history.after END) - 2)
), '')
WHERE field IN ('depends_on', 'used_by', 'runs_on', 'runs', 'part_of', 'contains', 'connects_to', 'member_of', 'members');
CREATE INDEX item_history_item ON item_history (item_id, id);
CREATE INDEX item_history_at ON item_history (at, item_id);
CREATE TABLE item_gone (
  item_id       TEXT PRIMARY KEY,
  name          TEXT NOT NULL,
  kind          TEXT NOT NULL,
  owner_team_id TEXT NOT NULL,
  created_at    TIMESTAMPTZ NOT NULL,
  gone_at       TIMESTAMPTZ NOT NULL,
  actor         TEXT NOT NULL,
  item          TEXT NOT NULL
);
CREATE INDEX item_gone_name ON item_gone (name, gone_at);
CREATE INDEX item_gone_at ON item_gone (gone_at, item_id);
CREATE TABLE item_baselines (
  name        TEXT PRIMARY KEY,
  description TEXT NOT NULL,
  filter      TEXT NOT NULL,
  at          TIMESTAMPTZ NOT NULL,
  actor       TEXT NOT NULL,
  items       BIGINT NOT NULL
);
CREATE TABLE item_baseline_items (
  baseline      TEXT NOT NULL REFERENCES item_baselines (name) ON DELETE CASCADE,
  name          TEXT NOT NULL,
  item_id       TEXT NOT NULL,
  owner_team_id TEXT NOT NULL,
  PRIMARY KEY (baseline, name)
);
CREATE INDEX item_baseline_items_item ON item_baseline_items (item_id, baseline);
