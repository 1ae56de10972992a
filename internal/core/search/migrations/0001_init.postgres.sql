CREATE TABLE search_docs (
  id         BIGSERIAL PRIMARY KEY,
  kind       TEXT NOT NULL,
  ref_id     TEXT NOT NULL,
  name       TEXT NOT NULL,
  title      TEXT NOT NULL,
  body       TEXT NOT NULL,
  url        TEXT NOT NULL,
  team_id    TEXT NOT NULL,
  updated_at TIMESTAMPTZ NOT NULL,
  tsv        TSVECTOR GENERATED ALWAYS AS (setweight(to_tsvector('simple', name), 'A') || setweight(to_tsvector('simple', title), 'B') || to_tsvector('simple', body)) STORED,
  UNIQUE (kind, ref_id)
);
CREATE INDEX search_docs_tsv ON search_docs USING GIN (tsv);
