CREATE TABLE audit_log (
  seq       INTEGER PRIMARY KEY AUTOINCREMENT,
  at        TIMESTAMPTZ NOT NULL,
  actor     TEXT NOT NULL,
  actor_id  TEXT NOT NULL,
  via       TEXT NOT NULL,
  action    TEXT NOT NULL,
  ref_kind  TEXT NOT NULL,
  ref_id    TEXT NOT NULL,
  name      TEXT NOT NULL,
  before    TEXT NOT NULL,
  after     TEXT NOT NULL,
  prev_hash TEXT NOT NULL,
  hash      TEXT NOT NULL
);
CREATE INDEX audit_log_ref ON audit_log (ref_kind, ref_id, seq);
CREATE INDEX audit_log_actor ON audit_log (actor_id, seq);
