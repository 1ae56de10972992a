package incident

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/account"
	"github.com/mainstay-ops/mainstay/internal/core/audit"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/entity"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/estate"
	"github.com/mainstay-ops/mainstay/internal/observe"
)

// How an incident is resolved once it is restored.
const (
	auto   = "auto"
	manual = "manual"
)

const (
	defaultResolveAfter = observe.Duration(5 * time.Minute)
	defaultCloseAfter   = observe.Duration(7 * 24 * time.Hour)
	maxWait             = observe.Duration(366 * 24 * time.Hour)
)

// Match says which alerts a policy is for; what is empty fits all.
type Match struct {
	Team     string            `json:"team,omitempty" yaml:"team,omitempty" doc:"Name of the team that owns the item."`
	Item     string            `json:"item,omitempty" yaml:"item,omitempty" doc:"Name of the item."`
	Kind     string            `json:"kind,omitempty" yaml:"kind,omitempty" doc:"Kind of the item."`
	Check    string            `json:"check,omitempty" yaml:"check,omitempty" doc:"Name of the check."`
	Severity string            `json:"severity,omitempty" yaml:"severity,omitempty" enum:"critical,warning,unknown"`
	Labels   map[string]string `json:"labels,omitempty" yaml:"labels,omitempty" doc:"Labels of the alert; all must be equal."`
}

func (m Match) conditions() int {
	n := len(m.Labels)
	for _, v := range []string{m.Team, m.Item, m.Kind, m.Check, m.Severity} {
		if v != "" {
			n++
		}
	}
	return n
}

// Policy says who is told of an incident and how it ends.
type Policy struct {
	Name       string `json:"name" yaml:"name" minLength:"1" maxLength:"200"`
	Order      int64  `json:"order,omitempty" yaml:"order,omitempty" doc:"Policies with a lower order are asked first; among equals the one with more conditions, then by name."`
	Match      Match  `json:"match" yaml:"match" required:"false"`
	Escalation string `json:"escalation,omitempty" yaml:"escalation,omitempty" doc:"Name of the escalation; empty tells nobody."`
	Resolve    string `json:"resolve,omitempty" yaml:"resolve,omitempty" enum:"auto,manual" default:"auto" doc:"auto resolves what has recovered by itself."`
	// RestoreFor, ResolveAfter and CloseAfter are nil for the default.
	RestoreFor   *observe.Duration `json:"restore_for,omitempty" yaml:"restore_for,omitempty" doc:"How long all alerts must stay clear before the incident counts as restored; 0s if not given."`
	ResolveAfter *observe.Duration `json:"resolve_after,omitempty" yaml:"resolve_after,omitempty" doc:"How long after that it is resolved by itself; 5m if not given."`
	CloseAfter   *observe.Duration `json:"close_after,omitempty" yaml:"close_after,omitempty" doc:"How long after its resolution it is closed; 168h if not given."`
}

func seconds(d *observe.Duration) int64 {
	if d == nil {
		return 0
	}
	return int64(d.D() / time.Second)
}

// fallback is what holds when no policy fits.
func fallback() Policy {
	p := Policy{Resolve: auto}
	p.fill()
	return p
}

func (p *Policy) fill() {
	if p.Resolve == "" {
		p.Resolve = auto
	}
	def := func(d **observe.Duration, v observe.Duration) {
		if *d == nil {
			*d = &v
		}
	}
	def(&p.RestoreFor, 0)
	def(&p.ResolveAfter, defaultResolveAfter)
	def(&p.CloseAfter, defaultCloseAfter)
}

type policyRow struct {
	bun.BaseModel `bun:"policies"`

	Name         string    `bun:"name,pk"`
	Position     int64     `bun:"position"`
	Match        string    `bun:"match"`
	Escalation   string    `bun:"escalation"`
	Resolve      string    `bun:"resolve"`
	RestoreFor   int64     `bun:"restore_for_s"`
	ResolveAfter int64     `bun:"resolve_after_s"`
	CloseAfter   int64     `bun:"close_after_s"`
	CreatedAt    time.Time `bun:"created_at"`
	UpdatedAt    time.Time `bun:"updated_at"`
	Version      int64     `bun:"version"`
}

