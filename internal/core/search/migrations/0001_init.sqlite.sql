CREATE TABLE search_docs (
  id         INTEGER PRIMARY KEY,
  kind       TEXT NOT NULL,
  ref_id     TEXT NOT NULL,
  name       TEXT NOT NULL,
  title      TEXT NOT NULL,
  body       TEXT NOT NULL,
  url        TEXT NOT NULL,
  team_id    TEXT NOT NULL,
  updated_at TIMESTAMPTZ NOT NULL,
  UNIQUE (kind, ref_id)
);
CREATE VIRTUAL TABLE search_fts USING fts5 (name, title, body, content='search_docs', content_rowid='id', tokenize='unicode61 remove_diacritics 2', prefix='2 3');
CREATE TRIGGER search_docs_ai AFTER INSERT ON search_docs BEGIN
  INSERT INTO search_fts (rowid, name, title, body) VALUES (new.id, new.name, new.title, new.body);
END;
CREATE TRIGGER search_docs_ad AFTER DELETE ON search_docs BEGIN
  INSERT INTO search_fts (search_fts, rowid, name, title, body) VALUES ('delete', old.id, old.name, old.title, old.body);
END;
CREATE TRIGGER search_docs_au AFTER UPDATE OF name, title, body ON search_docs BEGIN
  INSERT INTO search_fts (search_fts, rowid, name, title, body) VALUES ('delete', old.id, old.name, old.title, old.body);
  INSERT INTO search_fts (rowid, name, title, body) VALUES (new.id, new.name, new.title, new.body);
END;
