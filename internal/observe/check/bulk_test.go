package check_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/testkit/apptest"
)

// Many checks of one file are made with few statements, and still all or nothing.
func TestApplyMany(t *testing.T) {
	t.Parallel()
	databases(t, func(t *testing.T, s *apptest.Server) {
		var b strings.Builder
		b.WriteString("items: [{name: web, kind: application}]\nchecks:\n")
		for i := range 450 {
			fmt.Fprintf(&b, "  - {name: c%03d, item: web, every: 1h, passive: {}}\n", i)
		}
		good := b.String()
		st, out := s.Do("POST", "/api/v1/apply", good+"  - {name: child, parents: [nobody], passive: {}}\n  - {name: lost, item: nowhere, passive: {}}\n")
		require.Equal(t, http.StatusUnprocessableEntity, st)
		require.Contains(t, string(out), "nobody")
		require.Contains(t, string(out), "nowhere", "all that is wrong is told at once")
		var list struct {
			Items []view
			Total int
		}
		s.Get("/api/v1/checks", &list)
		require.Zero(t, list.Total, "nothing was applied")

		s.Apply(good + "  - {name: child, parents: [c007], passive: {}}\n")
		s.Get("/api/v1/checks?q=c4", &list)
		require.Equal(t, 50, list.Total)
		require.Equal(t, "web", list.Items[0].Item)
		_, out = s.Do("POST", "/api/v1/apply", strings.Replace(good, "{name: c100, item: web, every: 1h", "{name: c100, item: web, every: 2h", 1))
		require.Equal(t, 1, strings.Count(string(out), `"updated"`))
		require.Equal(t, 450, strings.Count(string(out), `"unchanged"`), "the item too")
		var log struct {
			Items []struct{ Action, Name string }
		}
		s.Get("/api/v1/audit?action=check.create&limit=5", &log)
		require.Len(t, log.Items, 5, "each is in the audit log")
		var found struct{ Items []struct{ Name string } }
		s.Get("/api/v1/search?q=c123", &found)
		require.NotEmpty(t, found.Items, "each is found")
	})
}
