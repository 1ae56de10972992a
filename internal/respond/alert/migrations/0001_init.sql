CREATE TABLE alerts (
  id           TEXT PRIMARY KEY,
  fingerprint  TEXT NOT NULL,
  source       TEXT NOT NULL,
  status       TEXT NOT NULL,
  severity     TEXT NOT NULL,
  title        TEXT NOT NULL,
  output       TEXT NOT NULL,
  item_id      TEXT NOT NULL,
  item         TEXT NOT NULL,
  check_id     TEXT NOT NULL,
  check_name   TEXT NOT NULL,
  problem_id   TEXT NOT NULL,
  team_id      TEXT NOT NULL,
  labels       TEXT NOT NULL,
  suppressed   TEXT NOT NULL,
  silenced_by  TEXT NOT NULL,
  due          BOOLEAN NOT NULL,
  told         BOOLEAN NOT NULL,
  incident_id  TEXT NOT NULL,
  incident     TEXT NOT NULL,
  started_at   TIMESTAMPTZ NOT NULL,
  detected_at  TIMESTAMPTZ NOT NULL,
  ended_at     TIMESTAMPTZ,
  end_reason   TEXT NOT NULL,
  last_change  TIMESTAMPTZ NOT NULL,
  count        BIGINT NOT NULL
);
CREATE UNIQUE INDEX alerts_firing ON alerts (fingerprint) WHERE status = 'firing';
CREATE INDEX alerts_status ON alerts (status, id);
CREATE INDEX alerts_item ON alerts (item, id);
CREATE INDEX alerts_check ON alerts (check_name, id);
CREATE TABLE alert_silences (
  id         TEXT PRIMARY KEY,
  matchers   TEXT NOT NULL,
  comment    TEXT NOT NULL,
  creator    TEXT NOT NULL,
  creator_id TEXT NOT NULL,
  starts_at  TIMESTAMPTZ NOT NULL,
  ends_at    TIMESTAMPTZ NOT NULL,
  created_at TIMESTAMPTZ NOT NULL
);
CREATE INDEX alert_silences_end ON alert_silences (ends_at);
