package inventory

import (
	"context"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/audit"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/entity"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/id"
	"github.com/mainstay-ops/mainstay/internal/core/live"
	"github.com/mainstay-ops/mainstay/internal/estate"
	"github.com/mainstay-ops/mainstay/internal/estate/inventory/kind"
)

// Approval says which items change only when a second person agrees. An item is
// covered when its criticality is high enough or it has the label.
type Approval struct {
	Enabled     bool   `json:"enabled" yaml:"enabled"`
	Criticality string `json:"criticality,omitempty" yaml:"criticality,omitempty" enum:"low,medium,high,critical" doc:"Items of this criticality and above; absent for none."`
	Label       string `json:"label,omitempty" yaml:"label,omitempty" maxLength:"310" doc:"Items with this label: a key, or key=value."`
}

// proposalLife is how long a proposal waits.
const proposalLife = 30 * 24 * time.Hour

// maxWaiting is how many proposals may wait for one item.
const maxWaiting = 50

// The states of a proposal.
const (
	waiting   = "waiting"
	approved  = "approved"
	rejected  = "rejected"
	withdrawn = "withdrawn"
	expired   = "expired"
)

// What a proposal does.
const (
	doUpdate = "update"
	doRelate = "relate"
	doDelete = "delete"
	doMerge  = "merge"
)

func (a Approval) check() error {
	var bad []errs.Field
	if a.Criticality != "" {
		if err := oneOf("approval.criticality", a.Criticality, levels()...); err != nil {
			bad = append(bad, errs.FieldsOf(err)...)
		}
	}
	if key, _, _ := strings.Cut(a.Label, "="); a.Label != "" && !labelKey.MatchString(key) {
		bad = append(bad, errs.Field{Path: "approval.label", Value: short(a.Label), Message: "must be a label's key, or key=value"})
	}
	if a.Enabled && a.Criticality == "" && a.Label == "" {
		bad = append(bad, errs.Field{Path: "approval.enabled", Message: "covers nothing; give a criticality, a label, or both"})
	}
	return errs.Fields(bad...)
}

// levels are the criticalities, the lowest first.
func levels() []string {
	return []string{string(estate.Low), string(estate.Medium), string(estate.High), string(estate.Critical)}
}

func (a Approval) covers(i *Item) bool {
	if !a.Enabled {
		return false
	}
	if a.Criticality != "" && slices.Index(levels(), string(i.Criticality)) >= slices.Index(levels(), a.Criticality) {
		return true
	}
	key, value, has := strings.Cut(a.Label, "=")
	v, ok := i.Labels[key]
	return a.Label != "" && ok && (!has || v == value)
}

// operation is one thing that a proposal does, in a form that can be done later.
type operation struct {
	Do     string  `json:"do"`
	Fields *Fields `json:"fields,omitempty"`
	// Type, Add and Remove are a change of relations; Other is the item that is
	// merged away. Add, Remove and Other hold ids.
	Type   string   `json:"type,omitempty"`
	Add    []string `json:"add,omitempty"`
	Remove []string `json:"remove,omitempty"`
	Other  string   `json:"other,omitempty"`
}

// ProposedField is one difference that a proposal makes.
type ProposedField struct {
	Field  string `json:"field"`
	Before any    `json:"before"`
	After  any    `json:"after"`
}

// proposal is a row of item_proposals.
type proposal struct {
	bun.BaseModel `bun:"item_proposals,alias:p"`

	ID          string          `bun:"id,pk"`
	ItemID      string          `bun:"item_id"`
	Name        string          `bun:"name"`
	OwnerTeamID string          `bun:"owner_team_id"`
	Action      string          `bun:"action"`
	Operations  []operation     `bun:"operations"`
	Changes     []ProposedField `bun:"changes"`
	BaseVersion int64           `bun:"base_version"`
	State       string          `bun:"state"`
	Author      string          `bun:"author"`
	AuthorID    string          `bun:"author_id"`
	Via         string          `bun:"via"`
	MadeAt      time.Time       `bun:"made_at"`
	ExpiresAt   time.Time       `bun:"expires_at"`
	DecidedBy   string          `bun:"decided_by"`
	DecidedAt   *time.Time      `bun:"decided_at"`
	Reason      string          `bun:"reason"`
}

func (p *proposal) ref() entity.Ref { return entity.Ref{Kind: "item_proposal", ID: p.ID} }

type passKey struct{}

// passed marks what needs no second person: what a source sees, and what has been
// approved.
func passed(ctx context.Context) context.Context { return context.WithValue(ctx, passKey{}, true) }

