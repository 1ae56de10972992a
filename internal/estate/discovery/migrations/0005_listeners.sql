CREATE TABLE discovery_listeners (
  item       TEXT PRIMARY KEY,
  gone_since TIMESTAMPTZ
);
