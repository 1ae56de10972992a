CREATE TABLE flow_exporters (
  address    TEXT PRIMARY KEY,
  item_id    TEXT NOT NULL,
  first_at   TIMESTAMPTZ NOT NULL,
  last_at    TIMESTAMPTZ NOT NULL,
  names      TEXT NOT NULL,
  figures    TEXT NOT NULL
);
CREATE TABLE flow_findings (
  id          TEXT PRIMARY KEY,
  fingerprint TEXT NOT NULL,
  kind        TEXT NOT NULL,
  key         TEXT NOT NULL,
  subject     TEXT NOT NULL,
  peer        TEXT NOT NULL,
  port        BIGINT NOT NULL,
  item_id     TEXT NOT NULL,
  title       TEXT NOT NULL,
  reason      TEXT NOT NULL,
  critical    BOOLEAN NOT NULL,
  began_at    TIMESTAMPTZ NOT NULL,
  detected_at TIMESTAMPTZ NOT NULL,
  ended_at    TIMESTAMPTZ,
  end_reason  TEXT NOT NULL
);
CREATE INDEX flow_findings_ended ON flow_findings (ended_at);
CREATE TABLE flow_state (
  id   TEXT PRIMARY KEY,
  body TEXT NOT NULL
);
