package check

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/observe"
)

// Whoever has a role in one team only sees and runs that team's checks.
func TestChecksOfOtherTeams(t *testing.T) {
	t.Parallel()
	ours, theirs := "web", "data"
	s := &Service{engine: &Engine{byName: map[string]*entry{}}}
	for name, team := range map[string]*string{"mine": &ours, "other": &theirs} {
		e := &entry{name: name}
		e.team.Store(team)
		s.engine.byName[name] = e
	}
	ctx := access.With(t.Context(), &access.Principal{Kind: access.Person, Teams: map[string]access.Role{ours: access.Viewer}})
	_, err := s.entry(ctx, observe.ReadChecks, "mine")
	require.NoError(t, err)
	_, err = s.detail(ctx, "other")
	require.True(t, errs.Is(err, errs.Forbidden), "%v", err)
	_, err = s.entry(ctx, observe.SendResults, "mine")
	require.True(t, errs.Is(err, errs.Forbidden), "%v", err)
	require.Error(t, s.SendResult(ctx, "other", observe.Result{}))
}
