ALTER TABLE network_evidence ADD COLUMN remote_port_descr TEXT NOT NULL DEFAULT '';
