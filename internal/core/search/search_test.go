package search_test

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/search"
	"github.com/mainstay-ops/mainstay/internal/testkit"
)

var read = access.Permission{Name: "thing.read", Title: "See things", Least: access.Viewer}

func index(t testing.TB, d *db.DB, docs ...search.Doc) *search.Index {
	t.Helper()
	require.NoError(t, d.Migrate(t.Context(), []db.Migrations{search.Migrations()}))
	x := search.New(d)
	x.Kind("item", read)
	x.Kind("incident", read)
	require.NoError(t, d.InTx(t.Context(), func(ctx context.Context, tx *db.Tx) error {
		for _, doc := range docs {
			if err := search.Put(ctx, tx, doc); err != nil {
				return err
			}
		}
		return nil
	}))
	return x
}

func names(t *testing.T, x *search.Index, ctx context.Context, q string, kinds ...string) string {
	t.Helper()
	docs, err := x.Find(ctx, q, kinds, 20)
	require.NoError(t, err, q)
	out := make([]string, len(docs))
	for i, d := range docs {
		out[i] = d.Name
	}
	return strings.Join(out, ",")
}

var corpus = []search.Doc{
	{Kind: "item", RefID: "1", Name: "web-01", Title: "Web server Zürich", Body: "serial SN-4711 mac 00:1b:21:3c:4d:5e os debian_12", URL: "/items/web-01"},
	{Kind: "item", RefID: "2", Name: "web-010", Title: "Spare", Body: "192.0.2.17 1e5 O'Brien's \"desk\" 50% back\\slash", TeamID: "t1"},
	{Kind: "incident", RefID: "3", Name: "INC-12", Title: "web-01 is down", Body: "see https://example.org/a?b=c"},
	{Kind: "incident", RefID: "4", Name: "INC-123", Title: "Café Straße", Body: "-4712 über"},
}

// Every question has the same answer, in the same order, on both databases.
func TestSameHitsOnBothDatabases(t *testing.T) {
	t.Parallel()
	testkit.Databases(t, func(t *testing.T, d *db.DB) {
		x := index(t, d, corpus...)
		ctx := access.AsSystem(t.Context())
		for q, want := range map[string]string{
			"SN-4711": "web-01", "sn": "web-01", "4711": "web-01", "471": "INC-123,web-01", "-4711": "web-01", "4712": "INC-123",
			"INC-12": "INC-12,INC-123", "inc-123": "INC-123", "12": "INC-123,INC-12,web-01", "inc": "INC-123,INC-12",
			"web": "web-010,web-01,INC-12", "web-01": "web-01,web-010,INC-12", "web 0": "web-010,web-01,INC-12",
			"zurich": "web-01", "ZÜRICH": "web-01", "cafe": "INC-123", "Café": "INC-123", "stra": "INC-123", "uber": "INC-123",
			"192.0.2.17": "web-010", "1e5": "web-010", "o'brien": "web-010", `"desk"`: "web-010", "50%": "web-010", `back\slash`: "web-010",
			"debian": "web-01", "00:1b:21": "web-01", "example.org": "INC-12",
			"web nothing": "", "%": "", "": "", "' | x": "", `" OR "`: "INC-12", "*": "", "NEAR(web)": "",
		} {
			require.Equal(t, want, names(t, x, ctx, q), "query %q", q)
		}
		require.Equal(t, "INC-12", names(t, x, ctx, "web", "incident"), "narrowed to a kind")
		require.Empty(t, names(t, x, ctx, "web", "no-such-kind"))
	})
}

func TestPutReplacesAndRemoveTakesOut(t *testing.T) {
	t.Parallel()
	testkit.Databases(t, func(t *testing.T, d *db.DB) {
		x := index(t, d, corpus...)
		ctx := access.AsSystem(t.Context())
		require.NoError(t, d.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
			if err := search.Remove(ctx, tx, "incident", "3"); err != nil {
				return err
			}
			return search.Put(ctx, tx, search.Doc{Kind: "item", RefID: "1", Name: "db-01", Title: "Database", Body: strings.Repeat("ü", 40<<10)})
		}))
		require.Empty(t, names(t, x, ctx, "SN-4711"))
		require.Equal(t, "db-01", names(t, x, ctx, "database"))
		require.Equal(t, "web-010", names(t, x, ctx, "web"))
	})
}

