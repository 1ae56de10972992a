package inventory

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/account"
	"github.com/mainstay-ops/mainstay/internal/core/apply"
	"github.com/mainstay-ops/mainstay/internal/core/audit"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/entity"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/httpapi"
	"github.com/mainstay-ops/mainstay/internal/estate"
	"github.com/mainstay-ops/mainstay/internal/estate/inventory/match"
)

type matchRow struct {
	bun.BaseModel `bun:"item_matches,alias:m"`

	ID        string    `bun:"id,pk"`
	ItemID    string    `bun:"item_id"`
	OtherID   string    `bun:"other_id"`
	Source    string    `bun:"source"`
	Reason    string    `bun:"reason"`
	Agree     string    `bun:"agree"`
	Against   string    `bun:"against"`
	State     string    `bun:"state"`
	DecidedBy string    `bun:"decided_by"`
	CreatedAt time.Time `bun:"created_at"`
	UpdatedAt time.Time `bun:"updated_at"`
}

// MatchView is a pair of items that may be one thing.
type MatchView struct {
	ID        string    `json:"id"`
	Item      Short     `json:"item"`
	Other     Short     `json:"other"`
	Source    string    `json:"source" doc:"The source whose observation raised the doubt."`
	Reason    string    `json:"reason"`
	Agree     []string  `json:"agree" doc:"Keys that both share."`
	Against   []string  `json:"against" doc:"Keys in which they differ."`
	State     string    `json:"state" enum:"open,different"`
	DecidedBy string    `json:"decided_by"`
	CreatedAt time.Time `json:"created_at"`
}

type matchesIn struct {
	httpapi.Page
	State string `query:"state" enum:"open,different" default:"open"`
}

type decideIn struct {
	ID   string `path:"id" maxLength:"100"`
	Body struct {
		Decision string `json:"decision" enum:"same,different,open" doc:"same merges the two; different is remembered; open asks again."`
		Keep     string `json:"keep,omitempty" maxLength:"1000" doc:"With same: the name of the item that stays."`
	}
}

type mergeIn struct {
	NameIn
	Body struct {
		Other string `json:"other" maxLength:"1000" doc:"Name of the item that goes up in this one."`
	}
}

type ruleIn struct {
	Kind string `path:"kind" maxLength:"100" doc:"An item kind, or default."`
	Body struct {
		Strong []string `json:"strong" maxItems:"20"`
		Weak   []string `json:"weak" maxItems:"20"`
	}
}

type ruleNameIn struct {
	Kind string `path:"kind" maxLength:"100"`
}

func (s *Service) reconcileRoutes(api *httpapi.API) {
	httpapi.Handle(api, httpapi.Op{ID: "list-item-matches", Method: "GET", Path: "/api/v1/inventory/matches", Need: estate.ReadItems, Tag: "inventory", Summary: "Pairs of items that may be one thing"}, s.listMatches)
	httpapi.Handle(api, httpapi.Op{ID: "decide-item-match", Method: "POST", Path: "/api/v1/inventory/matches/{id}", Need: estate.WriteItems, Tag: "inventory", Summary: "Say whether two items are one thing", Status: http.StatusNoContent}, s.decideMatch)
	httpapi.Handle(api, httpapi.Op{ID: "merge-item", Method: "POST", Path: "/api/v1/items/{name}/merge", Need: estate.WriteItems, Tag: "items", Summary: "Make one item of two", Status: http.StatusNoContent},
		func(ctx context.Context, in *mergeIn) (*Waits, error) {
			ctx, h := holding(ctx)
			err := s.Merge(ctx, in.Name, in.Body.Other)
			return waits(ctx, http.StatusNoContent, h, err)
		})
	httpapi.Handle(api, httpapi.Op{ID: "list-match-rules", Method: "GET", Path: "/api/v1/inventory/match-rules", Need: estate.ReadItems, Tag: "inventory", Summary: "By which keys items are recognized"},
		func(ctx context.Context, _ *struct{}) (*httpapi.Body[httpapi.List[match.Rule]], error) {
			rs, err := rules(ctx, s.db.Reader())
			return httpapi.NewList(rs, ""), err
		})
	httpapi.Handle(api, httpapi.Op{ID: "set-match-rule", Method: "PUT", Path: "/api/v1/inventory/match-rules/{kind}", Need: estate.WriteItems, Tag: "inventory", Summary: "Set by which keys items of a kind are recognized"},
		func(ctx context.Context, in *ruleIn) (*httpapi.Body[match.Rule], error) {
			r := match.Rule{Kind: in.Kind, Strong: in.Body.Strong, Weak: in.Body.Weak}
			err := s.db.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
				_, err := s.saveRule(ctx, tx, r)
				return err
			})
			return &httpapi.Body[match.Rule]{Body: r}, err
		})
	httpapi.Handle(api, httpapi.Op{ID: "reset-match-rule", Method: "DELETE", Path: "/api/v1/inventory/match-rules/{kind}", Need: estate.WriteItems, Tag: "inventory", Summary: "Go back to the rule for all kinds, or to the built-in one", Status: http.StatusNoContent},
		func(ctx context.Context, in *ruleNameIn) (*struct{}, error) {
			return nil, s.db.InTx(ctx, func(ctx context.Context, tx *db.Tx) error { return s.dropRule(ctx, tx, in.Kind) })
		})
}

