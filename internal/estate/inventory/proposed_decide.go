package inventory

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/account"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/job"
	"github.com/mainstay-ops/mainstay/internal/estate"
)

// Decide approves, rejects or withdraws a proposal. The change is made as its
// author, with the rights of who approves.
func (s *Service) Decide(ctx context.Context, proposalID, verdict, reason string) (*proposal, error) {
	var p *proposal
	err := s.db.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		p = &proposal{}
		if err := tx.NewSelect().Model(p).Where("p.id = ?", proposalID).Scan(ctx); err != nil {
			return db.NotFound(err, "There is no such proposal.")
		}
		i, err := s.proposedItem(ctx, tx, p)
		if err != nil {
			return err
		}
		if err := mayDecide(ctx, tx, p, verdict); err != nil {
			return err
		}
		if err := p.close(ctx, tx, verdict, reason); err != nil {
			return err
		}
		step := map[string]string{approved: "approve", rejected: "reject", withdrawn: "withdraw"}[verdict]
		if err := s.noteProposal(ctx, tx, p, step, map[string]any{"state": waiting}); err != nil || verdict != approved {
			return err
		}
		if i == nil {
			return errs.New(errs.Conflict, "The item %s is gone. Reject the change, or have its author withdraw it.", p.Name)
		}
		return s.carryOut(p.asAuthor(ctx), tx, p, i)
	})
	return p, err
}

// proposedItem finds the item of a proposal, nil when it is gone, and checks that
// whoever acts may change it.
func (s *Service) proposedItem(ctx context.Context, tx *db.Tx, p *proposal) (*Item, error) {
	is, err := byIDs(ctx, tx, []string{p.ItemID})
	if err != nil {
		return nil, err
	}
	team := p.OwnerTeamID
	if len(is) > 0 {
		team = is[0].OwnerTeamID
	}
	if err := access.Check(ctx, estate.ReadItems, team); err != nil {
		return nil, err
	}
	if err := access.Check(ctx, estate.WriteItems, team); err != nil || len(is) == 0 {
		return nil, err
	}
	return &is[0], nil
}

func mayDecide(ctx context.Context, tx *db.Tx, p *proposal, verdict string) error {
	who := access.From(ctx)
	own := who.ID == p.AuthorID && who.Kind == p.Via
	if verdict == withdrawn {
		if !own {
			return errs.New(errs.Forbidden, "Only %s, who proposed this, can withdraw it. Reject it instead.", p.Author)
		}
		return nil
	}
	if who.Kind != access.Person {
		return errs.New(errs.Forbidden, "Only a person who has signed in can decide on a proposal, not a token.")
	}
	if !own && p.Via == access.Token {
		// A token acts for who made it.
		ts, err := account.ListTokens(ctx, tx)
		if err != nil {
			return err
		}
		own = slices.ContainsFunc(ts, func(t account.APIToken) bool {
			return t.ID == p.AuthorID && (t.AccountID == who.ID || t.CreatedBy == who.ID || t.CreatedBy == who.Actor())
		})
	}
	if own {
		return errs.New(errs.Forbidden, "You proposed this yourself. Another person who may change %s must decide.", p.Name)
	}
	return nil
}

// close settles a proposal once: of two who decide at the same time one is told so.
func (p *proposal) close(ctx context.Context, tx *db.Tx, verdict, reason string) error {
	if p.State == waiting && !p.ExpiresAt.After(tx.Now()) {
		return errs.New(errs.Conflict, "This proposal expired on %s. Make the change again.", p.ExpiresAt.UTC().Format(time.DateOnly))
	}
	now := tx.Now()
	by := access.From(ctx).Actor()
	res, err := tx.NewRaw("UPDATE item_proposals SET state = ?, decided_by = ?, decided_at = ?, reason = ? WHERE id = ? AND state = ?", verdict, by, now, reason, p.ID, waiting).Exec(ctx)
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return errs.New(errs.Conflict, "This proposal does not wait any more: somebody has decided, or it was withdrawn.")
	}
	p.State, p.DecidedBy, p.DecidedAt, p.Reason = verdict, by, &now, reason
	return nil
}

// asAuthor acts under the name of the author with the rights of who approves.
func (p *proposal) asAuthor(ctx context.Context) context.Context {
	who := *access.From(ctx)
	who.Kind, who.ID, who.Name, who.Email = p.Via, p.AuthorID, p.Author, ""
	who.SessionID, who.TokenID = "", ""
	return passed(access.With(ctx, &who))
}

