CREATE TABLE notify_channels (
  name       TEXT PRIMARY KEY,
  settings   TEXT NOT NULL,
  created_at TIMESTAMPTZ NOT NULL,
  updated_at TIMESTAMPTZ NOT NULL,
  version    BIGINT NOT NULL
);
CREATE TABLE notify_settings (
  name       TEXT PRIMARY KEY,
  value      TEXT NOT NULL,
  updated_at TIMESTAMPTZ NOT NULL,
  version    BIGINT NOT NULL
);
CREATE TABLE notify_contacts (
  account_id TEXT NOT NULL,
  position   BIGINT NOT NULL,
  settings   TEXT NOT NULL,
  delay_ms   BIGINT NOT NULL,
  PRIMARY KEY (account_id, position)
);
CREATE TABLE notifications (
  id              TEXT PRIMARY KEY,
  msg_key         TEXT NOT NULL UNIQUE,
  base_key        TEXT NOT NULL,
  incident_id     TEXT NOT NULL,
  incident        TEXT NOT NULL,
  reason          TEXT NOT NULL,
  channel         TEXT NOT NULL,
  type            TEXT NOT NULL,
  account_id      TEXT NOT NULL,
  position        BIGINT NOT NULL,
  recipient       TEXT NOT NULL,
  state           TEXT NOT NULL,
  ack             BOOLEAN NOT NULL,
  ack_used_at     TIMESTAMPTZ,
  held            BOOLEAN NOT NULL,
  summary_id      TEXT NOT NULL,
  subject         TEXT NOT NULL,
  attempts        BIGINT NOT NULL,
  max_attempts    BIGINT NOT NULL,
  created_at      TIMESTAMPTZ NOT NULL,
  sent_at         TIMESTAMPTZ,
  next_attempt_at TIMESTAMPTZ,
  last_error      TEXT NOT NULL
);
CREATE INDEX notifications_incident ON notifications (incident_id);
CREATE INDEX notifications_number ON notifications (incident);
CREATE INDEX notifications_recipient ON notifications (channel, recipient, sent_at);
CREATE INDEX notifications_summary ON notifications (summary_id);
CREATE INDEX notifications_created ON notifications (created_at);
CREATE TABLE notification_attempts (
  id              TEXT PRIMARY KEY,
  notification_id TEXT NOT NULL REFERENCES notifications (id) ON DELETE CASCADE,
  at              TIMESTAMPTZ NOT NULL,
  ok              BOOLEAN NOT NULL,
  error           TEXT NOT NULL,
  duration_ms     BIGINT NOT NULL
);
CREATE INDEX notification_attempts_notification ON notification_attempts (notification_id, id);
