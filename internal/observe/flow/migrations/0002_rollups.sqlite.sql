CREATE TABLE flow_rollups (
  tier      BIGINT NOT NULL,
  dimension TEXT NOT NULL,
  at        BIGINT NOT NULL,
  body      BLOB NOT NULL,
  PRIMARY KEY (tier, dimension, at)
);
