package asset

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/audit"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/id"
	"github.com/mainstay-ops/mainstay/internal/core/search"
)

// Settings of tags.
type Settings struct {
	Prefix string `bun:"prefix" json:"prefix" maxLength:"20" doc:"What new tags begin with."`
	Digits int    `bun:"digits" json:"digits" minimum:"1" maximum:"12" doc:"New numbers have at least this many digits."`
	Next   int64  `bun:"next_number" json:"next_number" minimum:"1" maximum:"900000000000" doc:"The number that is tried next."`
}

func settings(ctx context.Context, q bun.IDB) (Settings, error) {
	var v Settings
	err := q.NewRaw("SELECT prefix, digits, next_number FROM asset_settings WHERE id = 1").Scan(ctx, &v)
	return v, err
}

func (s *Service) saveSettings(ctx context.Context, tx *db.Tx, v Settings) error {
	var p problems
	if !prefixForm.MatchString(v.Prefix) {
		p.add("prefix", v.Prefix, "must have at most 20 letters, digits and . _ -")
	} else if !tagForm.MatchString(v.Prefix + "1") {
		p.add("prefix", v.Prefix, "must begin with a letter or digit")
	}
	if v.Digits < 1 || v.Digits > 12 {
		p.add("digits", fmt.Sprint(v.Digits), "must be from 1 to 12")
	}
	if v.Next < 1 || v.Next > 900_000_000_000 {
		p.add("next_number", fmt.Sprint(v.Next), "must be from 1 to 900,000,000,000")
	}
	if err := errs.Fields(p...); err != nil {
		return err
	}
	before, err := settings(ctx, tx)
	if err != nil {
		return err
	}
	if _, err := tx.NewRaw("UPDATE asset_settings SET prefix = ?, digits = ?, next_number = ? WHERE id = 1", v.Prefix, v.Digits, v.Next).Exec(ctx); err != nil {
		return err
	}
	return audit.Write(ctx, tx, audit.Change{Action: "asset.settings", Ref: assetRef("settings"), Name: "asset tags", Before: before, After: v})
}

// nextTag takes the next number that no asset has.
func nextTag(ctx context.Context, tx *db.Tx) (string, error) {
	for range 10_000 {
		var v Settings
		if err := tx.NewRaw("UPDATE asset_settings SET next_number = next_number + 1 WHERE id = 1 RETURNING prefix, digits, next_number - 1 AS next_number").Scan(ctx, &v); err != nil {
			return "", err
		}
		tag := fmt.Sprintf("%s%0*d", v.Prefix, v.Digits, v.Next)
		n, err := tx.NewSelect().Model((*assetRow)(nil)).Where("tag = ?", tag).Count(ctx)
		if err != nil || n == 0 {
			return tag, err
		}
	}
	return "", errs.New(errs.Conflict, "The next 10,000 tags are all taken. Set another next number.")
}

func byTag(ctx context.Context, q bun.IDB, tag string) (*assetRow, error) {
	var r assetRow
	err := q.NewSelect().Model(&r).Where("tag = ?", tag).Scan(ctx)
	return &r, db.NotFound(err, "There is no asset with the tag %s.", cut(tag))
}

// locked reads an asset to change it: two changes at once take turns.
func locked(ctx context.Context, tx *db.Tx, tag string) (*assetRow, error) {
	if tx.Kind() == db.Postgres {
		var id string
		if err := tx.NewRaw("SELECT id FROM assets WHERE tag = ? FOR UPDATE", tag).Scan(ctx, &id); err != nil {
			return nil, db.NotFound(err, "There is no asset with the tag %s.", cut(tag))
		}
	}
	return byTag(ctx, tx, tag)
}

// create adds an asset; an empty tag takes the next number, an empty state is
// in_stock.
func (s *Service) create(ctx context.Context, tx *db.Tx, tag, state, item string, d Details) (*assetRow, error) {
	if err := d.check(); err != nil {
		return nil, err
	}
	itemID, err := s.itemID(ctx, tx, "item", item)
	if err != nil {
		return nil, err
	}
	if tag == "" {
		if tag, err = nextTag(ctx, tx); err != nil {
			return nil, err
		}
	}
	if err := checkTag(tag); err != nil {
		return nil, err
	}
	if _, err := byTag(ctx, tx, tag); err == nil {
		return nil, errs.New(errs.Conflict, "There is an asset with the tag %s already.", tag)
	} else if !errs.Is(err, errs.NotFound) {
		return nil, err
	}
	if state == "" {
		state = inStock
	}
	if err := checkState(state); err != nil {
		return nil, err
	}
	r := assetRow{ID: id.New(), Tag: tag, State: state, ItemID: itemID, Details: d, CreatedAt: tx.Now(), UpdatedAt: tx.Now(), Version: 1}
	r.derive()
	if _, err := tx.NewInsert().Model(&r).Exec(ctx); err != nil {
		return nil, err
	}
	return &r, s.wrote(ctx, tx, "asset.create", nil, &r)
}

func checkState(state string) error {
	for _, x := range states {
		if x == state {
			return nil
		}
	}
	return errs.Fields(errs.Field{Path: "state", Value: cut(state), Message: "must be one of ordered, in_stock, in_use, repair, retired, disposed"})
}