type ruleRow struct {
	bun.BaseModel `bun:"item_match_rules"`

	Kind   string   `bun:"kind,pk"`
	Strong []string `bun:"strong"`
	Weak   []string `bun:"weak"`
}

// rules lists the default rule and those of kinds.
func rules(ctx context.Context, q bun.IDB) ([]match.Rule, error) {
	var rows []ruleRow
	if err := q.NewSelect().Model(&rows).OrderExpr("kind").Scan(ctx); err != nil {
		return nil, err
	}
	out := []match.Rule{match.Builtin()}
	for _, r := range rows {
		rule := match.Rule{Kind: r.Kind, Strong: r.Strong, Weak: r.Weak}
		if r.Kind == match.DefaultKind {
			out[0] = rule
		} else {
			out = append(out, rule)
		}
	}
	return out, nil
}

// ruleFor gives the rule of a kind: its own, or that of the nearest kind above it.
func (s *Service) ruleFor(ctx context.Context, q bun.IDB, kind string) (match.Rule, error) {
	rs, err := rules(ctx, q)
	if err != nil {
		return match.Rule{}, err
	}
	m, err := s.model(ctx, q)
	if err != nil {
		return match.Rule{}, err
	}
	for _, k := range m.Above(kind) {
		if n := slices.IndexFunc(rs, func(r match.Rule) bool { return r.Kind == k }); n > 0 {
			return rs[n], nil
		}
	}
	return rs[0], nil
}

func (s *Service) saveRule(ctx context.Context, tx *db.Tx, r match.Rule) (bool, error) {
	if err := r.Check(); err != nil {
		return false, err
	}
	if r.Kind != match.DefaultKind {
		m, err := s.model(ctx, tx)
		if err != nil {
			return false, err
		}
		if err := m.CheckKind("kind", r.Kind); err != nil {
			return false, err
		}
	}
	before, err := s.ruleFor(ctx, tx, r.Kind)
	if err != nil {
		return false, err
	}
	if before.Kind == r.Kind && slices.Equal(before.Strong, r.Strong) && slices.Equal(before.Weak, r.Weak) {
		return false, nil
	}
	row := ruleRow{Kind: r.Kind, Strong: append([]string{}, r.Strong...), Weak: append([]string{}, r.Weak...)}
	if _, err := tx.NewInsert().Model(&row).On("CONFLICT (kind) DO UPDATE").Set("strong = excluded.strong, weak = excluded.weak").Exec(ctx); err != nil {
		return false, err
	}
	return true, audit.Write(ctx, tx, audit.Change{Action: "match_rule.update", Ref: entity.Ref{Kind: "match_rule", ID: r.Kind}, Name: r.Kind, Before: before, After: r})
}

func (s *Service) dropRule(ctx context.Context, tx *db.Tx, kind string) error {
	before, err := s.ruleFor(ctx, tx, kind)
	if err != nil {
		return err
	}
	res, err := tx.NewRaw("DELETE FROM item_match_rules WHERE kind = ?", kind).Exec(ctx)
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return errs.New(errs.NotFound, "The kind %s has no rule of its own.", short(kind))
	}
	return audit.Write(ctx, tx, audit.Change{Action: "match_rule.delete", Ref: entity.Ref{Kind: "match_rule", ID: kind}, Name: kind, Before: before})
}

// ruleEntry is a rule in ops.yaml; its name is a kind, or default.
type ruleEntry struct {
	Name   string   `yaml:"name" required:"true"`
	Strong []string `yaml:"strong,flow"`
	Weak   []string `yaml:"weak,flow"`
}

