CREATE TABLE asset_settings (
  id           BIGINT PRIMARY KEY,
  prefix       TEXT NOT NULL,
  digits       BIGINT NOT NULL,
  next_number  BIGINT NOT NULL
);
INSERT INTO asset_settings (id, prefix, digits, next_number) VALUES (1, 'A-', 5, 1);
CREATE TABLE assets (
  id             TEXT PRIMARY KEY,
  tag            TEXT NOT NULL UNIQUE,
  state          TEXT NOT NULL,
  item_id        TEXT NOT NULL,
  title          TEXT NOT NULL,
  category       TEXT NOT NULL,
  manufacturer   TEXT NOT NULL,
  model          TEXT NOT NULL,
  serial         TEXT NOT NULL,
  serial_key     TEXT NOT NULL,
  location       TEXT NOT NULL,
  vendor         TEXT NOT NULL,
  order_number   TEXT NOT NULL,
  purchased_on   TEXT NOT NULL,
  price          BIGINT NOT NULL,
  currency       TEXT NOT NULL,
  warranty_until TEXT NOT NULL,
  support_until  TEXT NOT NULL,
  end_of_life    TEXT NOT NULL,
  notes          TEXT NOT NULL,
  folded         TEXT NOT NULL,
  holder_id      TEXT NOT NULL,
  held_since     TIMESTAMPTZ,
  due_on         TEXT NOT NULL,
  seen_at        TIMESTAMPTZ,
  seen_place     TEXT NOT NULL,
  created_at     TIMESTAMPTZ NOT NULL,
  updated_at     TIMESTAMPTZ NOT NULL,
  version        BIGINT NOT NULL
);
CREATE INDEX assets_state ON assets (state, tag);
CREATE INDEX assets_category ON assets (category, tag);
CREATE INDEX assets_holder ON assets (holder_id, tag);
CREATE INDEX assets_item ON assets (item_id);
CREATE INDEX assets_serial ON assets (serial_key);
CREATE INDEX assets_due ON assets (due_on, tag);
CREATE INDEX assets_warranty ON assets (warranty_until, id);
CREATE INDEX assets_support ON assets (support_until, id);
CREATE INDEX assets_end ON assets (end_of_life, id);
CREATE TABLE asset_handovers (
  id           TEXT PRIMARY KEY,
  asset_id     TEXT NOT NULL REFERENCES assets (id) ON DELETE CASCADE,
  person_id    TEXT NOT NULL,
  out_at       TIMESTAMPTZ NOT NULL,
  out_by       TEXT NOT NULL,
  out_note     TEXT NOT NULL,
  due_on       TEXT NOT NULL,
  signed       BOOLEAN NOT NULL,
  confirmed_at TIMESTAMPTZ,
  in_at        TIMESTAMPTZ,
  in_by        TEXT NOT NULL,
  in_note      TEXT NOT NULL
);
CREATE INDEX asset_handovers_asset ON asset_handovers (asset_id, id);
CREATE TABLE asset_sightings (
  id       TEXT PRIMARY KEY,
  asset_id TEXT NOT NULL REFERENCES assets (id) ON DELETE CASCADE,
  at       TIMESTAMPTZ NOT NULL,
  actor    TEXT NOT NULL,
  place    TEXT NOT NULL
);
CREATE INDEX asset_sightings_asset ON asset_sightings (asset_id, id);
CREATE TABLE asset_stock (
  id         TEXT PRIMARY KEY,
  name       TEXT NOT NULL UNIQUE,
  category   TEXT NOT NULL,
  unit       TEXT NOT NULL,
  location   TEXT NOT NULL,
  minimum    BIGINT NOT NULL,
  notes      TEXT NOT NULL,
  quantity   BIGINT NOT NULL CHECK (quantity >= 0),
  created_at TIMESTAMPTZ NOT NULL,
  updated_at TIMESTAMPTZ NOT NULL,
  version    BIGINT NOT NULL
);
CREATE TABLE asset_bookings (
  id       TEXT PRIMARY KEY,
  stock_id TEXT NOT NULL REFERENCES asset_stock (id) ON DELETE CASCADE,
  at       TIMESTAMPTZ NOT NULL,
  actor    TEXT NOT NULL,
  change   BIGINT NOT NULL,
  quantity BIGINT NOT NULL,
  reason   TEXT NOT NULL
);
CREATE INDEX asset_bookings_stock ON asset_bookings (stock_id, id);
CREATE TABLE asset_items (
  item_id    TEXT PRIMARY KEY,
  serial_key TEXT NOT NULL
);
CREATE INDEX asset_items_serial ON asset_items (serial_key);
CREATE TABLE asset_releases (
  product    TEXT NOT NULL,
  release    TEXT NOT NULL,
  title      TEXT NOT NULL,
  ends_on    TEXT NOT NULL,
  source     TEXT NOT NULL,
  updated_at TIMESTAMPTZ NOT NULL,
  PRIMARY KEY (product, release)
);
CREATE TABLE asset_matches (
  item_id TEXT NOT NULL,
  product TEXT NOT NULL,
  release TEXT NOT NULL,
  title   TEXT NOT NULL,
  ends_on TEXT NOT NULL,
  found   TEXT NOT NULL,
  PRIMARY KEY (item_id, product)
);
CREATE INDEX asset_matches_end ON asset_matches (ends_on, item_id, product);
CREATE TABLE asset_licenses (
  id           TEXT PRIMARY KEY,
  name         TEXT NOT NULL UNIQUE,
  product      TEXT NOT NULL,
  vendor       TEXT NOT NULL,
  model        TEXT NOT NULL,
  renewal_on   TEXT NOT NULL,
  notice_on    TEXT NOT NULL,
  attribute    TEXT NOT NULL,
  contains     TEXT NOT NULL,
  package      TEXT NOT NULL,
  notes        TEXT NOT NULL,
  created_at   TIMESTAMPTZ NOT NULL,
  updated_at   TIMESTAMPTZ NOT NULL,
  version      BIGINT NOT NULL
);
CREATE INDEX asset_licenses_renewal ON asset_licenses (renewal_on, id);
CREATE TABLE asset_purchases (
  id           TEXT PRIMARY KEY,
  license_id   TEXT NOT NULL REFERENCES asset_licenses (id) ON DELETE CASCADE,
  quantity     BIGINT NOT NULL,
  purchased_on TEXT NOT NULL,
  valid_until  TEXT NOT NULL,
  price        BIGINT NOT NULL,
  currency     TEXT NOT NULL,
  order_number TEXT NOT NULL
);
CREATE INDEX asset_purchases_license ON asset_purchases (license_id, id);
CREATE INDEX asset_purchases_until ON asset_purchases (valid_until, id);
CREATE TABLE asset_assignments (
  license_id TEXT NOT NULL REFERENCES asset_licenses (id) ON DELETE CASCADE,
  kind       TEXT NOT NULL,
  ref_id     TEXT NOT NULL,
  at         TIMESTAMPTZ NOT NULL,
  actor      TEXT NOT NULL,
  PRIMARY KEY (license_id, kind, ref_id)
);
CREATE TABLE asset_uses (
  license_id TEXT NOT NULL REFERENCES asset_licenses (id) ON DELETE CASCADE,
  item_id    TEXT NOT NULL,
  found      TEXT NOT NULL,
  PRIMARY KEY (license_id, item_id)
);
CREATE INDEX asset_uses_item ON asset_uses (item_id);
