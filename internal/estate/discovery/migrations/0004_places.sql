ALTER TABLE discovery_readings ADD COLUMN place TEXT NOT NULL DEFAULT '';
ALTER TABLE discovery_suggestions ADD COLUMN place TEXT NOT NULL DEFAULT '';
