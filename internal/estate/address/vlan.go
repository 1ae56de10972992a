package address

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/audit"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/entity"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/id"
)

type vlanRow struct {
	bun.BaseModel `bun:"address_vlans,alias:v"`

	ID          string     `bun:"id,pk"`
	VID         int        `bun:"vid"`
	Site        string     `bun:"site"`
	Name        string     `bun:"name"`
	Description string     `bun:"description"`
	Source      string     `bun:"source"`
	LastSeen    *time.Time `bun:"last_seen"`
	CreatedAt   time.Time  `bun:"created_at"`
	UpdatedAt   time.Time  `bun:"updated_at"`
	Version     int64      `bun:"version"`
}

// VLAN is a virtual LAN, unique by its number in a site.
type VLAN struct {
	ID          string     `json:"id"`
	VID         int        `json:"vid"`
	Site        string     `json:"site,omitempty"`
	Name        string     `json:"name"`
	Description string     `json:"description,omitempty"`
	Source      string     `json:"source" enum:"manual,discovered"`
	LastSeen    *time.Time `json:"last_seen,omitempty"`
	Prefixes    int        `json:"prefixes" doc:"Number of prefixes that name it."`
}

// VLANFields is what a person says of a VLAN.
type VLANFields struct {
	VID         int    `json:"vid" minimum:"1" maximum:"4094"`
	Site        string `json:"site,omitempty" maxLength:"200"`
	Name        string `json:"name" minLength:"1" maxLength:"100"`
	Description string `json:"description,omitempty" maxLength:"2000"`
}

func (r *vlanRow) fields() VLANFields {
	return VLANFields{VID: r.VID, Site: r.Site, Name: r.Name, Description: r.Description}
}

func (f *VLANFields) check() error {
	var bad []errs.Field
	if f.VID < 1 || f.VID > 4094 {
		bad = append(bad, errs.Field{Path: "vid", Value: fmt.Sprint(f.VID), Message: "must be from 1 to 4094 (IEEE 802.1Q)"})
	}
	f.Name, f.Site = strings.TrimSpace(f.Name), strings.TrimSpace(f.Site)
	if f.Name == "" || len(f.Name) > 100 || strings.ContainsAny(f.Name, "\n\r\x00") {
		bad = append(bad, errs.Field{Path: "name", Value: cut(f.Name), Message: "must be one line of 1 to 100 bytes"})
	}
	if len(f.Site) > 200 || strings.ContainsAny(f.Site, "\n\r\x00") {
		bad = append(bad, errs.Field{Path: "site", Value: cut(f.Site), Message: "must be one line of at most 200 bytes"})
	}
	if len(f.Description) > 2000 {
		bad = append(bad, errs.Field{Path: "description", Message: "must have at most 2,000 bytes"})
	}
	return errs.Fields(bad...)
}

func (s *Service) createVLAN(ctx context.Context, tx *db.Tx, f VLANFields) (*vlanRow, error) {
	if err := f.check(); err != nil {
		return nil, err
	}
	if err := freeVLAN(ctx, tx, f, ""); err != nil {
		return nil, err
	}
	r := vlanRow{ID: id.New(), VID: f.VID, Site: f.Site, Name: f.Name, Description: f.Description, Source: manual, CreatedAt: tx.Now(), UpdatedAt: tx.Now(), Version: 1}
	if _, err := tx.NewInsert().Model(&r).Exec(ctx); err != nil {
		return nil, err
	}
	return &r, s.auditVLAN(ctx, tx, "vlan.create", nil, &r)
}

func (s *Service) updateVLAN(ctx context.Context, tx *db.Tx, vlanID string, f VLANFields) error {
	r, err := vlanByID(ctx, tx, vlanID)
	if err != nil {
		return err
	}
	if err := f.check(); err != nil {
		return err
	}
	if err := freeVLAN(ctx, tx, f, r.ID); err != nil {
		return err
	}
	before := *r
	r.VID, r.Site, r.Name, r.Description, r.Source = f.VID, f.Site, f.Name, f.Description, manual
	if before.fields() == r.fields() && before.Source == r.Source {
		return nil
	}
	r.UpdatedAt, r.Version = tx.Now(), r.Version+1
	if _, err := tx.NewUpdate().Model(r).WherePK().Exec(ctx); err != nil {
		return err
	}
	return s.auditVLAN(ctx, tx, "vlan.update", &before, r)
}

func (s *Service) deleteVLAN(ctx context.Context, tx *db.Tx, vlanID string) error {
	r, err := vlanByID(ctx, tx, vlanID)
	if err != nil {
		return err
	}
	if _, err := tx.NewDelete().Model(r).WherePK().Exec(ctx); err != nil {
		return err
	}
	return s.auditVLAN(ctx, tx, "vlan.delete", r, nil)
}

func freeVLAN(ctx context.Context, q bun.IDB, f VLANFields, self string) error {
	var other string
	err := q.NewRaw("SELECT name FROM address_vlans WHERE site = ? AND vid = ? AND id <> ?", f.Site, f.VID, self).Scan(ctx, &other)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil
	case err != nil:
		return err
	}
	return errs.New(errs.Conflict, "VLAN %d is taken there by %s.", f.VID, other)
}