// What a person may not read is left out by the query itself.
func TestFindKeepsToPermissions(t *testing.T) {
	t.Parallel()
	testkit.Databases(t, func(t *testing.T, d *db.DB) {
		x := index(t, d, corpus...)
		as := func(p *access.Principal) context.Context { return access.With(t.Context(), p) }
		require.Equal(t, "web-010,web-01", names(t, x, as(&access.Principal{Role: access.Viewer}), "web", "item"))
		require.Empty(t, names(t, x, t.Context(), "web"), "nobody")
		require.Empty(t, names(t, x, as(&access.Principal{}), "web"), "no role")
		require.Empty(t, names(t, x, as(&access.Principal{Role: access.Admin, Scopes: []string{"other."}}), "web"), "out of scope")
		require.Equal(t, "web-010", names(t, x, as(&access.Principal{Teams: map[string]access.Role{"t1": access.Viewer}}), "web"), "only the team's")
		require.Empty(t, names(t, x, as(&access.Principal{Teams: map[string]access.Role{"t1": access.None}}), "web"), "a member without a role")
	})
}

// A database from before the words were cut in Go finds its old rows.
func TestOldRowsAreFoundAfterTheMigration(t *testing.T) {
	t.Parallel()
	testkit.Databases(t, func(t *testing.T, d *db.DB) {
		all := search.Migrations()
		require.NoError(t, d.Migrate(t.Context(), []db.Migrations{{Module: all.Module, FS: first{all.FS}}}))
		_, err := d.SQL().ExecContext(t.Context(), "INSERT INTO search_docs (kind, ref_id, name, title, body, url, team_id, updated_at) VALUES ('item', '9', 'old-77', 'Old one', 'SN-9911', '', '', CURRENT_TIMESTAMP)")
		require.NoError(t, err)
		x := index(t, d)
		for _, q := range []string{"old-77", "77", "9911", "old one"} {
			require.Equal(t, "old-77", names(t, x, access.AsSystem(t.Context()), q), q)
		}
	})
}

func FuzzFind(f *testing.F) {
	d := testkit.SQLite(f)
	x := index(f, d, corpus...)
	for _, s := range []string{"SN-4711", `"`, "'", "*", "\x00", "\xff\xfe", "a AND b", strings.Repeat("x", 300)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, q string) {
		if _, err := x.Find(access.AsSystem(t.Context()), q, nil, 5); err != nil {
			t.Fatalf("%q: %v", q, err)
		}
	})
}

// BenchmarkFind measures one question among many documents: 20,000, or as many as
// MAINSTAY_SEARCH_DOCS says (docs/benchmarks.md has the figures of a million).
func BenchmarkFind(b *testing.B) {
	n := 20_000
	if s := os.Getenv("MAINSTAY_SEARCH_DOCS"); s != "" {
		n, _ = strconv.Atoi(s)
	}
	for name, open := range map[string]func(testing.TB) *db.DB{"sqlite": testkit.SQLite, "postgres": testkit.Postgres} {
		b.Run(name, func(b *testing.B) {
			d := open(b)
			x := index(b, d)
			start := time.Now()
			for i := 0; i < n; i += 10_000 {
				require.NoError(b, d.InTx(b.Context(), func(ctx context.Context, tx *db.Tx) error {
					for j := i; j < min(i+10_000, n); j++ {
						if err := search.Put(ctx, tx, search.Doc{Kind: "item", RefID: strconv.Itoa(j), Name: fmt.Sprintf("host-%07d", j), Title: fmt.Sprintf("Server %d in rack %d", j, j%500), Body: fmt.Sprintf("serial SN-%d site %c linux", j*7, 'a'+j%26)}); err != nil {
							return err
						}
					}
					return nil
				}))
			}
			b.Logf("%d documents written in %s", n, time.Since(start).Round(time.Millisecond))
			ctx := access.AsSystem(b.Context())
			for what, q := range map[string]string{"name": fmt.Sprintf("host-%07d", n/2), "number": strconv.Itoa(n / 3 * 7), "common": "linux", "prefix": "se ra"} {
				b.Run(what, func(b *testing.B) {
					for b.Loop() {
						docs, err := x.Find(ctx, q, nil, 20)
						require.NoError(b, err)
						require.NotEmpty(b, docs)
					}
				})
			}
		})
	}
}
