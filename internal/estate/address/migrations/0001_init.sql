CREATE TABLE address_vrfs (
  name        TEXT PRIMARY KEY,
  rd          TEXT NOT NULL,
  description TEXT NOT NULL,
  created_at  TIMESTAMPTZ NOT NULL
);
CREATE TABLE address_vlans (
  id          TEXT PRIMARY KEY,
  vid         BIGINT NOT NULL,
  site        TEXT NOT NULL,
  name        TEXT NOT NULL,
  description TEXT NOT NULL,
  source      TEXT NOT NULL,
  last_seen   TIMESTAMPTZ,
  created_at  TIMESTAMPTZ NOT NULL,
  updated_at  TIMESTAMPTZ NOT NULL,
  version     BIGINT NOT NULL,
  UNIQUE (site, vid)
);
CREATE INDEX address_vlans_vid ON address_vlans (vid, site);
CREATE TABLE address_prefixes (
  id          TEXT PRIMARY KEY,
  vrf         TEXT NOT NULL,
  prefix      TEXT NOT NULL,
  first       TEXT NOT NULL,
  last        TEXT NOT NULL,
  length      BIGINT NOT NULL,
  depth       BIGINT NOT NULL,
  status      TEXT NOT NULL,
  role        TEXT NOT NULL,
  site        TEXT NOT NULL,
  description TEXT NOT NULL,
  gateway     TEXT NOT NULL,
  vlan        BIGINT NOT NULL,
  warn_at     BIGINT NOT NULL,
  capacity    DOUBLE PRECISION NOT NULL,
  used        BIGINT NOT NULL,
  source      TEXT NOT NULL,
  created_at  TIMESTAMPTZ NOT NULL,
  updated_at  TIMESTAMPTZ NOT NULL,
  version     BIGINT NOT NULL,
  UNIQUE (vrf, prefix)
);
CREATE INDEX address_prefixes_order ON address_prefixes (vrf, first, length);
CREATE TABLE address_ranges (
  id          TEXT PRIMARY KEY,
  prefix_id   TEXT NOT NULL REFERENCES address_prefixes (id) ON DELETE CASCADE,
  first       TEXT NOT NULL,
  last        TEXT NOT NULL,
  purpose     TEXT NOT NULL,
  description TEXT NOT NULL,
  created_at  TIMESTAMPTZ NOT NULL
);
CREATE INDEX address_ranges_prefix ON address_ranges (prefix_id, first);
CREATE TABLE addresses (
  id             TEXT PRIMARY KEY,
  vrf            TEXT NOT NULL,
  address        TEXT NOT NULL,
  key            TEXT NOT NULL,
  status         TEXT NOT NULL,
  shared         BOOLEAN NOT NULL,
  dns_name       TEXT NOT NULL,
  description    TEXT NOT NULL,
  source         TEXT NOT NULL,
  claims         BIGINT NOT NULL,
  first_seen     TIMESTAMPTZ,
  last_seen      TIMESTAMPTZ,
  dns_state      TEXT NOT NULL,
  dns_found      TEXT NOT NULL,
  dns_forward    TEXT NOT NULL,
  dns_checked_at TIMESTAMPTZ,
  created_at     TIMESTAMPTZ NOT NULL,
  updated_at     TIMESTAMPTZ NOT NULL,
  version        BIGINT NOT NULL,
  UNIQUE (vrf, key)
);
CREATE INDEX addresses_claims ON addresses (claims, vrf, key);
CREATE INDEX addresses_dns ON addresses (dns_state, vrf, key);
CREATE INDEX addresses_checked ON addresses (dns_checked_at);
CREATE INDEX addresses_status ON addresses (status, vrf, key);
CREATE TABLE address_claims (
  address_id TEXT NOT NULL REFERENCES addresses (id) ON DELETE CASCADE,
  item_id    TEXT NOT NULL,
  source     TEXT NOT NULL,
  interface  TEXT NOT NULL,
  mac        TEXT NOT NULL,
  last_seen  TIMESTAMPTZ NOT NULL,
  PRIMARY KEY (address_id, item_id, source)
);
CREATE INDEX address_claims_item ON address_claims (item_id, source);
