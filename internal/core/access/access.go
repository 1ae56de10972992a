// Package access decides who may do what. Every operation declares a Permission;
// a role holds all permissions whose least role it reaches; a person has one role
// everywhere and may have a higher one in a team. Lists are narrowed in SQL by
// Where, single things are decided by Check.
package access

import (
	"context"
	"slices"
	"sort"
	"strings"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
)

// Role bundles permissions. Each role includes those before it.
type Role string

// The roles, from the least to the most.
const (
	None      Role = ""          // sees only what its teams own
	Viewer    Role = "viewer"    // reads
	Responder Role = "responder" // handles alerts and incidents
	Operator  Role = "operator"  // changes what is monitored and how people are told
	Admin     Role = "admin"     // people, tokens, settings
)

var rank = map[Role]int{None: 0, Viewer: 1, Responder: 2, Operator: 3, Admin: 4}

// Roles lists the roles that can be given.
func Roles() []Role { return []Role{Viewer, Responder, Operator, Admin} }

// ParseRole reads a role name.
func ParseRole(s string) (Role, error) {
	r := Role(strings.ToLower(s))
	if r == None || rank[r] == 0 {
		return None, errs.Fields(errs.Field{Path: "role", Value: s, Message: "must be one of viewer, responder, operator, admin"})
	}
	return r, nil
}

// Reaches tells whether r includes least.
func (r Role) Reaches(least Role) bool { return rank[r] >= rank[least] && rank[r] > 0 }

// Permission is one thing a person may be allowed to do.
type Permission struct {
	// Name is "<noun>.<verb>", for example "incident.acknowledge".
	Name string
	// Title for people.
	Title string
	// Least is the lowest role that holds it.
	Least Role
}

// Kinds of principals.
const (
	Person = "person"
	Token  = "token"
	System = "system"
	Link   = "link" // a signed one-use link in a message
)

// Principal is who acts.
type Principal struct {
	// Kind is one of the constants above.
	Kind string
	// ID of the account; for a token the account it stands for, if any.
	ID    string
	Name  string
	Email string
	Role  Role
	// Teams holds the role in each team the person belongs to.
	Teams map[string]Role
	// Scopes of a token: permission names or prefixes ("incident."); empty means all
	// that the role allows.
	Scopes []string
	// SessionID of a browser session, TokenID of an API token.
	SessionID, TokenID string
}

// Can tells whether p holds perm anywhere.
func (p *Principal) Can(perm Permission) bool {
	if p == nil || !p.inScope(perm) {
		return false
	}
	if p.Role.Reaches(perm.Least) {
		return true
	}
	for _, r := range p.Teams {
		if r.Reaches(perm.Least) {
			return true
		}
	}
	return false
}

// CanFor tells whether p holds perm on things that the team owns.
func (p *Principal) CanFor(perm Permission, teamID string) bool {
	if p == nil || !p.inScope(perm) {
		return false
	}
	return p.Role.Reaches(perm.Least) || teamID != "" && p.Teams[teamID].Reaches(perm.Least)
}

func (p *Principal) inScope(perm Permission) bool {
	if len(p.Scopes) == 0 {
		return true
	}
	return slices.ContainsFunc(p.Scopes, func(s string) bool {
		return s == perm.Name || strings.HasSuffix(s, ".") && strings.HasPrefix(perm.Name, s)
	})
}

// Covers tells whether p may hand on the scopes: who is limited to scopes can
// only give some of these, never all.
func (p *Principal) Covers(scopes []string) bool {
	if len(p.Scopes) == 0 {
		return true
	}
	return len(scopes) > 0 && !slices.ContainsFunc(scopes, func(want string) bool {
		return !slices.ContainsFunc(p.Scopes, func(have string) bool {
			return have == want || strings.HasSuffix(have, ".") && strings.HasPrefix(want, have)
		})
	})
}

// Actor is the text that timelines and the audit log show.
func (p *Principal) Actor() string {
	switch {
	case p == nil:
		return "mainstay"
	case p.Name != "":
		return p.Name
	case p.Email != "":
		return p.Email
	}
	return p.Kind
}

type ctxKey struct{}

// With puts p into the context.
func With(ctx context.Context, p *Principal) context.Context {
	return context.WithValue(ctx, ctxKey{}, p)
}

// From gives who acts, nil for nobody.
func From(ctx context.Context) *Principal {
	p, _ := ctx.Value(ctxKey{}).(*Principal)
	return p
}

// AsSystem is the context of what Mainstay does by itself.
func AsSystem(ctx context.Context) context.Context {
	return With(ctx, &Principal{Kind: System, Name: "Mainstay", Role: Admin})
}

// Check refuses when whoever acts may not do perm on things of the team.
func Check(ctx context.Context, perm Permission, teamID string) error {
	p := From(ctx)
	if p == nil {
		return errs.New(errs.Unauthorized, "Sign in first.")
	}
	if !p.CanFor(perm, teamID) {
		return errs.New(errs.Forbidden, "This needs the permission %s (%s). Ask an administrator.", perm.Name, strings.ToLower(perm.Title))
	}
	return nil
}

// Where gives the SQL condition that narrows a list to what whoever acts may see
// with perm; column holds the owning team. The condition is for bun's "?" format.
func Where(ctx context.Context, perm Permission, column string) (string, []any) {
	p := From(ctx)
	if p == nil || !p.inScope(perm) {
		return "1 = 0", nil
	}
	if p.Role.Reaches(perm.Least) {
		return "1 = 1", nil
	}
	var ids []any
	for t, r := range p.Teams {
		if t != "" && r.Reaches(perm.Least) {
			ids = append(ids, t)
		}
	}
	if len(ids) == 0 {
		return "1 = 0", nil
	}
	return column + " IN (" + strings.TrimSuffix(strings.Repeat("?, ", len(ids)), ", ") + ")", ids
}

// Set is the list of all permissions of a program.
type Set struct{ m map[string]Permission }

// NewSet collects permissions; it panics when two share a name, which is a
// mistake in the code.
func NewSet(lists ...[]Permission) *Set {
	s := &Set{m: map[string]Permission{}}
	for _, l := range lists {
		for _, p := range l {
			if old, dup := s.m[p.Name]; dup && old != p {
				panic("access: permission declared twice: " + p.Name)
			}
			s.m[p.Name] = p
		}
	}
	return s
}

// All lists the permissions by name.
func (s *Set) All() []Permission {
	out := make([]Permission, 0, len(s.m))
	for _, p := range s.m {
		out = append(out, p)
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Name < out[j].Name })
	return out
}

// Has tells whether a permission was declared.
func (s *Set) Has(name string) bool { _, ok := s.m[name]; return ok }

// Of lists the names that p holds.
func (s *Set) Of(p *Principal) []string {
	out := []string{}
	for _, perm := range s.All() {
		if p.Can(perm) {
			out = append(out, perm.Name)
		}
	}
	return out
}
