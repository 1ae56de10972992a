CREATE TABLE discovery_certificates (
  item_id   TEXT PRIMARY KEY,
  item      TEXT NOT NULL,
  subject   TEXT NOT NULL,
  issuer    TEXT NOT NULL,
  not_after TIMESTAMPTZ NOT NULL,
  seen_at   TIMESTAMPTZ NOT NULL
);
CREATE INDEX discovery_certificates_not_after ON discovery_certificates (not_after, item);
