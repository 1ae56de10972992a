CREATE TABLE flow_rollups (
  tier      BIGINT NOT NULL,
  dimension TEXT NOT NULL,
  at        BIGINT NOT NULL,
  body      BYTEA NOT NULL,
  PRIMARY KEY (tier, dimension, at)
);
