CREATE TABLE trace_errors (
  id           TEXT PRIMARY KEY,
  fingerprint  TEXT NOT NULL UNIQUE,
  service      TEXT NOT NULL,
  type         TEXT NOT NULL,
  message      TEXT NOT NULL,
  place        TEXT NOT NULL,
  stack        TEXT NOT NULL,
  operation    TEXT NOT NULL,
  state        TEXT NOT NULL,
  assignee_id  TEXT NOT NULL,
  first_seen   TIMESTAMPTZ NOT NULL,
  last_seen    TIMESTAMPTZ NOT NULL,
  resolved_at  TIMESTAMPTZ,
  came_back_at TIMESTAMPTZ,
  count        BIGINT NOT NULL,
  first_version TEXT NOT NULL,
  last_version TEXT NOT NULL,
  trace_id     TEXT NOT NULL,
  version      BIGINT NOT NULL
);
CREATE INDEX trace_errors_seen ON trace_errors (state, last_seen, id);
CREATE INDEX trace_errors_service ON trace_errors (service, last_seen, id);
CREATE TABLE trace_services (
  service  TEXT PRIMARY KEY,
  apdex_ms BIGINT NOT NULL
);
CREATE TABLE trace_versions (
  service    TEXT NOT NULL,
  version    TEXT NOT NULL,
  first_seen TIMESTAMPTZ NOT NULL,
  last_seen  TIMESTAMPTZ NOT NULL,
  PRIMARY KEY (service, version)
);
CREATE INDEX trace_versions_seen ON trace_versions (first_seen);