// carryOut makes the change of a proposal, and refuses it when it would not make
// just the difference that was proposed.
func (s *Service) carryOut(ctx context.Context, tx *db.Tx, p *proposal, i *Item) error {
	var got []change
	for _, op := range p.Operations {
		cs, err := s.perform(ctx, tx, i, op)
		if err != nil {
			if errs.Is(err, errs.Invalid) {
				return &errs.Error{Code: errs.Conflict, Message: "The change does not fit any more. Reject it, or have its author withdraw it and make it again.", Fields: errs.FieldsOf(err), Err: err}
			}
			return err
		}
		got = append(got, cs...)
	}
	now, err := fieldChanges(got)
	if err != nil {
		return err
	}
	if bad := meanwhile(p.Changes, now); len(bad) > 0 {
		return &errs.Error{Code: errs.Conflict, Message: "What this change is based on has changed meanwhile. Reject it, or have its author withdraw it and make it again.", Fields: bad}
	}
	return nil
}

// perform does one operation and gives the difference that it makes.
func (s *Service) perform(ctx context.Context, tx *db.Tx, i *Item, op operation) ([]change, error) {
	switch op.Do {
	case doUpdate:
		return s.change(ctx, tx, i, *op.Fields)
	case doRelate:
		m, err := s.model(ctx, tx)
		if err != nil {
			return nil, err
		}
		t, err := m.Relation("type", op.Type)
		if err != nil {
			return nil, err
		}
		cs, err := relationChanges(ctx, tx, i, op)
		if err != nil {
			return nil, err
		}
		add, err := byIDs(ctx, tx, op.Add)
		if err != nil {
			return nil, err
		}
		gone, err := byIDs(ctx, tx, op.Remove)
		if err != nil {
			return nil, err
		}
		targets, remove := make([]target, len(add)), make([]*Item, len(gone))
		for n := range add {
			targets[n] = target{&add[n], "item"}
		}
		for n := range gone {
			remove[n] = &gone[n]
		}
		_, err = s.relate(ctx, tx, i, t, targets, remove)
		return cs, err
	case doDelete:
		cs, err := s.lost(ctx, tx, i)
		if err != nil {
			return nil, err
		}
		return cs, s.remove(ctx, tx, i)
	case doMerge:
		is, err := byIDs(ctx, tx, []string{op.Other})
		if err != nil {
			return nil, err
		}
		if len(is) == 0 {
			return nil, errs.New(errs.Conflict, "The item that it merges away is gone.")
		}
		if err := access.Check(ctx, estate.WriteItems, is[0].OwnerTeamID); err != nil {
			return nil, err
		}
		cs, err := s.lost(ctx, tx, &is[0])
		if err != nil {
			return nil, err
		}
		return cs, s.merge(ctx, tx, i, &is[0])
	}
	return nil, fmt.Errorf("inventory: unknown operation %q", op.Do)
}

// meanwhile tells, field by field, where the difference of now is not that which
// was proposed.
func meanwhile(proposed, now []ProposedField) []errs.Field {
	var bad []errs.Field
	for _, c := range proposed {
		if slices.ContainsFunc(now, func(o ProposedField) bool { return reflect.DeepEqual(o, c) }) {
			continue
		}
		msg := "was " + say(c.Before) + " when this was proposed, and has changed since"
		for _, o := range now {
			if o.Field == c.Field && !reflect.DeepEqual(o.Before, c.Before) {
				msg = "was " + say(c.Before) + " when this was proposed, and is " + say(o.Before) + " now"
			}
		}
		bad = append(bad, errs.Field{Path: c.Field, Message: msg})
	}
	for _, o := range now {
		if !slices.ContainsFunc(proposed, func(c ProposedField) bool { return reflect.DeepEqual(o, c) }) && !slices.ContainsFunc(bad, func(f errs.Field) bool { return f.Path == o.Field }) {
			bad = append(bad, errs.Field{Path: o.Field, Message: strings.TrimSpace("is " + say(o.Before) + " now, and was not part of what was proposed")})
		}
	}
	return bad
}

type expireArgs struct{}

// Kind implements job.Args.
func (expireArgs) Kind() string { return "inventory.expire_proposals" }

// Jobs implements module.HasJobs: it ends proposals that nobody decided on.
func (s *Service) Jobs(r *job.Runner) {
	job.Handle(r, func(ctx context.Context, _ expireArgs, _ job.Meta) error { return s.expire(access.AsSystem(ctx)) })
	job.Every(r, time.Hour, true, expireArgs{})
}

func (s *Service) expire(ctx context.Context) error {
	return s.db.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		var ps []proposal
		if err := tx.NewSelect().Model(&ps).Where("p.state = ? AND p.expires_at <= ?", waiting, tx.Now()).OrderExpr("p.id").Limit(1000).Scan(ctx); err != nil {
			return err
		}
		for n := range ps {
			p := &ps[n]
			res, err := tx.NewRaw("UPDATE item_proposals SET state = ?, decided_at = ? WHERE id = ? AND state = ?", expired, tx.Now(), p.ID, waiting).Exec(ctx)
			if err != nil {
				return err
			}
			if k, err := res.RowsAffected(); err != nil || k == 0 {
				continue
			}
			p.State = expired
			if err := s.noteProposal(ctx, tx, p, "expire", map[string]any{"state": waiting}); err != nil {
				return err
			}
		}
		return nil
	})
}