type heldKey struct{}

// held gathers what was proposed instead of done.
type held struct{ last *proposal }

// holding gives a context in which proposals are noted.
func holding(ctx context.Context) (context.Context, *held) {
	h := &held{}
	return context.WithValue(ctx, heldKey{}, h), h
}

// approval gives the rule for whoever acts in ctx; one that is off for the system,
// which discovers and keeps house.
func approval(ctx context.Context, q bun.IDB) (Approval, error) {
	var a Approval
	p := access.From(ctx)
	if p == nil || p.Kind == access.System || ctx.Value(passKey{}) != nil {
		return a, nil
	}
	return a, kind.Setting(ctx, q, "approval", &a)
}

// holds tells whether a change of i by whoever acts must wait. The criticality and
// labels before the change count.
func holds(ctx context.Context, q bun.IDB, i *Item) (bool, error) {
	a, err := approval(ctx, q)
	if tx, ok := q.(*db.Tx); ok && i.CreatedAt.Truncate(time.Microsecond).Equal(tx.Now().Truncate(time.Microsecond)) {
		return false, err // made just now, by the same file
	}
	return a.covers(i), err
}

func fieldChanges(cs []change) ([]ProposedField, error) {
	out := make([]ProposedField, 0, len(cs))
	for _, c := range cs {
		out = append(out, ProposedField{c.field, c.before, c.after})
	}
	// As they read after a round trip, to be compared later.
	b, err := json.Marshal(out)
	if err != nil {
		return nil, err
	}
	var same []ProposedField
	return same, json.Unmarshal(b, &same)
}

// propose keeps an operation on i for a second person. i is as it is now. The same
// operation by the same author waits once; those of one transaction wait together.
func (s *Service) propose(ctx context.Context, tx *db.Tx, i *Item, op operation, cs []change) error {
	changes, err := fieldChanges(cs)
	if err != nil {
		return err
	}
	who := access.From(ctx)
	var others []proposal
	if err := tx.NewSelect().Model(&others).Where("p.item_id = ? AND p.state = ?", i.ID, waiting).OrderExpr("p.id").Scan(ctx); err != nil {
		return err
	}
	note := func(p *proposal) {
		if h, _ := ctx.Value(heldKey{}).(*held); h != nil {
			h.last = p
		}
	}
	for n := range others {
		p := &others[n]
		if p.AuthorID != who.ID || p.Via != who.Kind {
			continue
		}
		if slices.ContainsFunc(p.Operations, func(o operation) bool { return sameJSON(o, op) }) && contains(p.Changes, changes) {
			note(p)
			return nil
		}
		if p.MadeAt.Equal(tx.Now().Truncate(time.Microsecond)) && op.Do != doDelete && op.Do != doMerge {
			p.Operations, p.Changes = append(p.Operations, op), append(p.Changes, changes...)
			note(p)
			_, err := tx.NewUpdate().Model(p).Column("operations", "changes").WherePK().Exec(ctx)
			return err
		}
	}
	if len(others) >= maxWaiting {
		return errs.New(errs.Conflict, "%d changes of %s wait for approval already. Have some of them decided first.", len(others), i.Name)
	}
	action := op.Do
	if action == doRelate {
		action = doUpdate
	}
	now := tx.Now().Truncate(time.Microsecond)
	p := &proposal{
		ID: id.New(), ItemID: i.ID, Name: i.Name, OwnerTeamID: i.OwnerTeamID, Action: action, Operations: []operation{op}, Changes: changes, BaseVersion: i.Version,
		State: waiting, Author: who.Actor(), AuthorID: who.ID, Via: who.Kind, MadeAt: now, ExpiresAt: now.Add(proposalLife),
	}
	if _, err := tx.NewInsert().Model(p).Exec(ctx); err != nil {
		return err
	}
	note(p)
	return s.noteProposal(ctx, tx, p, "propose", nil)
}

// noteProposal writes the audit entry of a step and tells the browsers.
func (s *Service) noteProposal(ctx context.Context, tx *db.Tx, p *proposal, step string, before any) error {
	after := map[string]any{"item": p.Name, "action": p.Action, "state": p.State, "changes": p.Changes}
	if p.Reason != "" {
		after["reason"] = p.Reason
	}
	if err := audit.Write(ctx, tx, audit.Change{Action: "item_proposal." + step, Ref: p.ref(), Name: p.Name, Before: before, After: after}); err != nil {
		return err
	}
	name, key := p.Name, p.ID
	tx.AfterCommit(func() {
		s.live.Send(live.Note{Topic: "items", Kind: "proposal", ID: name, Data: map[string]any{"proposal": key}})
	})
	return nil
}

