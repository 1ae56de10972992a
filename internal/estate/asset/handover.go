package asset

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"image/png"
	"io"
	"time"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/account"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/id"
)

// maxSignature is the size in bytes of a drawn signature; maxSide of its sides in
// pixels.
const (
	maxSignature = 200 << 10
	maxSide      = 2000
)

type handoverRow struct {
	bun.BaseModel `bun:"asset_handovers,alias:h"`

	ID          string     `bun:"id,pk"`
	AssetID     string     `bun:"asset_id"`
	PersonID    string     `bun:"person_id"`
	OutAt       time.Time  `bun:"out_at"`
	OutBy       string     `bun:"out_by"`
	OutNote     string     `bun:"out_note"`
	DueOn       string     `bun:"due_on"`
	Signed      bool       `bun:"signed"`
	ConfirmedAt *time.Time `bun:"confirmed_at"`
	InAt        *time.Time `bun:"in_at"`
	InBy        string     `bun:"in_by"`
	InNote      string     `bun:"in_note"`
}

// Handover says who had an asset.
type Handover struct {
	ID          string     `json:"id"`
	Person      Person     `json:"person"`
	OutAt       time.Time  `json:"out_at"`
	OutBy       string     `json:"out_by"`
	OutNote     string     `json:"out_note,omitempty"`
	DueOn       string     `json:"due_on,omitempty"`
	Signed      bool       `json:"signed" doc:"There is a drawn signature."`
	ConfirmedAt *time.Time `json:"confirmed_at,omitempty" doc:"When the person confirmed it, signed in."`
	InAt        *time.Time `json:"in_at,omitempty"`
	InBy        string     `json:"in_by,omitempty"`
	InNote      string     `json:"in_note,omitempty"`
}

// CheckOut is a handover to a person.
type CheckOut struct {
	Person    string `json:"person" maxLength:"320" doc:"Email address of who gets it."`
	DueOn     string `json:"due_on,omitempty" maxLength:"10" doc:"The day it is to be back, such as 2026-12-31."`
	Note      string `json:"note,omitempty" maxLength:"2000"`
	Signature []byte `json:"signature,omitempty" doc:"A PNG of at most 200 KiB, in Base64. Without one the person confirms signed in."`
}

// checkSignature reads the whole picture: what is kept is shown to people later.
func checkSignature(b []byte) error {
	bad := func(msg string) error {
		return errs.Fields(errs.Field{Path: "signature", Message: msg})
	}
	if len(b) > maxSignature {
		return bad("must have at most 200 KiB")
	}
	c, err := png.DecodeConfig(bytes.NewReader(b))
	if err != nil {
		return bad("must be a PNG")
	}
	if c.Width > maxSide || c.Height > maxSide {
		return bad("must have at most 2,000 pixels on each side")
	}
	if _, err := png.Decode(bytes.NewReader(b)); err != nil {
		return bad("must be a whole PNG")
	}
	return nil
}

// checkOut hands the asset to a person. Who takes it for themselves has confirmed it
// by that.
func (s *Service) checkOut(ctx context.Context, tx *db.Tx, r *assetRow, handoverID string, in CheckOut) error {
	var p problems
	p.day("due_on", in.DueOn)
	p.text("note", &in.Note, 2000)
	who, err := account.ByEmail(ctx, tx, in.Person)
	switch {
	case errs.Is(err, errs.NotFound) || errors.Is(err, sql.ErrNoRows):
		p.add("person", in.Person, "must be the email address of a person here")
	case err != nil:
		return err
	case who.Disabled:
		p.add("person", in.Person, "must not be disabled")
	}
	if in.DueOn != "" && in.DueOn < tx.Now().Format(time.DateOnly) {
		p.add("due_on", in.DueOn, "must not be in the past")
	}
	if err := errs.Fields(p...); err != nil {
		return err
	}
	if r.HolderID != "" {
		return errs.New(errs.Conflict, "Somebody has %s. Take it back first.", r.Tag)
	}
	if r.State != inUse {
		if err := r.checkMove(inUse); err != nil {
			return err
		}
	}
	before, now := *r, tx.Now()
	h := handoverRow{ID: handoverID, AssetID: r.ID, PersonID: who.ID, OutAt: now, OutBy: access.From(ctx).Actor(), OutNote: in.Note, DueOn: in.DueOn, Signed: len(in.Signature) > 0}
	if me := access.From(ctx); me != nil && me.Kind == access.Person && me.ID == who.ID {
		h.ConfirmedAt = &now
	}
	if _, err := tx.NewInsert().Model(&h).Exec(ctx); err != nil {
		return err
	}
	r.State, r.HolderID, r.HeldSince, r.DueOn = inUse, who.ID, &now, in.DueOn
	return s.keep(ctx, tx, "asset.check_out", &before, r)
}

// handOver stores the signature, then books the handover; without the booking the
// picture is not kept.
func (s *Service) handOver(ctx context.Context, tag string, in CheckOut) error {
	handoverID := id.New()
	if len(in.Signature) > 0 {
		if err := access.Check(ctx, WriteAssets, ""); err != nil {
			return err
		}
		if err := checkSignature(in.Signature); err != nil {
			return err
		}
		files, err := s.store()
		if err != nil {
			return err
		}
		if _, _, err := files.Put(handoverID, bytes.NewReader(in.Signature), maxSignature); err != nil {
			return err
		}
	}
	err := s.change(ctx, func(ctx context.Context, tx *db.Tx) error {
		r, err := locked(ctx, tx, tag)
		if err != nil {
			return err
		}
		return s.checkOut(ctx, tx, r, handoverID, in)
	})
	if err != nil && len(in.Signature) > 0 {
		s.dropFiles([]string{handoverID})
	}
	return err
}

