CREATE TABLE agent_authorities (
  id          TEXT PRIMARY KEY,
  certificate TEXT NOT NULL,
  sealed_key  TEXT NOT NULL,
  created_at  TIMESTAMPTZ NOT NULL,
  not_after   TIMESTAMPTZ NOT NULL
);
CREATE TABLE agent_tokens (
  id         TEXT PRIMARY KEY,
  name       TEXT NOT NULL,
  hash       TEXT NOT NULL UNIQUE,
  max_uses   BIGINT NOT NULL,
  uses       BIGINT NOT NULL,
  kind       TEXT NOT NULL,
  team_id    TEXT NOT NULL,
  labels     TEXT NOT NULL,
  created_at TIMESTAMPTZ NOT NULL,
  created_by TEXT NOT NULL,
  expires_at TIMESTAMPTZ NOT NULL,
  revoked_at TIMESTAMPTZ
);
CREATE TABLE agents (
  id            TEXT PRIMARY KEY,
  name          TEXT NOT NULL UNIQUE,
  item_id       TEXT NOT NULL,
  check_name    TEXT NOT NULL,
  team_id       TEXT NOT NULL,
  kind          TEXT NOT NULL,
  labels        TEXT NOT NULL,
  machine_id    TEXT NOT NULL,
  hostname      TEXT NOT NULL,
  os            TEXT NOT NULL,
  arch          TEXT NOT NULL,
  version       TEXT NOT NULL,
  address       TEXT NOT NULL,
  token_id      TEXT NOT NULL,
  serial        TEXT NOT NULL,
  not_after     TIMESTAMPTZ NOT NULL,
  created_at    TIMESTAMPTZ NOT NULL,
  updated_at    TIMESTAMPTZ NOT NULL,
  last_seen_at  TIMESTAMPTZ,
  skew_ms       BIGINT NOT NULL,
  revoked_at    TIMESTAMPTZ
);
CREATE INDEX agents_item ON agents (item_id);
CREATE INDEX agents_machine ON agents (machine_id);
CREATE TABLE agent_streams (
  agent_id TEXT NOT NULL,
  boot     TEXT NOT NULL,
  seq      BIGINT NOT NULL,
  at       TIMESTAMPTZ NOT NULL,
  PRIMARY KEY (agent_id, boot)
);
CREATE TABLE agent_facts (
  agent_id   TEXT NOT NULL,
  kind       TEXT NOT NULL,
  fact_key   TEXT NOT NULL,
  name       TEXT NOT NULL,
  version    TEXT NOT NULL,
  detail     TEXT NOT NULL,
  first_seen TIMESTAMPTZ NOT NULL,
  PRIMARY KEY (agent_id, kind, fact_key)
);
CREATE INDEX agent_facts_name ON agent_facts (kind, name, agent_id, fact_key);
CREATE TABLE agent_changes (
  id           TEXT PRIMARY KEY,
  agent_id     TEXT NOT NULL,
  kind         TEXT NOT NULL,
  name         TEXT NOT NULL,
  what         TEXT NOT NULL,
  from_version TEXT NOT NULL,
  to_version   TEXT NOT NULL,
  at           TIMESTAMPTZ NOT NULL
);
CREATE INDEX agent_changes_agent ON agent_changes (agent_id, id);
CREATE INDEX agent_changes_at ON agent_changes (at);
CREATE TABLE agent_snapshots (
  agent_id TEXT NOT NULL,
  kind     TEXT NOT NULL,
  body     TEXT NOT NULL,
  at       TIMESTAMPTZ NOT NULL,
  PRIMARY KEY (agent_id, kind)
);
