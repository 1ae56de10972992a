// Package search finds records and items by the words in them: FTS5 on SQLite,
// tsvector on PostgreSQL. Every word typed is a prefix and all must occur. What a
// person may not read is left out by the same query.
package search

import (
	"context"
	"embed"
	"strings"
	"unicode"

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

// Put adds or replaces a document as part of tx.
func Put(ctx context.Context, tx *db.Tx, d Doc) error {
	if len(d.Body) > maxBody {
		d.Body = strings.ToValidUTF8(d.Body[:maxBody], "")
	}
	_, err := tx.NewRaw(`INSERT INTO search_docs (kind, ref_id, name, title, body, url, team_id, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (kind, ref_id) DO UPDATE SET name = excluded.name, title = excluded.title, body = excluded.body, url = excluded.url, team_id = excluded.team_id, updated_at = excluded.updated_at`,
		d.Kind, d.RefID, d.Name, d.Title, d.Body, d.URL, d.TeamID, tx.Now()).Exec(ctx)
	return err
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

// Find gives at most limit documents that hold all words of text, the best first.
func (x *Index) Find(ctx context.Context, text string, kinds []string, limit int) ([]Doc, error) {
	words := split(text)
	if len(words) == 0 {
		return []Doc{}, nil
	}
	cond, args := x.allowed(ctx, kinds)
	out := []Doc{}
	q := x.db.Reader()
	if x.db.Dialect() == db.Postgres {
		for i, w := range words {
			words[i] = "'" + strings.ReplaceAll(w, "'", "''") + "':*"
		}
		all := append([]any{strings.Join(words, " & ")}, args...)
		err := q.NewRaw("SELECT d.kind, d.ref_id, d.name, d.title, d.url, d.team_id FROM search_docs d, to_tsquery('simple', ?) q WHERE d.tsv @@ q AND ("+cond+") ORDER BY ts_rank(d.tsv, q) DESC, d.updated_at DESC LIMIT ?", append(all, limit)...).Scan(ctx, &out)
		return out, err
	}
	for i, w := range words {
		words[i] = `"` + strings.ReplaceAll(w, `"`, `""`) + `"*`
	}
	match := strings.Join(words, " ")
	// Ranking every hit of a common word would take seconds on a million
	// documents: of the newest 2,000 hits the best are shown.
	all := append([]any{match}, args...)
	err := q.NewRaw("SELECT kind, ref_id, name, title, url, team_id FROM (SELECT d.*, f.rowid AS rid, CASE WHEN lower(d.name) = ? THEN 0 WHEN d.name LIKE ? THEN 1 WHEN d.title LIKE ? THEN 2 ELSE 3 END AS tier FROM search_fts f JOIN search_docs d ON d.id = f.rowid WHERE search_fts MATCH ? AND ("+cond+") ORDER BY f.rowid DESC LIMIT 2000) x ORDER BY tier, rid DESC LIMIT ?",
		append(append([]any{strings.ToLower(strings.TrimSpace(text)), likePrefix(text), "%" + likePrefix(text)}, all...), limit)...).Scan(ctx, &out)
	return out, err
}

func likePrefix(s string) string {
	return strings.NewReplacer("%", "", "_", "", `\`, "").Replace(strings.TrimSpace(s)) + "%"
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

// split takes at most eight words of letters and digits.
func split(s string) []string {
	ws := strings.FieldsFunc(s, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	if len(ws) > 8 {
		ws = ws[:8]
	}
	for i, w := range ws {
		if len(w) > 64 {
			ws[i] = strings.ToValidUTF8(w[:64], "")
		}
	}
	return ws
}
