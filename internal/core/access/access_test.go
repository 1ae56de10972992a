package access_test

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/testkit"
)

func TestRolesIncludeThoseBefore(t *testing.T) {
	t.Parallel()
	order := append([]access.Role{access.None}, access.Roles()...)
	for i, have := range order {
		for j, least := range order {
			require.Equal(t, i >= j && have != access.None, have.Reaches(least), "%q reaches %q", have, least)
		}
	}
	require.False(t, access.Role("root").Reaches(access.Viewer), "an unknown role is no role")
	require.False(t, access.Role("root").Reaches(access.None))
}

func TestParseRole(t *testing.T) {
	t.Parallel()
	r, err := access.ParseRole("Operator")
	require.NoError(t, err)
	require.Equal(t, access.Operator, r)
	for _, s := range []string{"", "root", "admin "} {
		_, err := access.ParseRole(s)
		require.True(t, errs.Is(err, errs.Invalid), "%q", s)
	}
}

func TestScopesLimit(t *testing.T) {
	t.Parallel()
	ack := access.Permission{Name: "incident.acknowledge", Least: access.Responder}
	for _, c := range []struct {
		scopes []string
		want   bool
	}{
		{nil, true},
		{[]string{"incident."}, true},
		{[]string{"incident.acknowledge"}, true},
		{[]string{"x.y", "incident."}, true},
		{[]string{"incident"}, false},
		{[]string{"incident.ack"}, false},
		{[]string{"inc."}, false},
		{[]string{""}, false},
		{[]string{"incident.read"}, false},
	} {
		p := &access.Principal{Role: access.Admin, Scopes: c.scopes}
		require.Equal(t, c.want, p.Can(ack), "%q", c.scopes)
		require.Equal(t, c.want, p.CanFor(ack, "t1"), "%q", c.scopes)
	}
	require.False(t, (&access.Principal{Role: access.Viewer, Scopes: []string{"incident."}}).Can(ack), "a scope does not lift the role")
}

func TestCovers(t *testing.T) {
	t.Parallel()
	all, some := &access.Principal{}, &access.Principal{Scopes: []string{"item.", "token.manage"}}
	require.True(t, all.Covers(nil))
	require.True(t, all.Covers([]string{"x."}))
	require.True(t, some.Covers([]string{"item.read", "item.", "token.manage"}))
	for _, s := range [][]string{nil, {}, {"token."}, {"item.read", "x."}, {"ite."}} {
		require.False(t, some.Covers(s), "%q", s)
	}
}

func TestNobodyMayNothing(t *testing.T) {
	t.Parallel()
	read := access.Permission{Name: "a.read", Title: "See", Least: access.Viewer}
	require.True(t, errs.Is(access.Check(t.Context(), read, ""), errs.Unauthorized))
	cond, _ := access.Where(t.Context(), read, "team")
	require.Equal(t, "1 = 0", cond)
	var p *access.Principal
	require.False(t, p.Can(read))
	require.False(t, p.CanFor(read, "t"))
	require.Equal(t, "mainstay", p.Actor())
	err := access.Check(access.With(t.Context(), &access.Principal{}), read, "")
	require.True(t, errs.Is(err, errs.Forbidden))
	require.Contains(t, errs.Message(err), "a.read")
}

// For any person, permission and owner: the row is in the list that Where gives
// exactly when Check allows it.
func TestWhereAgreesWithCheck(t *testing.T) {
	t.Parallel()
	d := testkit.SQLite(t)
	rnd := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // a test wants the same run each time
	roles := append([]access.Role{access.None, "unknown"}, access.Roles()...)
	pick := func() access.Role { return roles[rnd.IntN(len(roles))] }
	owners := []string{"", "t1", "t2", "t3'; --"}
	allowed := 0
	for i := range 1500 {
		p := &access.Principal{Role: access.None, Teams: map[string]access.Role{}}
		if rnd.IntN(3) == 0 {
			p.Role = pick()
		}
		for _, team := range owners {
			if rnd.IntN(2) == 0 {
				p.Teams[team] = pick() // "" too: nobody is in the team that is none
			}
		}
		if rnd.IntN(4) == 0 {
			p.Scopes = [][]string{{"a."}, {"a.read"}, {"b."}}[rnd.IntN(3)]
		}
		perm := access.Permission{Name: []string{"a.read", "b.write"}[rnd.IntN(2)], Title: "x", Least: access.Roles()[rnd.IntN(4)]}
		ctx := access.With(t.Context(), p)
		cond, args := access.Where(ctx, perm, "team")
		var listed []string
		err := d.Reader().NewRaw("SELECT team FROM (SELECT '' AS team UNION SELECT 't1' UNION SELECT 't2' UNION SELECT 't3''; --') o WHERE "+cond, args...).Scan(ctx, &listed)
		if err != nil {
			require.ErrorIs(t, err, sql.ErrNoRows)
		}
		for _, o := range owners {
			may := access.Check(ctx, perm, o) == nil
			require.Equal(t, may, slices.Contains(listed, o), "run %d: %s on the team %q as %+v: %s", i, perm.Name, o, p, cond)
			if may {
				allowed++
				require.True(t, p.Can(perm), "who may for one team may somewhere")
			}
		}
	}
	require.Greater(t, allowed, 300, "the property was tried on both sides")
}

func TestSet(t *testing.T) {
	t.Parallel()
	a := access.Permission{Name: "a.read", Least: access.Viewer}
	b := access.Permission{Name: "b.write", Least: access.Admin}
	s := access.NewSet([]access.Permission{b}, []access.Permission{a, a})
	require.Equal(t, []access.Permission{a, b}, s.All())
	require.True(t, s.Has("a.read"))
	require.False(t, s.Has("a."))
	require.Equal(t, []string{"a.read"}, s.Of(&access.Principal{Role: access.Operator}))
	require.Equal(t, []string{}, s.Of(nil))
	require.Panics(t, func() {
		access.NewSet([]access.Permission{a}, []access.Permission{{Name: "a.read", Least: access.Admin}})
	})
	require.Equal(t, "Mainstay", access.From(access.AsSystem(context.Background())).Actor())
	require.Equal(t, "[viewer responder operator admin]", fmt.Sprint(access.Roles()))
}
