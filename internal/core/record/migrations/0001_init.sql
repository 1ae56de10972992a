CREATE TABLE record_numbers (
  kind TEXT PRIMARY KEY,
  last BIGINT NOT NULL
);
CREATE TABLE records (
  id           TEXT PRIMARY KEY,
  kind         TEXT NOT NULL,
  number       BIGINT NOT NULL,
  title        TEXT NOT NULL,
  description  TEXT NOT NULL,
  state        TEXT NOT NULL,
  open         BOOLEAN NOT NULL,
  impact       BIGINT NOT NULL,
  urgency      BIGINT NOT NULL,
  priority     BIGINT NOT NULL,
  requester_id TEXT NOT NULL,
  assignee_id  TEXT NOT NULL,
  team_id      TEXT NOT NULL,
  created_at   TIMESTAMPTZ NOT NULL,
  updated_at   TIMESTAMPTZ NOT NULL,
  closed_at    TIMESTAMPTZ,
  version      BIGINT NOT NULL,
  UNIQUE (kind, number)
);
CREATE INDEX records_state ON records (kind, state, number);
CREATE INDEX records_open ON records (kind, open, priority, number);
CREATE INDEX records_assignee ON records (assignee_id, open, number);
CREATE INDEX records_team ON records (team_id, kind, number);
CREATE TABLE record_items (
  record_id TEXT NOT NULL REFERENCES records (id) ON DELETE CASCADE,
  ref_kind  TEXT NOT NULL,
  ref_id    TEXT NOT NULL,
  PRIMARY KEY (record_id, ref_kind, ref_id)
);
CREATE INDEX record_items_ref ON record_items (ref_kind, ref_id);
CREATE TABLE record_links (
  from_id    TEXT NOT NULL REFERENCES records (id) ON DELETE CASCADE,
  to_kind    TEXT NOT NULL,
  to_id      TEXT NOT NULL,
  relation   TEXT NOT NULL,
  created_at TIMESTAMPTZ NOT NULL,
  PRIMARY KEY (from_id, to_kind, to_id, relation)
);
CREATE TABLE record_labels (
  record_id TEXT NOT NULL REFERENCES records (id) ON DELETE CASCADE,
  label     TEXT NOT NULL,
  PRIMARY KEY (record_id, label)
);
CREATE INDEX record_labels_label ON record_labels (label);
CREATE TABLE record_watchers (
  record_id  TEXT NOT NULL REFERENCES records (id) ON DELETE CASCADE,
  account_id TEXT NOT NULL,
  PRIMARY KEY (record_id, account_id)
);
CREATE TABLE record_timeline (
  record_id TEXT NOT NULL REFERENCES records (id) ON DELETE CASCADE,
  id        TEXT NOT NULL,
  at        TIMESTAMPTZ NOT NULL,
  kind      TEXT NOT NULL,
  actor     TEXT NOT NULL,
  actor_id  TEXT NOT NULL,
  body      TEXT NOT NULL,
  data      TEXT NOT NULL,
  PRIMARY KEY (record_id, id)
);
CREATE TABLE record_attachments (
  id           TEXT PRIMARY KEY,
  record_id    TEXT NOT NULL REFERENCES records (id) ON DELETE CASCADE,
  name         TEXT NOT NULL,
  media_type   TEXT NOT NULL,
  size         BIGINT NOT NULL,
  sha256       TEXT NOT NULL,
  created_at   TIMESTAMPTZ NOT NULL,
  created_by   TEXT NOT NULL
);
CREATE INDEX record_attachments_record ON record_attachments (record_id);
