CREATE TABLE dashboards (
  name       TEXT PRIMARY KEY,
  title      TEXT NOT NULL,
  spec       TEXT NOT NULL,
  version    BIGINT NOT NULL,
  updated_by TEXT NOT NULL,
  created_at TIMESTAMPTZ NOT NULL,
  updated_at TIMESTAMPTZ NOT NULL
);
CREATE TABLE dashboard_shares (
  id           TEXT PRIMARY KEY,
  dashboard    TEXT NOT NULL,
  token_hash   TEXT NOT NULL UNIQUE,
  note         TEXT NOT NULL,
  created_by   TEXT NOT NULL,
  created_at   TIMESTAMPTZ NOT NULL,
  expires_at   TIMESTAMPTZ,
  last_used_at TIMESTAMPTZ
);
CREATE INDEX dashboard_shares_dashboard ON dashboard_shares (dashboard);