// save replaces what a person says of an asset.
func (s *Service) save(ctx context.Context, tx *db.Tx, r *assetRow, item string, d Details) (bool, error) {
	if err := d.check(); err != nil {
		return false, err
	}
	itemID, err := s.itemID(ctx, tx, "item", item)
	if err != nil {
		return false, err
	}
	before := *r
	r.Details, r.ItemID = d, itemID
	if before.Details == r.Details && before.ItemID == r.ItemID {
		return false, nil
	}
	return true, s.keep(ctx, tx, "asset.update", &before, r)
}

// move sets the state.
func (s *Service) move(ctx context.Context, tx *db.Tx, r *assetRow, to string) error {
	if err := checkState(to); err != nil {
		return err
	}
	if r.State == to {
		return nil
	}
	if err := r.checkMove(to); err != nil {
		return err
	}
	before := *r
	r.State = to
	return s.keep(ctx, tx, "asset.move", &before, r)
}

func (s *Service) keep(ctx context.Context, tx *db.Tx, action string, before, r *assetRow) error {
	r.derive()
	r.UpdatedAt, r.Version = tx.Now(), r.Version+1
	if _, err := tx.NewUpdate().Model(r).WherePK().Exec(ctx); err != nil {
		return err
	}
	return s.wrote(ctx, tx, action, before, r)
}

// remove deletes an asset that was entered by mistake; one that left the
// organization is disposed and stays.
func (s *Service) remove(ctx context.Context, tx *db.Tx, r *assetRow) error {
	if r.HolderID != "" {
		return errs.New(errs.Conflict, "Somebody has %s. Take it back first.", r.Tag)
	}
	files, err := s.signatures(ctx, tx, r.ID)
	if err != nil {
		return err
	}
	if _, err := tx.NewDelete().Model(r).WherePK().Exec(ctx); err != nil {
		return err
	}
	tx.AfterCommit(func() { s.dropFiles(files) })
	return s.wrote(ctx, tx, "asset.delete", r, nil)
}

// account of an asset for the audit log.
type record struct {
	Tag, State, ItemID, HolderID, DueOn, SeenPlace string
	Details
}

func (r *assetRow) record() record {
	return record{Tag: r.Tag, State: r.State, ItemID: r.ItemID, HolderID: r.HolderID, DueOn: r.DueOn, SeenPlace: r.SeenPlace, Details: r.Details}
}

// wrote tells the audit log, the search and the browsers.
func (s *Service) wrote(ctx context.Context, tx *db.Tx, action string, before, after *assetRow) error {
	c := audit.Change{Action: action}
	if before != nil {
		c.Ref, c.Name, c.Before = assetRef(before.ID), before.Tag, before.record()
	}
	note := "changed"
	if after != nil {
		c.Ref, c.Name, c.After = assetRef(after.ID), after.Tag, after.record()
		if err := search.Put(ctx, tx, search.Doc{Kind: assetKind, RefID: after.ID, Name: after.Tag, Title: after.Title, Body: after.Folded + "\n" + after.Notes, URL: assetURL(after.Tag)}); err != nil {
			return err
		}
		if before == nil {
			note = "created"
		}
	} else {
		note = "removed"
		if err := search.Remove(ctx, tx, assetKind, before.ID); err != nil {
			return err
		}
	}
	s.tell(tx, note, c.Name)
	return audit.Write(ctx, tx, c)
}

// seen writes down that somebody stood before the asset.
func (s *Service) seen(ctx context.Context, tx *db.Tx, r *assetRow, place string, moved bool) error {
	var p problems
	p.line("place", &place, 200)
	if moved && place == "" {
		p.add("place", "", "must be given to become the location")
	}
	if err := errs.Fields(p...); err != nil {
		return err
	}
	before, now := *r, tx.Now()
	r.SeenAt, r.SeenPlace = &now, place
	if moved {
		r.Location = place
	}
	if _, err := tx.NewRaw("INSERT INTO asset_sightings (id, asset_id, at, actor, place) VALUES (?, ?, ?, ?, ?)", id.New(), r.ID, now, access.From(ctx).Actor(), place).Exec(ctx); err != nil {
		return err
	}
	return s.keep(ctx, tx, "asset.seen", &before, r)
}

// Sighting says that somebody stood before an asset.
type Sighting struct {
	ID    string    `json:"id"`
	At    time.Time `json:"at"`
	Actor string    `json:"actor"`
	Place string    `json:"place,omitempty"`
}

func sightings(ctx context.Context, q bun.IDB, assetID, cursor string, limit int) ([]Sighting, string, error) {
	var rows []Sighting
	sql, args := "SELECT id, at, actor, place FROM asset_sightings WHERE asset_id = ?", []any{assetID}
	if cursor != "" {
		sql, args = sql+" AND id < ?", append(args, cursor)
	}
	if err := q.NewRaw(sql+" ORDER BY id DESC LIMIT ?", append(args, limit+1)...).Scan(ctx, &rows); err != nil {
		return nil, "", err
	}
	next := ""
	if len(rows) > limit {
		rows = rows[:limit]
		next = rows[limit-1].ID
	}
	return rows, next, nil
}
