CREATE TABLE events (
  seq  BIGSERIAL PRIMARY KEY,
  name TEXT NOT NULL,
  at   TIMESTAMPTZ NOT NULL,
  data TEXT NOT NULL
);
CREATE TABLE event_cursors (
  subscriber TEXT PRIMARY KEY,
  seq        BIGINT NOT NULL
);
CREATE TABLE event_parked (
  subscriber TEXT NOT NULL,
  seq        BIGINT NOT NULL,
  at         TIMESTAMPTZ NOT NULL,
  error      TEXT NOT NULL,
  PRIMARY KEY (subscriber, seq)
);
