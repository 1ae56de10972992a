CREATE TABLE flow_exporters (
  address    TEXT PRIMARY KEY,
  item_id    TEXT NOT NULL,
  first_at   TIMESTAMPTZ NOT NULL,
  last_at    TIMESTAMPTZ NOT NULL,
  names      TEXT NOT NULL,
  figures    TEXT NOT NULL
);
CREATE TABLE flow_state (
  id   TEXT PRIMARY KEY,
  body TEXT NOT NULL
);
