CREATE TABLE checks (
  id          TEXT PRIMARY KEY,
  name        TEXT NOT NULL UNIQUE,
  item_id     TEXT NOT NULL,
  team_id     TEXT NOT NULL,
  type        TEXT NOT NULL,
  probe       TEXT NOT NULL,
  target      TEXT NOT NULL,
  every_ms    BIGINT NOT NULL,
  retry_ms    BIGINT NOT NULL,
  timeout_ms  BIGINT NOT NULL,
  attempts    BIGINT NOT NULL,
  freshness_ms BIGINT NOT NULL,
  settings    TEXT NOT NULL,
  enabled     BOOLEAN NOT NULL,
  created_at  TIMESTAMPTZ NOT NULL,
  updated_at  TIMESTAMPTZ NOT NULL,
  version     BIGINT NOT NULL
);
CREATE INDEX checks_item ON checks (item_id);
CREATE TABLE check_states (
  check_id   TEXT PRIMARY KEY REFERENCES checks (id) ON DELETE CASCADE,
  state      TEXT NOT NULL,
  result     TEXT NOT NULL,
  first_at   TIMESTAMPTZ NOT NULL,
  updated_at TIMESTAMPTZ NOT NULL
);
CREATE TABLE check_history (
  id         TEXT PRIMARY KEY,
  check_id   TEXT NOT NULL,
  at         TIMESTAMPTZ NOT NULL,
  from_state TEXT NOT NULL,
  to_state   TEXT NOT NULL,
  hard       BOOLEAN NOT NULL,
  kind       TEXT NOT NULL,
  problem_id TEXT NOT NULL,
  output     TEXT NOT NULL
);
CREATE INDEX check_history_check ON check_history (check_id, id);
CREATE INDEX check_history_at ON check_history (at);
CREATE TABLE check_outages (
  problem_id TEXT PRIMARY KEY,
  check_id   TEXT NOT NULL,
  check_name TEXT NOT NULL,
  item_id    TEXT NOT NULL,
  started_at TIMESTAMPTZ NOT NULL,
  hard_at    TIMESTAMPTZ NOT NULL,
  ended_at   TIMESTAMPTZ,
  worst      TEXT NOT NULL
);
CREATE INDEX check_outages_item ON check_outages (item_id, started_at);
CREATE INDEX check_outages_open ON check_outages (ended_at, check_id);
CREATE TABLE check_downtimes (
  id           TEXT PRIMARY KEY,
  title        TEXT NOT NULL,
  starts_at    TIMESTAMPTZ NOT NULL,
  ends_at      TIMESTAMPTZ NOT NULL,
  dependents   BOOLEAN NOT NULL,
  created_by   TEXT NOT NULL,
  created_at   TIMESTAMPTZ NOT NULL,
  cancelled_at TIMESTAMPTZ
);
CREATE INDEX check_downtimes_ends ON check_downtimes (ends_at);
CREATE TABLE check_downtime_targets (
  downtime_id TEXT NOT NULL REFERENCES check_downtimes (id) ON DELETE CASCADE,
  ref_kind    TEXT NOT NULL,
  ref_id      TEXT NOT NULL,
  PRIMARY KEY (downtime_id, ref_kind, ref_id)
);
CREATE TABLE check_runs (
  id           TEXT PRIMARY KEY,
  started_at   TIMESTAMPTZ NOT NULL,
  last_seen_at TIMESTAMPTZ NOT NULL
);
