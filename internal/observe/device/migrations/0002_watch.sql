-- Names of the interfaces that have a check of their own, a JSON list.
ALTER TABLE device_settings ADD COLUMN watch TEXT NOT NULL DEFAULT '[]';
