CREATE TABLE outside_alerts (
  id          TEXT PRIMARY KEY,
  fingerprint TEXT NOT NULL,
  program     TEXT NOT NULL,
  sender      TEXT NOT NULL,
  name        TEXT NOT NULL,
  title       TEXT NOT NULL,
  body        TEXT NOT NULL,
  severity    TEXT NOT NULL,
  state       TEXT NOT NULL,
  labels      TEXT NOT NULL,
  link        TEXT NOT NULL,
  item        TEXT NOT NULL,
  item_id     TEXT NOT NULL,
  team_id     TEXT NOT NULL,
  started_at  TIMESTAMPTZ NOT NULL,
  first_seen  TIMESTAMPTZ NOT NULL,
  last_seen   TIMESTAMPTZ NOT NULL,
  expires_at  TIMESTAMPTZ,
  ended_at    TIMESTAMPTZ,
  reason      TEXT NOT NULL,
  received    BIGINT NOT NULL
);
CREATE UNIQUE INDEX outside_alerts_firing ON outside_alerts (fingerprint) WHERE state = 'firing';
CREATE INDEX outside_alerts_expires ON outside_alerts (expires_at) WHERE state = 'firing';
CREATE INDEX outside_alerts_ended ON outside_alerts (ended_at);
CREATE INDEX outside_alerts_item ON outside_alerts (item);
CREATE TABLE outside_mappings (
  name       TEXT PRIMARY KEY,
  spec       TEXT NOT NULL,
  version    BIGINT NOT NULL,
  updated_at TIMESTAMPTZ NOT NULL
);
