package inventory

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/audit"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/httpapi"
)

// load sends a file.
func (h *house) load(query, contentType, file string) (ImportResult, httpapi.Problem, int) {
	h.t.Helper()
	w := h.call(h.ctx, "POST", "/api/v1/items/import"+query, file, "Content-Type", contentType)
	var r ImportResult
	var p httpapi.Problem
	if w.Code == 200 {
		require.NoError(h.t, json.Unmarshal(w.Body.Bytes(), &r))
	} else {
		require.NoError(h.t, json.Unmarshal(w.Body.Bytes(), &p), w.Body)
	}
	return r, p, w.Code
}

const goodFile = `name,kind,owner,title,criticality,label:env,attribute:rack,attribute:ports:json,runs_on,depends_on
app,application,ops,The app,high,prod,,,h1;h2,
h1,host,,,,,7,"[1,2]",,
h2,host,,,,,,,,old
`

func TestImport(t *testing.T) {
	eachDatabase(t, func(t *testing.T, h *house) {
		h.team("ops")
		h.item("old", "host")
		r, _, code := h.load("?dry_run=true", "text/csv", goodFile)
		require.Equal(t, 200, code)
		require.True(t, r.DryRun && r.Created == 3 && len(r.Changes) == 3, "%+v", r)
		_, err := byName(h.ctx, h.db.Reader(), "app")
		require.True(t, errs.Is(err, errs.NotFound), "a dry run keeps nothing")
		r, _, code = h.load("", "text/csv", goodFile)
		require.Equal(t, 200, code)
		require.Equal(t, 3, r.Created)
		i, err := byName(h.ctx, h.db.Reader(), "app")
		require.NoError(t, err)
		require.Equal(t, "The app", i.Title)
		require.Equal(t, "prod", i.Labels["env"])
		h1, err := byName(h.ctx, h.db.Reader(), "h1")
		require.NoError(t, err)
		require.Equal(t, map[string]any{"rack": "7", "ports": []any{1.0, 2.0}}, h1.Attributes)
		needs, err := h.svc.Needs(h.ctx, h.db.Reader(), []string{i.ID})
		require.NoError(t, err)
		require.Len(t, needs, 3, "h1, h2 and old, from the index")
		hits, err := h.search.Find(h.ctx, "the app", nil, 5)
		require.NoError(t, err)
		require.Len(t, hits, 1)
		_, err = audit.Verify(h.ctx, h.db.Reader())
		require.NoError(t, err)

		n := len(h.facts())
		r, _, _ = h.load("", "text/csv", goodFile)
		require.Equal(t, 3, r.Unchanged)
		require.Len(t, h.facts(), n, "the same file again does nothing")
		r, _, code = h.load("", "text/csv", "name;title;runs_on;label:env\napp;-;h1;-\n")
		require.Equal(t, 200, code)
		require.Equal(t, 1, r.Updated)
		require.Equal(t, []string{"title: The app → nothing", "labels.env: prod → nothing", "runs_on: h1, h2 → h1"}, r.Changes[0].Fields)
		i, err = byName(h.ctx, h.db.Reader(), "app")
		require.NoError(t, err)
		require.Empty(t, i.Title)
		out, err := owned(h.ctx, h.db.Reader(), i.ID)
		require.NoError(t, err)
		require.Len(t, out, 1)
	})
}

