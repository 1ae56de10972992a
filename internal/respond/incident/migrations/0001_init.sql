CREATE TABLE incidents (
  record_id         TEXT PRIMARY KEY REFERENCES records (id) ON DELETE CASCADE,
  source            TEXT NOT NULL,
  impact_started_at TIMESTAMPTZ NOT NULL,
  detected_at       TIMESTAMPTZ NOT NULL,
  acknowledged_at   TIMESTAMPTZ,
  acknowledged_by   TEXT NOT NULL,
  work_started_at   TIMESTAMPTZ,
  restored_at       TIMESTAMPTZ,
  resolved_at       TIMESTAMPTZ,
  cause_code        TEXT NOT NULL,
  resolution_note   TEXT NOT NULL,
  reopens           BIGINT NOT NULL,
  policy            TEXT NOT NULL,
  escalation        TEXT NOT NULL,
  resolve           TEXT NOT NULL,
  restore_for_s     BIGINT NOT NULL,
  resolve_after_s   BIGINT NOT NULL,
  close_after_s     BIGINT NOT NULL,
  overridden        BOOLEAN NOT NULL,
  auto_title        TEXT NOT NULL,
  root_alert        TEXT NOT NULL,
  root_item         TEXT NOT NULL,
  output            TEXT NOT NULL,
  cleared_at        TIMESTAMPTZ
);
CREATE INDEX incidents_started ON incidents (impact_started_at);
CREATE INDEX incidents_resolved ON incidents (resolved_at);
CREATE TABLE incident_alerts (
  alert_id    TEXT PRIMARY KEY,
  record_id   TEXT NOT NULL REFERENCES records (id) ON DELETE CASCADE,
  fingerprint TEXT NOT NULL,
  item_id     TEXT NOT NULL,
  item        TEXT NOT NULL,
  check_name  TEXT NOT NULL,
  severity    TEXT NOT NULL,
  title       TEXT NOT NULL,
  output      TEXT NOT NULL,
  started_at  TIMESTAMPTZ NOT NULL,
  ended_at    TIMESTAMPTZ
);
CREATE INDEX incident_alerts_record ON incident_alerts (record_id);
CREATE INDEX incident_alerts_fingerprint ON incident_alerts (fingerprint);
CREATE TABLE policies (
  name            TEXT PRIMARY KEY,
  position        BIGINT NOT NULL,
  match           TEXT NOT NULL,
  escalation      TEXT NOT NULL,
  resolve         TEXT NOT NULL,
  restore_for_s   BIGINT NOT NULL,
  resolve_after_s BIGINT NOT NULL,
  close_after_s   BIGINT NOT NULL,
  created_at      TIMESTAMPTZ NOT NULL,
  updated_at      TIMESTAMPTZ NOT NULL,
  version         BIGINT NOT NULL
);