func (r policyRow) policy() (Policy, error) {
	d := func(s int64) *observe.Duration {
		v := observe.Duration(time.Duration(s) * time.Second)
		return &v
	}
	p := Policy{Name: r.Name, Order: r.Position, Escalation: r.Escalation, Resolve: r.Resolve, RestoreFor: d(r.RestoreFor), ResolveAfter: d(r.ResolveAfter), CloseAfter: d(r.CloseAfter)}
	return p, json.Unmarshal([]byte(r.Match), &p.Match)
}

// policies lists them in the order in which they are asked.
func policies(ctx context.Context, q bun.IDB) ([]Policy, error) {
	var rows []policyRow
	if err := q.NewSelect().Model(&rows).OrderExpr("position, name").Scan(ctx); err != nil {
		return nil, err
	}
	out := make([]Policy, len(rows))
	for i, r := range rows {
		var err error
		if out[i], err = r.policy(); err != nil {
			return nil, err
		}
	}
	slices.SortStableFunc(out, func(a, b Policy) int {
		if a.Order != b.Order {
			return int(a.Order - b.Order)
		}
		return b.Match.conditions() - a.Match.conditions()
	})
	return out, nil
}

// subject is what policies look at.
type subject struct {
	item            estate.Item
	check, severity string
	labels          map[string]string
}

// policyFor finds the first policy that fits.
func (s *Service) policyFor(ctx context.Context, q bun.IDB, x subject) (Policy, error) {
	ps, err := policies(ctx, q)
	if err != nil {
		return Policy{}, err
	}
	team := ""
	if x.item.OwnerTeamID != "" && len(ps) > 0 {
		names, err := account.TeamNames(ctx, q)
		if err != nil {
			return Policy{}, err
		}
		team = names[x.item.OwnerTeamID]
	}
	for _, p := range ps {
		if p.Match.fits(x, team) {
			return p, nil
		}
	}
	return fallback(), nil
}

func (m Match) fits(x subject, team string) bool {
	ok := func(want, have string) bool { return want == "" || want == have }
	if !ok(m.Team, team) || !ok(m.Item, x.item.Name) || !ok(m.Kind, x.item.Kind) || !ok(m.Check, x.check) || !ok(m.Severity, x.severity) {
		return false
	}
	for k, v := range m.Labels {
		if have, has := x.labels[k]; !has || have != v {
			return false
		}
	}
	return true
}

func (s *Service) checkPolicy(ctx context.Context, q bun.IDB, p Policy) error {
	if err := account.CheckName("name", p.Name); err != nil {
		return err
	}
	if p.Resolve != auto && p.Resolve != manual {
		return errs.Fields(errs.Field{Path: "resolve", Value: p.Resolve, Message: "must be auto or manual"})
	}
	if v := p.Match.Severity; v != "" && !slices.Contains([]string{"critical", "warning", "unknown"}, v) {
		return errs.Fields(errs.Field{Path: "match.severity", Value: v, Message: "must be critical, warning or unknown"})
	}
	if len(p.Match.Labels) > 50 {
		return errs.Fields(errs.Field{Path: "match.labels", Message: "has more than 50 entries"})
	}
	for path, d := range map[string]*observe.Duration{"restore_for": p.RestoreFor, "resolve_after": p.ResolveAfter, "close_after": p.CloseAfter} {
		if *d < 0 || *d > maxWait || d.D()%time.Second != 0 {
			return errs.Fields(errs.Field{Path: path, Value: d.String(), Message: "must be whole seconds from 0s to 8784h"})
		}
	}
	if p.Match.Team != "" {
		if _, err := account.TeamByName(ctx, q, p.Match.Team); err != nil {
			if errs.Is(err, errs.NotFound) {
				return errs.Fields(errs.Field{Path: "match.team", Value: p.Match.Team, Message: "is not the name of a team"})
			}
			return err
		}
	}
	if p.Escalation == "" {
		return nil
	}
	has, err := s.escalations.HasEscalation(ctx, q, p.Escalation)
	if err == nil && !has {
		err = errs.Fields(errs.Field{Path: "escalation", Value: p.Escalation, Message: "is not the name of an escalation"})
	}
	return err
}