// checkIn takes the asset back; state is where it goes: in_stock, repair or retired.
func (s *Service) checkIn(ctx context.Context, tx *db.Tx, r *assetRow, state, note, location string) error {
	if state == "" {
		state = inStock
	}
	var p problems
	p.text("note", &note, 2000)
	p.line("location", &location, 200)
	if state != inStock && state != inRepair && state != retired {
		p.add("state", state, "must be in_stock, repair or retired")
	}
	if err := errs.Fields(p...); err != nil {
		return err
	}
	if r.HolderID == "" {
		return errs.New(errs.Conflict, "Nobody has %s.", r.Tag)
	}
	before := *r
	if _, err := tx.NewRaw("UPDATE asset_handovers SET in_at = ?, in_by = ?, in_note = ? WHERE asset_id = ? AND in_at IS NULL", tx.Now(), access.From(ctx).Actor(), note, r.ID).Exec(ctx); err != nil {
		return err
	}
	r.HolderID, r.HeldSince, r.DueOn = "", nil, ""
	if location != "" {
		r.Location = location
	}
	if r.State != state {
		if err := r.checkMove(state); err != nil {
			return err
		}
		r.State = state
	}
	return s.keep(ctx, tx, "asset.check_in", &before, r)
}

// confirm is what the person who has the asset does; it needs no right to change.
func (s *Service) confirm(ctx context.Context, tx *db.Tx, r *assetRow) error {
	me := access.From(ctx)
	if me == nil || me.Kind != access.Person || me.ID == "" || me.ID != r.HolderID {
		return errs.New(errs.Forbidden, "Only the person who has %s can confirm that.", r.Tag)
	}
	res, err := tx.NewRaw("UPDATE asset_handovers SET confirmed_at = ? WHERE asset_id = ? AND in_at IS NULL AND confirmed_at IS NULL", tx.Now(), r.ID).Exec(ctx)
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return err
	}
	before := *r
	return s.keep(ctx, tx, "asset.confirm", &before, r)
}

// handovers lists who had the asset, the latest first.
func (s *Service) handovers(ctx context.Context, q bun.IDB, assetID, cursor string, limit int) ([]Handover, string, error) {
	var rows []handoverRow
	sel := q.NewSelect().Model(&rows).Where("asset_id = ?", assetID).OrderExpr("id DESC").Limit(int64(limit) + 1)
	if cursor != "" {
		sel = sel.Where("id < ?", cursor)
	}
	if err := sel.Scan(ctx); err != nil {
		return nil, "", err
	}
	next := ""
	if len(rows) > limit {
		rows = rows[:limit]
		next = rows[limit-1].ID
	}
	ids := make([]string, len(rows))
	for i, h := range rows {
		ids[i] = h.PersonID
	}
	who, err := people(ctx, q, ids)
	out := make([]Handover, len(rows))
	for i, h := range rows {
		out[i] = Handover{ID: h.ID, Person: *who[h.PersonID], OutAt: h.OutAt, OutBy: h.OutBy, OutNote: h.OutNote, DueOn: h.DueOn, Signed: h.Signed, ConfirmedAt: h.ConfirmedAt, InAt: h.InAt, InBy: h.InBy, InNote: h.InNote}
	}
	return out, next, err
}

// people gives every one of the ids; a person who is gone has no name.
func people(ctx context.Context, q bun.IDB, ids []string) (map[string]*Person, error) {
	out := map[string]*Person{}
	for _, v := range ids {
		out[v] = &Person{ID: v}
	}
	if len(ids) == 0 {
		return out, nil
	}
	as, err := account.ByIDs(ctx, q, ids)
	for k, a := range as {
		out[k] = &Person{ID: k, Name: a.Name, Email: a.Email}
	}
	return out, err
}

// signature gives the picture of a handover.
func (s *Service) signature(ctx context.Context, q bun.IDB, assetID, handoverID string) ([]byte, error) {
	n, err := q.NewSelect().Model((*handoverRow)(nil)).Where("id = ? AND asset_id = ? AND signed = ?", handoverID, assetID, true).Count(ctx)
	if err != nil {
		return nil, err
	}
	if n == 0 {
		return nil, errs.New(errs.NotFound, "There is no such signature.")
	}
	files, err := s.store()
	if err != nil {
		return nil, err
	}
	f, err := files.Open(handoverID)
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(io.LimitReader(f, maxSignature))
	return b, errors.Join(err, f.Close())
}

func (s *Service) signatures(ctx context.Context, q bun.IDB, assetID string) ([]string, error) {
	var ids []string
	err := q.NewRaw("SELECT id FROM asset_handovers WHERE asset_id = ? AND signed = ?", assetID, true).Scan(ctx, &ids)
	return ids, err
}

func (s *Service) dropFiles(ids []string) {
	files, err := s.store()
	for _, v := range ids {
		if err == nil {
			err = files.Remove(v)
		}
	}
	if err != nil {
		s.d.Logger.Warn("signature_not_removed", "error", err)
	}
}