func sameJSON(a, b any) bool {
	x, err := json.Marshal(a)
	y, err2 := json.Marshal(b)
	return err == nil && err2 == nil && string(x) == string(y)
}

func contains(all, some []ProposedField) bool {
	return !slices.ContainsFunc(some, func(c ProposedField) bool {
		return !slices.ContainsFunc(all, func(o ProposedField) bool { return reflect.DeepEqual(o, c) })
	})
}

// holdRelations proposes a change of relations; it tells whether it did.
func (s *Service) holdRelations(ctx context.Context, tx *db.Tx, a *Item, t RelationType, add []target, remove []*Item) (bool, error) {
	if wait, err := holds(ctx, tx, a); !wait || err != nil {
		return false, err
	}
	op := operation{Do: doRelate, Type: t.Name}
	for _, b := range add {
		if b.item.ID == a.ID {
			return false, nil // refused where it is made
		}
		op.Add = append(op.Add, b.item.ID)
	}
	for _, b := range remove {
		op.Remove = append(op.Remove, b.ID)
	}
	cs, err := relationChanges(ctx, tx, a, op)
	if err != nil || len(cs) == 0 {
		return false, err
	}
	for _, b := range add {
		if types := kind.Circular(t.Name); types != nil {
			way, err := circle(ctx, tx, b.item.ID, a.ID, types)
			if err != nil || way != nil {
				return false, err // refused where it is made
			}
		}
	}
	return true, s.propose(ctx, tx, a, op, cs)
}

// relationChanges is what a change of relations would do now.
func relationChanges(ctx context.Context, q bun.IDB, a *Item, op operation) ([]change, error) {
	have, err := owned(ctx, q, a.ID)
	if err != nil {
		return nil, err
	}
	is, err := byIDs(ctx, q, append(slices.Clone(op.Add), op.Remove...))
	if err != nil {
		return nil, err
	}
	names := map[string]string{}
	for _, i := range is {
		names[i.ID] = i.Name
	}
	var out []change
	for _, b := range op.Remove {
		if slices.Contains(have, edge{op.Type, b}) {
			out = append(out, change{field: op.Type, before: names[b]})
		}
	}
	for _, b := range op.Add {
		if names[b] == "" || slices.Contains(have, edge{op.Type, b}) {
			continue
		}
		if op.Type == ConnectsTo {
			back, err := owned(ctx, q, b)
			if err != nil {
				return nil, err
			}
			if slices.Contains(back, edge{ConnectsTo, a.ID}) {
				continue
			}
		}
		out = append(out, change{field: op.Type, after: names[b]})
	}
	return out, nil
}

// lost is what goes when i is removed: what people see of it, and its relations.
func (s *Service) lost(ctx context.Context, q bun.IDB, i *Item) ([]change, error) {
	var out []change
	view := auditView(i)
	delete(view, "attributes") // sources change these; the rest is what people say
	delete(view, "owner_team_id")
	for _, k := range sortedKeys(view) {
		out = append(out, change{field: k, before: view[k]})
	}
	ties, err := s.relationsNow(ctx, q, i.ID)
	if err != nil {
		return nil, err
	}
	var ids []string
	for t := range ties {
		ids = append(ids, t.other)
	}
	is, err := byIDs(ctx, q, ids)
	if err != nil {
		return nil, err
	}
	for _, o := range is {
		for t := range ties {
			if t.other == o.ID {
				out = append(out, change{field: t.word, before: o.Name})
			}
		}
	}
	slices.SortStableFunc(out, func(a, b change) int {
		if c := strings.Compare(a.field, b.field); c != 0 {
			return c
		}
		x, _ := a.before.(string)
		y, _ := b.before.(string)
		return strings.Compare(x, y)
	})
	return out, nil
}

// holdRemoval proposes to delete i, or to merge it into another one; it tells
// whether it did.
func (s *Service) holdRemoval(ctx context.Context, tx *db.Tx, i, into *Item) (bool, error) {
	wait, err := holds(ctx, tx, i)
	on, op := i, operation{Do: doDelete}
	if into != nil {
		on, op = into, operation{Do: doMerge, Other: i.ID}
		if err == nil && !wait {
			wait, err = holds(ctx, tx, into)
		}
	}
	if !wait || err != nil {
		return false, err
	}
	cs, err := s.lost(ctx, tx, i)
	if err != nil {
		return false, err
	}
	return true, s.propose(ctx, tx, on, op, cs)
}
