CREATE TABLE check_unreachable (
  check_id   TEXT NOT NULL,
  item_id    TEXT NOT NULL,
  started_at TIMESTAMPTZ NOT NULL,
  ended_at   TIMESTAMPTZ,
  PRIMARY KEY (check_id, started_at)
);
CREATE INDEX check_unreachable_item ON check_unreachable (item_id, started_at);
CREATE INDEX check_unreachable_ended ON check_unreachable (ended_at);
