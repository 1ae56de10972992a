ALTER TABLE search_docs DROP COLUMN tsv;
ALTER TABLE search_docs ADD COLUMN name_words TEXT NOT NULL DEFAULT '';
ALTER TABLE search_docs ADD COLUMN title_words TEXT NOT NULL DEFAULT '';
UPDATE search_docs SET
  name_words = btrim(regexp_replace(lower(name), '[^[:alnum:]]+', ' ', 'g')),
  title_words = btrim(regexp_replace(lower(title), '[^[:alnum:]]+', ' ', 'g')),
  body = btrim(regexp_replace(lower(body), '[^[:alnum:]]+', ' ', 'g'));
ALTER TABLE search_docs ADD COLUMN tsv TSVECTOR GENERATED ALWAYS AS (array_to_tsvector(array_remove(string_to_array(name_words || ' ' || title_words || ' ' || body, ' '), ''))) STORED;
CREATE INDEX search_docs_tsv ON search_docs USING GIN (tsv);