func vlanByID(ctx context.Context, q bun.IDB, vlanID string) (*vlanRow, error) {
	var r vlanRow
	err := q.NewSelect().Model(&r).Where("id = ?", vlanID).Scan(ctx)
	return &r, db.NotFound(err, "There is no such VLAN.")
}

func (s *Service) auditVLAN(ctx context.Context, tx *db.Tx, action string, before, after *vlanRow) error {
	c := audit.Change{Action: action}
	for _, r := range []*vlanRow{before, after} {
		if r != nil {
			c.Ref, c.Name = entity.Ref{Kind: vlanKind, ID: r.ID}, fmt.Sprintf("VLAN %d", r.VID)
		}
	}
	if before != nil {
		c.Before = before.fields()
	}
	if after != nil {
		c.After = after.fields()
	}
	s.tell(tx, "vlan", c.Ref.ID)
	return audit.Write(ctx, tx, c)
}

// VRF is a routing domain.
type VRF struct {
	bun.BaseModel `bun:"address_vrfs" json:"-"`

	Name        string    `bun:"name,pk" json:"name"`
	RD          string    `bun:"rd" json:"rd,omitempty" doc:"Route distinguisher."`
	Description string    `bun:"description" json:"description,omitempty"`
	CreatedAt   time.Time `bun:"created_at" json:"created_at"`
}

var vrfName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$`)

// checkVRF tells whether the VRF is known; the global table always is.
func (s *Service) checkVRF(ctx context.Context, q bun.IDB, name string) error {
	if name == "" {
		return nil
	}
	n, err := q.NewSelect().Model((*VRF)(nil)).Where("name = ?", name).Count(ctx)
	if err == nil && n == 0 {
		err = errs.Fields(errs.Field{Path: "vrf", Value: cut(name), Message: "is not the name of a VRF; leave it out for the global table"})
	}
	return err
}

// ensureVRF makes a VRF that a device knows and gives the name under which it is
// kept: what a name cannot hold becomes "-".
func (s *Service) ensureVRF(ctx context.Context, tx *db.Tx, name string) (string, error) {
	if name == "" || s.checkVRF(ctx, tx, name) == nil {
		return name, nil
	}
	if !vrfName.MatchString(name) || name == globalTable {
		name = "vrf-" + strings.Map(func(r rune) rune {
			if r < 128 && vrfName.MatchString(string(r)) {
				return r
			}
			return '-'
		}, name[:min(len(name), 60)])
		if s.checkVRF(ctx, tx, name) == nil {
			return name, nil
		}
	}
	return name, s.createVRF(ctx, tx, VRF{Name: name})
}

func (s *Service) createVRF(ctx context.Context, tx *db.Tx, v VRF) error {
	if !vrfName.MatchString(v.Name) || v.Name == globalTable {
		return errs.Fields(errs.Field{Path: "name", Value: cut(v.Name), Message: "must have 1 to 64 letters, digits and . _ : -, and not be global"})
	}
	if s.checkVRF(ctx, tx, v.Name) == nil {
		return errs.New(errs.Conflict, "There is a VRF named %s already.", v.Name)
	}
	v.CreatedAt = tx.Now()
	if _, err := tx.NewInsert().Model(&v).Exec(ctx); err != nil {
		return err
	}
	s.tell(tx, "vrf", v.Name)
	return audit.Write(ctx, tx, audit.Change{Action: "vrf.create", Ref: entity.Ref{Kind: "vrf", ID: v.Name}, Name: v.Name, After: v})
}

func (s *Service) deleteVRF(ctx context.Context, tx *db.Tx, name string) error {
	if err := s.checkVRF(ctx, tx, name); err != nil || name == "" {
		return errs.New(errs.NotFound, "There is no VRF named %q.", cut(name))
	}
	for _, m := range []any{(*prefixRow)(nil), (*addrRow)(nil)} {
		n, err := tx.NewSelect().Model(m).Where("vrf = ?", name).Count(ctx)
		if err != nil {
			return err
		}
		if n > 0 {
			return errs.New(errs.Conflict, "VRF %s still has %d prefixes or addresses. Remove them first.", name, n)
		}
	}
	if _, err := tx.NewRaw("DELETE FROM address_vrfs WHERE name = ?", name).Exec(ctx); err != nil {
		return err
	}
	s.tell(tx, "vrf", name)
	return audit.Write(ctx, tx, audit.Change{Action: "vrf.delete", Ref: entity.Ref{Kind: "vrf", ID: name}, Name: name})
}

func (s *Service) auditVRF(ctx context.Context, tx *db.Tx, e *vrfEntry) error {
	s.tell(tx, "vrf", e.Name)
	return audit.Write(ctx, tx, audit.Change{Action: "vrf.update", Ref: entity.Ref{Kind: "vrf", ID: e.Name}, Name: e.Name, After: map[string]string{"rd": e.RD, "description": e.Description}})
}
