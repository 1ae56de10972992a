CREATE TABLE iot_clients (
  name        TEXT PRIMARY KEY,
  client_id   TEXT NOT NULL,
  hash        TEXT NOT NULL,
  profile     TEXT NOT NULL,
  publish     TEXT NOT NULL,
  subscribe   TEXT NOT NULL,
  per_second  BIGINT NOT NULL,
  burst       BIGINT NOT NULL,
  team_id     TEXT NOT NULL,
  created_at  TIMESTAMPTZ NOT NULL,
  updated_at  TIMESTAMPTZ NOT NULL,
  rotated_at  TIMESTAMPTZ NOT NULL,
  revoked_at  TIMESTAMPTZ,
  last_seen   TIMESTAMPTZ,
  session     BOOLEAN NOT NULL,
  version     BIGINT NOT NULL
);
CREATE TABLE iot_devices (
  id           TEXT PRIMARY KEY,
  device_key   TEXT NOT NULL UNIQUE,
  name         TEXT NOT NULL,
  client       TEXT NOT NULL,
  item_id      TEXT NOT NULL,
  team_id      TEXT NOT NULL,
  format       TEXT NOT NULL,
  info         TEXT NOT NULL,
  commands     TEXT NOT NULL,
  figures      TEXT NOT NULL,
  online       TEXT NOT NULL,
  first_seen   TIMESTAMPTZ NOT NULL,
  last_seen    TIMESTAMPTZ NOT NULL,
  every_ms     BIGINT NOT NULL,
  heard        BIGINT NOT NULL,
  bad_clock    BIGINT NOT NULL,
  expect_s     BIGINT NOT NULL,
  battery_low  BIGINT NOT NULL,
  room_id      TEXT NOT NULL,
  room_pinned  BOOLEAN NOT NULL,
  raised       TEXT NOT NULL
);
CREATE INDEX iot_devices_name ON iot_devices (name, id);
CREATE INDEX iot_devices_item ON iot_devices (item_id);
CREATE TABLE iot_memory (
  topic   TEXT PRIMARY KEY,
  client  TEXT NOT NULL,
  payload TEXT NOT NULL,
  at      TIMESTAMPTZ NOT NULL
);
CREATE TABLE iot_unknown (
  topic      TEXT PRIMARY KEY,
  client     TEXT NOT NULL,
  sample     TEXT NOT NULL,
  messages   BIGINT NOT NULL,
  first_seen TIMESTAMPTZ NOT NULL,
  last_seen  TIMESTAMPTZ NOT NULL
);
CREATE TABLE iot_mappings (
  name       TEXT PRIMARY KEY,
  topic      TEXT NOT NULL,
  client     TEXT NOT NULL,
  device     TEXT NOT NULL,
  unit       TEXT NOT NULL,
  scale      DOUBLE PRECISION NOT NULL,
  fields     TEXT NOT NULL,
  ignored    BOOLEAN NOT NULL,
  updated_at TIMESTAMPTZ NOT NULL
);
CREATE TABLE iot_commands (
  id        TEXT PRIMARY KEY,
  device_id TEXT NOT NULL,
  name      TEXT NOT NULL,
  topic     TEXT NOT NULL,
  payload   TEXT NOT NULL,
  actor     TEXT NOT NULL,
  state     TEXT NOT NULL,
  why       TEXT NOT NULL,
  at        TIMESTAMPTZ NOT NULL,
  done_at   TIMESTAMPTZ
);
CREATE INDEX iot_commands_device ON iot_commands (device_id, id);
CREATE INDEX iot_commands_state ON iot_commands (state);
CREATE TABLE iot_floors (
  id         TEXT PRIMARY KEY,
  item_id    TEXT NOT NULL,
  building   TEXT NOT NULL,
  name       TEXT NOT NULL,
  plan       TEXT NOT NULL,
  plan_type  TEXT NOT NULL,
  updated_at TIMESTAMPTZ NOT NULL
);
CREATE UNIQUE INDEX iot_floors_name ON iot_floors (building, name);
CREATE TABLE iot_rooms (
  item_id  TEXT PRIMARY KEY,
  floor_id TEXT NOT NULL,
  name     TEXT NOT NULL,
  x        BIGINT NOT NULL,
  y        BIGINT NOT NULL,
  w        BIGINT NOT NULL,
  h        BIGINT NOT NULL
);
CREATE INDEX iot_rooms_floor ON iot_rooms (floor_id);
CREATE TABLE iot_prices (
  since    TIMESTAMPTZ PRIMARY KEY,
  price    DOUBLE PRECISION NOT NULL,
  currency TEXT NOT NULL
);