func (s *Service) ruleResource() apply.Resource {
	return apply.Resource{
		Key: "match_rules", Order: 15, Need: estate.WriteItems,
		New: func() any { return &ruleEntry{} },
		Apply: func(ctx context.Context, tx *db.Tx, e any) (apply.Change, error) {
			r := e.(*ruleEntry)
			changed, err := s.saveRule(ctx, tx, match.Rule{Kind: r.Name, Strong: r.Strong, Weak: r.Weak})
			c := apply.Change{Outcome: apply.Unchanged}
			if changed {
				c.Outcome = apply.Updated
			}
			return c, err
		},
		Export: func(ctx context.Context, q bun.IDB) ([]any, error) {
			var rows []ruleRow
			if err := q.NewSelect().Model(&rows).OrderExpr("kind").Scan(ctx); err != nil {
				return nil, err
			}
			out := make([]any, len(rows))
			for n, r := range rows {
				out[n] = &ruleEntry{Name: r.Kind, Strong: r.Strong, Weak: r.Weak}
			}
			return out, nil
		},
	}
}

func (s *Service) listMatches(ctx context.Context, in *matchesIn) (*httpapi.Body[httpapi.List[MatchView]], error) {
	q := s.db.Reader()
	var rows []matchRow
	a, aArgs := access.Where(ctx, estate.ReadItems, "a.owner_team_id")
	b, bArgs := access.Where(ctx, estate.ReadItems, "b.owner_team_id")
	sel := q.NewSelect().Model(&rows).Join("JOIN items a ON a.id = m.item_id").Join("JOIN items b ON b.id = m.other_id").
		Where("m.state = ?", in.State).Where(a, aArgs...).Where(b, bArgs...).OrderExpr("m.id").Limit(int64(in.Limit) + 1)
	if in.Cursor != "" {
		sel = sel.Where("m.id > ?", in.Cursor)
	}
	if err := sel.Scan(ctx); err != nil {
		return nil, err
	}
	next := ""
	if len(rows) > in.Limit {
		rows = rows[:in.Limit]
		next = rows[in.Limit-1].ID
	}
	var ids []string
	for _, r := range rows {
		ids = append(ids, r.ItemID, r.OtherID)
	}
	is, err := s.ByIDs(ctx, q, ids)
	if err != nil {
		return nil, err
	}
	teams, err := account.TeamNames(ctx, q)
	if err != nil {
		return nil, err
	}
	states := s.stateOf(ids)
	out := make([]MatchView, len(rows))
	for n, r := range rows {
		out[n] = MatchView{
			ID: r.ID, Item: brief(is[r.ItemID], teams, states), Other: brief(is[r.OtherID], teams, states), Source: r.Source, Reason: r.Reason,
			Agree: splitLines(r.Agree), Against: splitLines(r.Against), State: r.State, DecidedBy: r.DecidedBy, CreatedAt: r.CreatedAt.UTC(),
		}
	}
	return httpapi.NewList(out, next), nil
}

func splitLines(s string) []string {
	if s == "" {
		return []string{}
	}
	return strings.Split(s, "\n")
}

func (s *Service) decideMatch(ctx context.Context, in *decideIn) (*Waits, error) {
	ctx, h := holding(ctx)
	err := s.db.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		var m matchRow
		if err := tx.NewSelect().Model(&m).Where("m.id = ?", in.ID).Scan(ctx); err != nil {
			return db.NotFound(err, "This doubt has been settled already.")
		}
		is, err := byIDs(ctx, tx, []string{m.ItemID, m.OtherID})
		if err != nil || len(is) < 2 {
			return err
		}
		for n := range is {
			if err := access.Check(ctx, estate.WriteItems, is[n].OwnerTeamID); err != nil {
				return err
			}
		}
		if in.Body.Decision != "same" {
			return s.decide(ctx, tx, &m, in.Body.Decision)
		}
		keep := slices.IndexFunc(is, func(i Item) bool { return i.Name == in.Body.Keep })
		if keep < 0 {
			return errs.Fields(errs.Field{Path: "keep", Value: short(in.Body.Keep), Message: "must be " + is[0].Name + " or " + is[1].Name})
		}
		return s.merge(ctx, tx, &is[keep], &is[1-keep])
	})
	return waits(ctx, http.StatusNoContent, h, err)
}
