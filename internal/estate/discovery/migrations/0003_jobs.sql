CREATE TABLE discovery_credentials (
  name       TEXT PRIMARY KEY,
  type       TEXT NOT NULL,
  sealed     TEXT NOT NULL,
  created_at TIMESTAMPTZ NOT NULL,
  updated_at TIMESTAMPTZ NOT NULL,
  version    BIGINT NOT NULL
);
CREATE TABLE discovery_readings (
  item_id    TEXT PRIMARY KEY,
  credential TEXT NOT NULL,
  address    TEXT NOT NULL,
  read_at    TIMESTAMPTZ NOT NULL
);
CREATE INDEX discovery_readings_credential ON discovery_readings (credential);
CREATE TABLE discovery_jobs (
  id         TEXT PRIMARY KEY,
  name       TEXT NOT NULL UNIQUE,
  spec       TEXT NOT NULL,
  paused     BOOLEAN NOT NULL,
  next_at    TIMESTAMPTZ,
  created_at TIMESTAMPTZ NOT NULL,
  updated_at TIMESTAMPTZ NOT NULL,
  version    BIGINT NOT NULL
);
CREATE INDEX discovery_jobs_next ON discovery_jobs (next_at);
CREATE TABLE discovery_runs (
  id           TEXT PRIMARY KEY,
  job_id       TEXT NOT NULL REFERENCES discovery_jobs (id) ON DELETE CASCADE,
  state        TEXT NOT NULL,
  trigger_by   TEXT NOT NULL,
  message      TEXT NOT NULL,
  spec         TEXT NOT NULL,
  total        BIGINT NOT NULL,
  done         BIGINT NOT NULL,
  safe         BIGINT NOT NULL,
  sent         BIGINT NOT NULL,
  resumed      BIGINT NOT NULL,
  n_new        BIGINT NOT NULL,
  n_changed    BIGINT NOT NULL,
  n_vanished   BIGINT NOT NULL,
  n_unchanged  BIGINT NOT NULL,
  worked_ms    BIGINT NOT NULL,
  created_at   TIMESTAMPTZ NOT NULL,
  started_at   TIMESTAMPTZ,
  ended_at     TIMESTAMPTZ
);
CREATE INDEX discovery_runs_job ON discovery_runs (job_id, id);
CREATE INDEX discovery_runs_state ON discovery_runs (state);
CREATE TABLE discovery_hosts (
  job_id     TEXT NOT NULL REFERENCES discovery_jobs (id) ON DELETE CASCADE,
  address    TEXT NOT NULL,
  facts      TEXT NOT NULL,
  credential TEXT NOT NULL,
  item_id    TEXT NOT NULL,
  item       TEXT NOT NULL,
  last_run   TEXT NOT NULL,
  first_seen TIMESTAMPTZ NOT NULL,
  last_seen  TIMESTAMPTZ NOT NULL,
  missed     BIGINT NOT NULL,
  PRIMARY KEY (job_id, address)
);
CREATE TABLE discovery_findings (
  id       TEXT PRIMARY KEY,
  run_id   TEXT NOT NULL REFERENCES discovery_runs (id) ON DELETE CASCADE,
  job_id   TEXT NOT NULL,
  address  TEXT NOT NULL,
  outcome  TEXT NOT NULL,
  name     TEXT NOT NULL,
  about    TEXT NOT NULL,
  detail   TEXT NOT NULL,
  item     TEXT NOT NULL,
  words    TEXT NOT NULL,
  found_at TIMESTAMPTZ NOT NULL,
  UNIQUE (run_id, address)
);
CREATE INDEX discovery_findings_run ON discovery_findings (run_id, outcome, id);
CREATE INDEX discovery_findings_job ON discovery_findings (job_id, outcome, id);
CREATE TABLE discovery_log (
  id      TEXT PRIMARY KEY,
  run_id  TEXT NOT NULL REFERENCES discovery_runs (id) ON DELETE CASCADE,
  at      TIMESTAMPTZ NOT NULL,
  address TEXT NOT NULL,
  method  TEXT NOT NULL,
  ok      BOOLEAN NOT NULL,
  text    TEXT NOT NULL
);
CREATE INDEX discovery_log_run ON discovery_log (run_id, id);