func TestABadFileIsRefusedWhole(t *testing.T) {
	eachDatabase(t, func(t *testing.T, h *house) {
		h.item("x", "host")
		h.item("y", "host")
		h.relate("x depends_on y")
		const file = "name,kind,owner,depends_on\nok,host,,\nbad one,no-such-kind,,\nb2,host,nobody,\nok,host,,\nb3,host,,missing\nb4,host,,bad one\ny,,,x\nl1,host,,l2\nl2,host,,l1\n"
		_, p, code := h.load("", "text/csv", file)
		require.Equal(t, 422, code)
		got := map[int]string{}
		for _, e := range p.Errors {
			got[e.Line] = fmt.Sprint(e.Location, " ", e.Value, " ", e.Message)
		}
		for line, want := range map[int]string{3: "kind no-such-kind is not a known kind", 4: "owner nobody", 5: "name ok is in line 2 already", 6: "depends_on missing is not the name", 8: "depends_on x would close a circle: y → x → y", 9: "would close a circle", 10: "would close a circle"} {
			require.Contains(t, got[line], want)
		}
		require.Len(t, got, 7)
		_, err := byName(h.ctx, h.db.Reader(), "ok")
		require.True(t, errs.Is(err, errs.NotFound))
		r, _, code := h.load("?partial=true", "text/csv", file)
		require.Equal(t, 200, code)
		require.Equal(t, 1, r.Created)
		require.Equal(t, 8, r.Rejected, "with the one that needs a rejected row")
		_, err = byName(h.ctx, h.db.Reader(), "ok")
		require.NoError(t, err)
		_, _, code = h.load("", "image/png", file)
		require.Equal(t, 422, code)
		w := h.call(as(h, access.Viewer, nil), "POST", "/api/v1/items/import", file, "Content-Type", "text/csv")
		require.Equal(t, 403, w.Code)
		// Somebody who may write for one team only makes nothing for no team.
		w = h.call(as(h, access.Viewer, map[string]access.Role{"t": access.Operator}), "POST", "/api/v1/items/import", "name,kind\nz,host\n", "Content-Type", "text/csv")
		require.Contains(t, []int{403, 422}, w.Code, w.Body)
	})
}

// What is exported is taken back and changes nothing, in every format.
func TestExportIsTakenBack(t *testing.T) {
	eachDatabase(t, func(t *testing.T, h *house) {
		h.team("ops")
		_, _, code := h.load("", "text/csv", goodFile+"tricky,host,,\"quote \"\" and, comma\",,,-,\"\"\"-\"\"\",,\n")
		require.Equal(t, 422, code, "old is not there")
		h.item("old", "host")
		_, _, code = h.load("", "text/csv", goodFile+"tricky,host,,\"quote \"\" and, comma\",,,,\"\"\"-\"\"\",,\n")
		require.Equal(t, 200, code)
		h.see("agent", "seen", "serial=1")
		n := len(h.facts())
		for format, contentType := range map[string]string{"csv": "text/csv", "json": "application/json", "ndjson": "application/x-ndjson"} {
			w := h.call(h.ctx, "GET", "/api/v1/export/items?format="+format, "")
			require.Equal(t, 200, w.Code)
			r, p, code := h.load("", contentType, w.Body.String())
			require.Equal(t, 200, code, "%s %+v\n%s", format, p, w.Body)
			require.Equal(t, 6, r.Unchanged, format)
			require.Zero(t, r.Updated+r.Created, format)
			w = h.call(h.ctx, "GET", "/api/v1/export/items?kind=application&format="+format, "")
			require.Contains(t, w.Body.String(), "app")
			require.NotContains(t, w.Body.String(), "tricky")
			w = h.call(h.ctx, "GET", "/api/v1/export/items?q=nothing-has-this&format="+format, "")
			require.Equal(t, 200, w.Code)
			if format == "json" {
				require.JSONEq(t, "[]", w.Body.String())
			}
		}
		require.Len(t, h.facts(), n)
	})
}

// A file of more than one transaction, with relations that point forward.
func TestALargeImport(t *testing.T) {
	eachDatabase(t, func(t *testing.T, h *house) {
		var b strings.Builder
		b.WriteString("name,kind,depends_on\n")
		const n = 2500
		for i := range n {
			fmt.Fprintf(&b, "n%d,host,n%d\n", i, (i+1)%n+n*min(1, (i+1)/n))
		}
		_, p, code := h.load("", "text/csv", b.String())
		require.Equal(t, 422, code)
		require.Len(t, p.Errors, 1, "only the last names nothing")
		r, p, code := h.load("", "text/csv", strings.Replace(b.String(), fmt.Sprintf(",n%d\n", n), ",\n", 1))
		require.Equal(t, 200, code, "%+v", p)
		require.Equal(t, n, r.Created)
		last, err := byName(h.ctx, h.db.Reader(), fmt.Sprintf("n%d", n-1))
		require.NoError(t, err)
		hit, err := h.svc.Impact(h.ctx, h.db.Reader(), []string{last.ID})
		require.NoError(t, err)
		require.Len(t, hit, n-1)
		again := newGraph()
		require.NoError(t, again.load(h.ctx, h.db))
		found, _ := again.reach([]string{last.ID}, walk{limit: maxReached})
		require.Len(t, found, n-1)
	})
}
