DROP TRIGGER search_docs_ai;
DROP TRIGGER search_docs_ad;
DROP TRIGGER search_docs_au;
DROP TABLE search_fts;
ALTER TABLE search_docs ADD COLUMN name_words TEXT NOT NULL DEFAULT '';
ALTER TABLE search_docs ADD COLUMN title_words TEXT NOT NULL DEFAULT '';
UPDATE search_docs SET name_words = replace(lower(name), '-', ' '), title_words = lower(title);
CREATE VIRTUAL TABLE search_fts USING fts5 (name_words, title_words, body, content='search_docs', content_rowid='id', tokenize='unicode61 remove_diacritics 2', prefix='2 3');
INSERT INTO search_fts (search_fts) VALUES ('rebuild');
CREATE TRIGGER search_docs_ai AFTER INSERT ON search_docs BEGIN
  INSERT INTO search_fts (rowid, name_words, title_words, body) VALUES (new.id, new.name_words, new.title_words, new.body);
END;
CREATE TRIGGER search_docs_ad AFTER DELETE ON search_docs BEGIN
  INSERT INTO search_fts (search_fts, rowid, name_words, title_words, body) VALUES ('delete', old.id, old.name_words, old.title_words, old.body);
END;
CREATE TRIGGER search_docs_au AFTER UPDATE OF name_words, title_words, body ON search_docs BEGIN
  INSERT INTO search_fts (search_fts, rowid, name_words, title_words, body) VALUES ('delete', old.id, old.name_words, old.title_words, old.body);
  INSERT INTO search_fts (rowid, name_words, title_words, body) VALUES (new.id, new.name_words, new.title_words, new.body);
END;
