CREATE TABLE rules (
  name       TEXT PRIMARY KEY,
  spec       TEXT NOT NULL,
  severity   TEXT NOT NULL,
  enabled    BOOLEAN NOT NULL,
  origin     TEXT NOT NULL,
  team_id    TEXT NOT NULL,
  folded     TEXT NOT NULL,
  created_at TIMESTAMPTZ NOT NULL,
  updated_at TIMESTAMPTZ NOT NULL,
  version    BIGINT NOT NULL
);
CREATE INDEX rules_origin ON rules (origin);
CREATE TABLE rule_instances (
  rule        TEXT NOT NULL REFERENCES rules (name) ON DELETE CASCADE,
  id          TEXT NOT NULL,
  instance    TEXT NOT NULL,
  state       TEXT NOT NULL,
  fingerprint TEXT NOT NULL,
  title       TEXT NOT NULL,
  item        TEXT NOT NULL,
  active_at   TIMESTAMPTZ NOT NULL,
  fired_at    TIMESTAMPTZ,
  PRIMARY KEY (rule, id)
);
CREATE INDEX rule_instances_state ON rule_instances (state, rule);
CREATE TABLE rule_history (
  id         TEXT PRIMARY KEY,
  rule       TEXT NOT NULL,
  instance   TEXT NOT NULL,
  labels     TEXT NOT NULL,
  title      TEXT NOT NULL,
  item       TEXT NOT NULL,
  started_at TIMESTAMPTZ NOT NULL,
  fired_at   TIMESTAMPTZ NOT NULL,
  ended_at   TIMESTAMPTZ,
  reason     TEXT NOT NULL,
  value      DOUBLE PRECISION NOT NULL
);
CREATE INDEX rule_history_rule ON rule_history (rule, id);
CREATE INDEX rule_history_fired ON rule_history (fired_at);
CREATE TABLE slos (
  name       TEXT PRIMARY KEY,
  spec       TEXT NOT NULL,
  team_id    TEXT NOT NULL,
  created_at TIMESTAMPTZ NOT NULL,
  updated_at TIMESTAMPTZ NOT NULL,
  version    BIGINT NOT NULL
);
