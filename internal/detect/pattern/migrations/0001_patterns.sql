CREATE TABLE pattern_signals (
  id         TEXT PRIMARY KEY,
  pattern    TEXT NOT NULL,
  item       TEXT NOT NULL,
  kind       TEXT NOT NULL,
  template   TEXT NOT NULL,
  example    TEXT NOT NULL,
  recent     DOUBLE PRECISION NOT NULL,
  expected   DOUBLE PRECISION NOT NULL,
  why        TEXT NOT NULL,
  policy     TEXT NOT NULL,
  started_at TIMESTAMPTZ NOT NULL,
  ended_at   TIMESTAMPTZ,
  reason     TEXT NOT NULL
);
CREATE INDEX pattern_signals_started ON pattern_signals (started_at);
CREATE INDEX pattern_signals_pattern ON pattern_signals (pattern, item);
CREATE TABLE pattern_marks (
  pattern TEXT PRIMARY KEY,
  mark    TEXT NOT NULL,
  comment TEXT NOT NULL,
  by_name TEXT NOT NULL,
  at      TIMESTAMPTZ NOT NULL
);
CREATE TABLE pattern_policies (
  name       TEXT PRIMARY KEY,
  spec       TEXT NOT NULL,
  version    BIGINT NOT NULL,
  updated_at TIMESTAMPTZ NOT NULL
);
