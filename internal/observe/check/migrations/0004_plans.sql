ALTER TABLE check_downtimes ADD COLUMN plan TEXT NOT NULL DEFAULT '';
ALTER TABLE check_downtimes ADD COLUMN flexible_ms BIGINT NOT NULL DEFAULT 0;
ALTER TABLE check_downtimes ADD COLUMN waiting BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE check_downtimes ADD COLUMN span_from TIMESTAMPTZ;
ALTER TABLE check_downtimes ADD COLUMN span_to TIMESTAMPTZ;
CREATE INDEX check_downtimes_plan ON check_downtimes (plan, ends_at);
CREATE TABLE check_plans (
  id          TEXT PRIMARY KEY,
  name        TEXT NOT NULL UNIQUE,
  starts      TEXT NOT NULL,
  time_zone   TEXT NOT NULL,
  rule        TEXT NOT NULL,
  lasts_ms    BIGINT NOT NULL,
  flexible_ms BIGINT NOT NULL,
  dependents  BOOLEAN NOT NULL,
  next_at     TIMESTAMPTZ,
  created_by  TEXT NOT NULL,
  created_at  TIMESTAMPTZ NOT NULL,
  updated_at  TIMESTAMPTZ NOT NULL,
  version     BIGINT NOT NULL
);
CREATE INDEX check_plans_next ON check_plans (next_at);
CREATE TABLE check_plan_targets (
  plan_id  TEXT NOT NULL REFERENCES check_plans (id) ON DELETE CASCADE,
  ref_kind TEXT NOT NULL,
  ref_id   TEXT NOT NULL,
  PRIMARY KEY (plan_id, ref_kind, ref_id)
);
