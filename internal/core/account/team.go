package account

import (
	"context"
	"regexp"
	"strings"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/audit"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/entity"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/id"
)

var nameRE = regexp.MustCompile(`^[\pL\pN][\pL\pN ._:@/+-]{0,199}$`)

// CheckName tells whether s can be the name of a thing that people refer to in
// files: a letter or digit first, then also space . _ : @ / + -, at most 200
// characters.
func CheckName(path, s string) error {
	if !nameRE.MatchString(s) || strings.TrimSpace(s) != s {
		return errs.Fields(errs.Field{Path: path, Value: s, Message: "must begin with a letter or digit and hold only letters, digits, spaces and . _ : @ / + - (at most 200)"})
	}
	return nil
}

// SaveTeam makes or updates the team with that name and sets its members by
// address; members is nil to leave them. It reports created, updated or unchanged.
func (s *Service) SaveTeam(ctx context.Context, tx *db.Tx, name, title string, members []string) (*Team, string, error) {
	if err := CheckName("name", name); err != nil {
		return nil, "", err
	}
	type view struct {
		Title   string   `json:"title"`
		Members []string `json:"members"`
	}
	t, err := TeamByName(ctx, tx, name)
	outcome := "unchanged"
	var before any
	switch {
	case errs.Is(err, errs.NotFound):
		t = &Team{ID: id.New(), Name: name, Title: title, CreatedAt: tx.Now(), UpdatedAt: tx.Now(), Version: 1}
		if _, err := tx.NewInsert().Model(t).Exec(ctx); err != nil {
			return nil, "", err
		}
		outcome = "created"
	case err != nil:
		return nil, "", err
	default:
		old, err := memberEmails(ctx, tx, t.ID)
		if err != nil {
			return nil, "", err
		}
		before = view{t.Title, old}
		if title != "" && title != t.Title {
			t.Title, t.UpdatedAt, t.Version, outcome = title, tx.Now(), t.Version+1, "updated"
			if _, err := tx.NewUpdate().Model(t).WherePK().Exec(ctx); err != nil {
				return nil, "", err
			}
		}
	}
	if members != nil {
		changed, err := s.setMembers(ctx, tx, t.ID, members)
		if err != nil {
			return nil, "", err
		}
		if changed && outcome == "unchanged" {
			outcome = "updated"
		}
	}
	now, err := memberEmails(ctx, tx, t.ID)
	if err != nil {
		return nil, "", err
	}
	if outcome == "unchanged" {
		return t, outcome, nil
	}
	return t, outcome, audit.Write(ctx, tx, audit.Change{Action: "team." + strings.TrimSuffix(outcome, "d"), Ref: entity.Ref{Kind: "team", ID: t.ID}, Name: t.Name, Before: before, After: view{t.Title, now}})
}

func (s *Service) setMembers(ctx context.Context, tx *db.Tx, teamID string, emails []string) (bool, error) {
	want := map[string]bool{}
	for _, e := range emails {
		a, _, err := s.Ensure(ctx, tx, e)
		if err != nil {
			return false, err
		}
		want[a.ID] = true
	}
	var have []string
	if err := tx.NewRaw("SELECT account_id FROM team_members WHERE team_id = ?", teamID).Scan(ctx, &have); err != nil {
		return false, err
	}
	changed := false
	for _, h := range have {
		if want[h] {
			delete(want, h)
			continue
		}
		changed = true
		if _, err := tx.NewRaw("DELETE FROM team_members WHERE team_id = ? AND account_id = ?", teamID, h).Exec(ctx); err != nil {
			return false, err
		}
	}
	for a := range want {
		changed = true
		if _, err := tx.NewRaw("INSERT INTO team_members (team_id, account_id, role) VALUES (?, ?, '')", teamID, a).Exec(ctx); err != nil {
			return false, err
		}
	}
	return changed, nil
}

func memberEmails(ctx context.Context, q bun.IDB, teamID string) ([]string, error) {
	out := []string{}
	err := q.NewRaw("SELECT a.email FROM team_members m JOIN accounts a ON a.id = m.account_id WHERE m.team_id = ? ORDER BY a.email", teamID).Scan(ctx, &out)
	return out, err
}

// DeleteTeam removes a team.
func (s *Service) DeleteTeam(ctx context.Context, tx *db.Tx, name string) error {
	t, err := TeamByName(ctx, tx, name)
	if err != nil {
		return err
	}
	if _, err := tx.NewRaw("DELETE FROM teams WHERE id = ?", t.ID).Exec(ctx); err != nil {
		return err
	}
	return audit.Write(ctx, tx, audit.Change{Action: "team.delete", Ref: entity.Ref{Kind: "team", ID: t.ID}, Name: t.Name, Before: t})
}

// TeamByName finds a team.
func TeamByName(ctx context.Context, q bun.IDB, name string) (*Team, error) {
	var t Team
	err := q.NewSelect().Model(&t).Where("name = ?", name).Scan(ctx)
	return &t, db.NotFound(err, "There is no team named %q.", name)
}

// Teams lists all teams by name.
func Teams(ctx context.Context, q bun.IDB) ([]Team, error) {
	ts := []Team{}
	err := q.NewSelect().Model(&ts).OrderExpr("name").Limit(5000).Scan(ctx)
	return ts, err
}

// TeamNames maps the ids of all teams to their names.
func TeamNames(ctx context.Context, q bun.IDB) (map[string]string, error) {
	ts, err := Teams(ctx, q)
	if err != nil {
		return nil, err
	}
	m := make(map[string]string, len(ts))
	for _, t := range ts {
		m[t.ID] = t.Name
	}
	return m, nil
}

// Members lists the people of a team.
func Members(ctx context.Context, q bun.IDB, teamID string) ([]Member, error) {
	ms := []Member{}
	err := q.NewRaw("SELECT m.account_id, a.email, a.name, m.role FROM team_members m JOIN accounts a ON a.id = m.account_id WHERE m.team_id = ? ORDER BY a.email", teamID).Scan(ctx, &ms)
	return ms, err
}

// SetTeamRole gives a member a role on what the team owns.
func (s *Service) SetTeamRole(ctx context.Context, tx *db.Tx, teamID, accountID string, role access.Role) error {
	res, err := tx.NewRaw("UPDATE team_members SET role = ? WHERE team_id = ? AND account_id = ?", role, teamID, accountID).Exec(ctx)
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return errs.New(errs.NotFound, "This person is not in the team.")
	}
	return audit.Write(ctx, tx, audit.Change{Action: "team.role", Ref: entity.Ref{Kind: "team", ID: teamID}, Name: accountID, After: map[string]any{"role": role}})
}
