CREATE TABLE network_views (
  item_id    TEXT NOT NULL,
  source     TEXT NOT NULL,
  hashes     TEXT NOT NULL,
  seen_at    TIMESTAMPTZ NOT NULL,
  changed_at TIMESTAMPTZ NOT NULL,
  PRIMARY KEY (item_id, source)
);
CREATE TABLE network_interfaces (
  item_id   TEXT NOT NULL,
  source    TEXT NOT NULL,
  if_index  BIGINT NOT NULL,
  name      TEXT NOT NULL,
  descr     TEXT NOT NULL,
  alias     TEXT NOT NULL,
  type      TEXT NOT NULL,
  mac       TEXT NOT NULL,
  speed_bps BIGINT NOT NULL,
  mtu       BIGINT NOT NULL,
  admin_up  BOOLEAN NOT NULL,
  oper_up   BOOLEAN NOT NULL,
  duplex    TEXT NOT NULL,
  vlan      BIGINT NOT NULL,
  is_virtual  BOOLEAN NOT NULL,
  is_loopback BOOLEAN NOT NULL,
  PRIMARY KEY (item_id, source, if_index)
);
CREATE TABLE network_addresses (
  item_id       TEXT NOT NULL,
  source        TEXT NOT NULL,
  vrf           TEXT NOT NULL,
  address       TEXT NOT NULL,
  if_index      BIGINT NOT NULL,
  prefix_length BIGINT NOT NULL,
  PRIMARY KEY (item_id, source, vrf, address, if_index)
);
CREATE INDEX network_addresses_address ON network_addresses (address);
CREATE TABLE network_vlans (
  item_id TEXT NOT NULL,
  source  TEXT NOT NULL,
  vlan    BIGINT NOT NULL,
  name    TEXT NOT NULL,
  PRIMARY KEY (item_id, source, vlan)
);
CREATE TABLE network_evidence (
  item_id        TEXT NOT NULL,
  source         TEXT NOT NULL,
  hash           TEXT NOT NULL,
  if_index       BIGINT NOT NULL,
  evidence       TEXT NOT NULL,
  remote_name    TEXT NOT NULL,
  remote_port    TEXT NOT NULL,
  remote_mac     TEXT NOT NULL,
  remote_address TEXT NOT NULL,
  vlan           BIGINT NOT NULL,
  port           BIGINT NOT NULL,
  process        TEXT NOT NULL,
  first_seen     TIMESTAMPTZ NOT NULL,
  gone_at        TIMESTAMPTZ,
  PRIMARY KEY (item_id, source, hash)
);
CREATE TABLE links (
  id         TEXT PRIMARY KEY,
  layer      TEXT NOT NULL,
  a_item     TEXT NOT NULL,
  a_port     TEXT NOT NULL,
  b_item     TEXT NOT NULL,
  b_port     TEXT NOT NULL,
  b_unknown  TEXT NOT NULL,
  b_label    TEXT NOT NULL,
  evidence   TEXT NOT NULL,
  confidence DOUBLE PRECISION NOT NULL,
  first_seen TIMESTAMPTZ NOT NULL,
  last_seen  TIMESTAMPTZ NOT NULL,
  decided    TEXT NOT NULL,
  UNIQUE (layer, a_item, a_port, b_item, b_unknown, b_port)
);
CREATE INDEX links_a ON links (a_item);
CREATE INDEX links_b ON links (b_item);
CREATE TABLE topology_settings (
  id           BIGINT PRIMARY KEY,
  stale_hours  BIGINT NOT NULL,
  remove_hours BIGINT NOT NULL
);
INSERT INTO topology_settings (id, stale_hours, remove_hours) VALUES (1, 24, 720);
