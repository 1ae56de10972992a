// Package search finds records and items by the words in them: FTS5 on SQLite,
// tsvector on PostgreSQL. Every word typed is a prefix and all must occur. What a
// person may not read is left out by the same query.
package search

import (
	"context"
	"embed"
	"strings"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/db"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrations of the search tables.
func Migrations() db.Migrations { return db.Migrations{Module: "core.search", FS: migrations} }

// Doc is what is found.
type Doc struct {
	Kind   string `json:"kind"`
	RefID  string `json:"-"`
	Name   string `json:"name"`
	Title  string `json:"title"`
	Body   string `json:"-"`
	URL    string `json:"url"`
	TeamID string `json:"-"`
}

const maxBody = 32 << 10

// Put adds or replaces a document as part of tx. Of the body only its words are
// kept, at most 32 KiB of it.
func Put(ctx context.Context, tx *db.Tx, d Doc) error { return PutAll(ctx, tx, []Doc{d}) }

// PutAll does as Put for many documents, with few statements; no two may be of one
// thing.
func PutAll(ctx context.Context, tx *db.Tx, ds []Doc) error {
	for len(ds) > 0 {
		part := ds[:min(50, len(ds))]
		ds = ds[len(part):]
		var args []any
		for _, d := range part {
			if len(d.Body) > maxBody {
				d.Body = d.Body[:maxBody]
			}
			args = append(args, d.Kind, d.RefID, d.Name, d.Title, stored(d.Body), d.URL, d.TeamID, tx.Now(), stored(d.Name), stored(d.Title))
		}
		values := strings.Repeat(", (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", len(part))[2:]
		if _, err := tx.NewRaw(`INSERT INTO search_docs (kind, ref_id, name, title, body, url, team_id, updated_at, name_words, title_words) VALUES `+values+`
ON CONFLICT (kind, ref_id) DO UPDATE SET name = excluded.name, title = excluded.title, body = excluded.body, url = excluded.url, team_id = excluded.team_id, updated_at = excluded.updated_at, name_words = excluded.name_words, title_words = excluded.title_words`, args...).Exec(ctx); err != nil {
			return err
		}
	}
	return nil
}

// Remove takes a document out.
func Remove(ctx context.Context, tx *db.Tx, kind, refID string) error {
	_, err := tx.NewRaw("DELETE FROM search_docs WHERE kind = ? AND ref_id = ?", kind, refID).Exec(ctx)
	return err
}

// Index answers queries and knows who may read which kind.
type Index struct {
	db    *db.DB
	perms map[string]access.Permission
}

// New makes the index.
func New(d *db.DB) *Index { return &Index{db: d, perms: map[string]access.Permission{}} }

// Kind declares the permission to find things of a kind.
func (x *Index) Kind(kind string, read access.Permission) { x.perms[kind] = read }

// Find gives at most limit documents that hold all words of text: first those
// with that name, then those whose name begins so, then those with it in the
// title; the newest first among equals.
func (x *Index) Find(ctx context.Context, text string, kinds []string, limit int) ([]Doc, error) {
	ws := words(text, maxQueryWords)
	if len(ws) == 0 {
		return []Doc{}, nil
	}
	typed := strings.Join(ws, " ")
	from, join := "search_docs d", " & "
	match, order := "d.tsv @@ ?::tsquery", "d.id"
	quote := func(w string) string { return "'" + w + "':*" }
	if x.db.Dialect() == db.SQLite {
		from, join = "search_fts f JOIN search_docs d ON d.id = f.rowid", " "
		match, order = "search_fts MATCH ?", "f.rowid"
		quote = func(w string) string { return `"` + w + `"*` }
	}
	for i, w := range ws {
		ws[i] = quote(w)
	}
	cond, args := x.allowed(ctx, kinds)
	all := append([]any{typed, typed + "%", "%" + typed + "%", strings.Join(ws, join)}, args...)
	out := []Doc{}
	// Ranking every hit of a common word would take seconds on a million
	// documents: of the newest 1,000 hits the best are shown.
	err := x.db.Reader().NewRaw("SELECT kind, ref_id, name, title, url, team_id FROM (SELECT d.kind, d.ref_id, d.name, d.title, d.url, d.team_id, d.id, CASE WHEN d.name_words = ? THEN 0 WHEN d.name_words LIKE ? THEN 1 WHEN d.title_words LIKE ? THEN 2 ELSE 3 END AS tier FROM "+
		from+" WHERE "+match+" AND ("+cond+") ORDER BY "+order+" DESC LIMIT 1000) x ORDER BY tier, id DESC LIMIT ?", append(all, limit)...).Scan(ctx, &out)
	return out, err
}

func (x *Index) allowed(ctx context.Context, kinds []string) (string, []any) {
	want := map[string]bool{}
	for _, k := range kinds {
		want[k] = true
	}
	var parts []string
	var args []any
	for kind, perm := range x.perms {
		if len(want) > 0 && !want[kind] {
			continue
		}
		cond, a := access.Where(ctx, perm, "d.team_id")
		if cond == "1 = 0" {
			continue
		}
		parts = append(parts, "d.kind = ? AND "+cond)
		args = append(append(args, kind), a...)
	}
	if len(parts) == 0 {
		return "1 = 0", nil
	}
	return strings.Join(parts, " OR "), args
}