// savePolicy makes or updates a policy; it reports created, updated or unchanged
// and the fields that changed.
func (s *Service) savePolicy(ctx context.Context, tx *db.Tx, p Policy) (string, []string, error) {
	p.fill()
	if err := s.checkPolicy(ctx, tx, p); err != nil {
		return "", nil, err
	}
	m, err := json.Marshal(p.Match)
	if err != nil {
		return "", nil, err
	}
	r := policyRow{
		Name: p.Name, Position: p.Order, Match: string(m), Escalation: p.Escalation, Resolve: p.Resolve, RestoreFor: seconds(p.RestoreFor),
		ResolveAfter: seconds(p.ResolveAfter), CloseAfter: seconds(p.CloseAfter), CreatedAt: tx.Now(), UpdatedAt: tx.Now(), Version: 1,
	}
	var old policyRow
	err = db.NotFound(tx.NewSelect().Model(&old).Where("name = ?", p.Name).Scan(ctx), "There is no policy named %q.", p.Name)
	if errs.Is(err, errs.NotFound) {
		if _, err := tx.NewInsert().Model(&r).Exec(ctx); err != nil {
			return "", nil, err
		}
		return "created", nil, s.auditPolicy(ctx, tx, "create", p.Name, nil, p)
	}
	if err != nil {
		return "", nil, err
	}
	before, err := old.policy()
	if err != nil {
		return "", nil, err
	}
	changed := diff(old, r)
	if len(changed) == 0 {
		return "unchanged", nil, nil
	}
	r.CreatedAt, r.Version = old.CreatedAt, old.Version+1
	if _, err := tx.NewUpdate().Model(&r).WherePK().Exec(ctx); err != nil {
		return "", nil, err
	}
	return "updated", changed, s.auditPolicy(ctx, tx, "update", p.Name, before, p)
}

func diff(a, b policyRow) []string {
	var out []string
	add := func(name string, x, y any) {
		if x != y {
			out = append(out, fmt.Sprintf("%s: %v → %v", name, x, y))
		}
	}
	sec := func(n int64) string { return (time.Duration(n) * time.Second).String() }
	add("order", a.Position, b.Position)
	add("match", a.Match, b.Match)
	add("escalation", a.Escalation, b.Escalation)
	add("resolve", a.Resolve, b.Resolve)
	add("restore_for", sec(a.RestoreFor), sec(b.RestoreFor))
	add("resolve_after", sec(a.ResolveAfter), sec(b.ResolveAfter))
	add("close_after", sec(a.CloseAfter), sec(b.CloseAfter))
	return out
}

func (s *Service) auditPolicy(ctx context.Context, tx *db.Tx, what, name string, before, after any) error {
	return audit.Write(ctx, tx, audit.Change{Action: "policy." + what, Ref: entity.Ref{Kind: "policy", ID: name}, Name: name, Before: before, After: after})
}

func (s *Service) deletePolicy(ctx context.Context, tx *db.Tx, name string) error {
	var old policyRow
	if err := tx.NewSelect().Model(&old).Where("name = ?", strings.TrimSpace(name)).Scan(ctx); err != nil {
		return db.NotFound(err, "There is no policy named %q.", name)
	}
	if _, err := tx.NewDelete().Model(&old).WherePK().Exec(ctx); err != nil {
		return err
	}
	p, err := old.policy()
	if err != nil {
		return err
	}
	return s.auditPolicy(ctx, tx, "delete", name, p, nil)
}
