CREATE TABLE oncall_schedules (
  name       TEXT PRIMARY KEY,
  time_zone  TEXT NOT NULL,
  rotations  TEXT NOT NULL,
  created_at TIMESTAMPTZ NOT NULL,
  updated_at TIMESTAMPTZ NOT NULL,
  version    BIGINT NOT NULL
);
CREATE TABLE oncall_overrides (
  id         TEXT PRIMARY KEY,
  schedule   TEXT NOT NULL REFERENCES oncall_schedules (name) ON DELETE CASCADE,
  account_id TEXT NOT NULL,
  starts_at  TIMESTAMPTZ NOT NULL,
  ends_at    TIMESTAMPTZ NOT NULL,
  created_at TIMESTAMPTZ NOT NULL
);
CREATE INDEX oncall_overrides_schedule ON oncall_overrides (schedule, ends_at);
CREATE TABLE oncall_escalations (
  name       TEXT PRIMARY KEY,
  definition TEXT NOT NULL,
  created_at TIMESTAMPTZ NOT NULL,
  updated_at TIMESTAMPTZ NOT NULL,
  version    BIGINT NOT NULL
);
CREATE TABLE escalation_runs (
  id          TEXT PRIMARY KEY,
  incident_id TEXT NOT NULL,
  escalation  TEXT NOT NULL,
  definition  TEXT NOT NULL,
  opened_at   TIMESTAMPTZ NOT NULL,
  first_round BIGINT NOT NULL,
  round       BIGINT NOT NULL,
  step        BIGINT NOT NULL,
  state       TEXT NOT NULL,
  due_at      TIMESTAMPTZ NOT NULL
);
CREATE INDEX escalation_runs_incident ON escalation_runs (incident_id);
CREATE INDEX escalation_runs_due ON escalation_runs (state, due_at);
