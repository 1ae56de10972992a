CREATE TABLE device_settings (
  item_id       TEXT PRIMARY KEY,
  every_seconds BIGINT NOT NULL,
  updated_at    TIMESTAMPTZ NOT NULL
);
