package address

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/audit"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/entity"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/id"
	"github.com/mainstay-ops/mainstay/internal/core/live"
)

// The sources of prefixes, VLANs and addresses.
const (
	manual     = "manual"
	discovered = "discovered"
)

// The statuses of a prefix. A container holds other prefixes and no hosts.
const (
	active     = "active"
	reserved   = "reserved"
	container  = "container"
	deprecated = "deprecated"
)

const defaultWarnAt = 90

type prefixRow struct {
	bun.BaseModel `bun:"address_prefixes,alias:p"`

	ID          string    `bun:"id,pk"`
	VRF         string    `bun:"vrf"`
	Prefix      string    `bun:"prefix"`
	First       string    `bun:"first"`
	Last        string    `bun:"last"`
	Length      int       `bun:"length"`
	Depth       int       `bun:"depth"`
	Status      string    `bun:"status"`
	Role        string    `bun:"role"`
	Site        string    `bun:"site"`
	Description string    `bun:"description"`
	Gateway     string    `bun:"gateway"`
	VLAN        int       `bun:"vlan"`
	WarnAt      int       `bun:"warn_at"`
	Capacity    float64   `bun:"capacity"`
	Used        int64     `bun:"used"`
	Source      string    `bun:"source"`
	CreatedAt   time.Time `bun:"created_at"`
	UpdatedAt   time.Time `bun:"updated_at"`
	Version     int64     `bun:"version"`
}

// Prefix is a network.
type Prefix struct {
	ID          string    `json:"id"`
	VRF         string    `json:"vrf" doc:"Empty for the global table."`
	Prefix      string    `json:"prefix"`
	Family      int       `json:"family" doc:"4 or 6."`
	Depth       int       `json:"depth" doc:"Number of prefixes around it."`
	Status      string    `json:"status" enum:"active,reserved,container,deprecated"`
	Role        string    `json:"role,omitempty"`
	Site        string    `json:"site,omitempty"`
	Description string    `json:"description,omitempty"`
	Gateway     string    `json:"gateway,omitempty"`
	VLAN        int       `json:"vlan,omitempty"`
	WarnAt      int       `json:"warn_at" doc:"Percent of its addresses from which it counts as nearly full."`
	Capacity    float64   `json:"capacity" doc:"Addresses that hosts can have."`
	Used        int64     `json:"used" doc:"Addresses that are known in it."`
	Percent     float64   `json:"percent" doc:"Used of the capacity, 0 to 100."`
	NearlyFull  bool      `json:"nearly_full"`
	Source      string    `json:"source" enum:"manual,discovered"`
	CreatedAt   time.Time `json:"created_at"`
	UpdatedAt   time.Time `json:"updated_at"`
}

// pointToPoint is the capacity of a network between two routers, which is always full.
const pointToPoint = 2

func (r *prefixRow) net() netip.Prefix { return netip.MustParsePrefix(r.Prefix) }

func (r *prefixRow) view() Prefix {
	v := Prefix{ID: r.ID, VRF: r.VRF, Prefix: r.Prefix, Family: 4, Depth: r.Depth, Status: r.Status, Role: r.Role, Site: r.Site, Description: r.Description, Gateway: r.Gateway, VLAN: r.VLAN, WarnAt: r.WarnAt, Capacity: r.Capacity, Used: r.Used, Source: r.Source, CreatedAt: r.CreatedAt.UTC(), UpdatedAt: r.UpdatedAt.UTC()}
	if r.First[0] == '6' {
		v.Family = 6
	}
	v.Percent = min(100, 100*float64(r.Used)/r.Capacity)
	v.NearlyFull = r.Status != container && r.Capacity > pointToPoint && v.Percent >= float64(r.WarnAt)
	return v
}

// PrefixFields is what a person says of a prefix.
type PrefixFields struct {
	Status      string `json:"status,omitempty" yaml:"status,omitempty" enum:"active,reserved,container,deprecated" default:"active"`
	Role        string `json:"role,omitempty" yaml:"role,omitempty" maxLength:"100" doc:"For example office, servers, point-to-point."`
	Site        string `json:"site,omitempty" yaml:"site,omitempty" maxLength:"200"`
	Description string `json:"description,omitempty" yaml:"description,omitempty" maxLength:"2000"`
	Gateway     string `json:"gateway,omitempty" yaml:"gateway,omitempty" maxLength:"64"`
	VLAN        int    `json:"vlan,omitempty" yaml:"vlan,omitempty" minimum:"0" maximum:"4094"`
	WarnAt      int    `json:"warn_at,omitempty" yaml:"warn_at,omitempty" minimum:"0" maximum:"100" doc:"Percent of use from which it counts as nearly full; 90 if not given."`
}

func (f PrefixFields) apply(r *prefixRow) error {
	var bad []errs.Field
	if f.Status == "" {
		f.Status = active
	}
	if !slices.Contains([]string{active, reserved, container, deprecated}, f.Status) {
		bad = append(bad, errs.Field{Path: "status", Value: cut(f.Status), Message: "must be active, reserved, container or deprecated"})
	}
	if f.Gateway != "" {
		a, err := parseAddr("gateway", f.Gateway)
		switch {
		case err != nil:
			bad = append(bad, errs.FieldsOf(err)...)
		case !r.net().Contains(a):
			bad = append(bad, errs.Field{Path: "gateway", Value: f.Gateway, Message: "must be inside " + r.Prefix})
		default:
			f.Gateway = a.String()
		}
	}
	if f.VLAN < 0 || f.VLAN > 4094 {
		bad = append(bad, errs.Field{Path: "vlan", Value: fmt.Sprint(f.VLAN), Message: "must be from 1 to 4094, or 0 for none"})
	}
	if f.WarnAt < 0 || f.WarnAt > 100 {
		bad = append(bad, errs.Field{Path: "warn_at", Value: fmt.Sprint(f.WarnAt), Message: "must be from 1 to 100"})
	}
	if f.WarnAt == 0 {
		f.WarnAt = defaultWarnAt
	}
	for path, v := range map[string]string{"role": f.Role, "site": f.Site} {
		if strings.ContainsAny(v, "\n\r\x00") || len(v) > 200 {
			bad = append(bad, errs.Field{Path: path, Value: cut(v), Message: "must be one line of at most 200 bytes"})
		}
	}
	if len(f.Description) > 2000 {
		bad = append(bad, errs.Field{Path: "description", Message: "must have at most 2,000 bytes"})
	}
	r.Status, r.Role, r.Site, r.Description, r.Gateway, r.VLAN, r.WarnAt = f.Status, strings.TrimSpace(f.Role), strings.TrimSpace(f.Site), f.Description, f.Gateway, f.VLAN, f.WarnAt
	return errs.Fields(bad...)
}

func (r *prefixRow) fields() PrefixFields {
	return PrefixFields{Status: r.Status, Role: r.Role, Site: r.Site, Description: r.Description, Gateway: r.Gateway, VLAN: r.VLAN, WarnAt: r.WarnAt}
}

// savePrefix makes a prefix or changes it; changed names what differs.
func (s *Service) savePrefix(ctx context.Context, tx *db.Tx, vrf, text, source string, f PrefixFields, mustBeNew bool) (*prefixRow, bool, bool, error) {
	p, err := parsePrefix("prefix", text)
	if err != nil {
		return nil, false, false, err
	}
	if err := s.checkVRF(ctx, tx, vrf); err != nil {
		return nil, false, false, err
	}
	var r prefixRow
	err = tx.NewSelect().Model(&r).Where("vrf = ? AND prefix = ?", vrf, p.String()).Scan(ctx)
	switch {
	case err == nil && mustBeNew:
		return nil, false, false, errs.New(errs.Conflict, "There is a prefix %s already.", nameOf(vrf, p.String()))
	case err == nil:
		before := r
		if err := f.apply(&r); err != nil {
			return nil, false, false, err
		}
		r.Source = source
		if r.fields() == before.fields() && r.Source == before.Source {
			return &r, false, false, nil
		}
		r.UpdatedAt, r.Version = tx.Now(), r.Version+1
		if _, err := tx.NewUpdate().Model(&r).WherePK().Exec(ctx); err != nil {
			return nil, false, false, err
		}
		s.tell(tx, "prefix", r.ID)
		return &r, false, true, audit.Write(ctx, tx, audit.Change{Action: "prefix.update", Ref: prefixRef(r.ID), Name: nameOf(vrf, r.Prefix), Before: before.fields(), After: r.fields()})
	case !errors.Is(err, sql.ErrNoRows):
		return nil, false, false, err
	}
	row, err := s.addPrefix(ctx, tx, vrf, p, source, f)
	return row, true, true, err
}

func (s *Service) addPrefix(ctx context.Context, tx *db.Tx, vrf string, p netip.Prefix, source string, f PrefixFields) (*prefixRow, error) {
	first, last := bounds(p)
	r := prefixRow{ID: id.New(), VRF: vrf, Prefix: p.String(), First: key(first), Last: key(last), Length: p.Bits(), Capacity: capacity(p), Source: source, CreatedAt: tx.Now(), UpdatedAt: tx.Now(), Version: 1}
	if err := f.apply(&r); err != nil {
		return nil, err
	}
	depth, err := tx.NewSelect().Model((*prefixRow)(nil)).Where("vrf = ? AND first <= ? AND last >= ? AND length < ?", vrf, r.First, r.Last, r.Length).Count(ctx)
	if err != nil {
		return nil, err
	}
	used, err := tx.NewSelect().Model((*addrRow)(nil)).Where("vrf = ? AND key >= ? AND key <= ?", vrf, r.First, r.Last).Count(ctx)
	if err != nil {
		return nil, err
	}
	r.Depth, r.Used = int(depth), used
	if _, err := tx.NewInsert().Model(&r).Exec(ctx); err != nil {
		return nil, err
	}
	if _, err := tx.NewRaw("UPDATE address_prefixes SET depth = depth + 1 WHERE vrf = ? AND first >= ? AND last <= ? AND length > ?", vrf, r.First, r.Last, r.Length).Exec(ctx); err != nil {
		return nil, err
	}
	s.tell(tx, "prefix", r.ID)
	return &r, audit.Write(ctx, tx, audit.Change{Action: "prefix.create", Ref: prefixRef(r.ID), Name: nameOf(vrf, r.Prefix), After: r.fields()})
}

func (s *Service) deletePrefix(ctx context.Context, tx *db.Tx, prefixID string) error {
	r, err := prefixByID(ctx, tx, prefixID)
	if err != nil {
		return err
	}
	if _, err := tx.NewDelete().Model(r).WherePK().Exec(ctx); err != nil {
		return err
	}
	if _, err := tx.NewRaw("UPDATE address_prefixes SET depth = depth - 1 WHERE vrf = ? AND first >= ? AND last <= ? AND length > ?", r.VRF, r.First, r.Last, r.Length).Exec(ctx); err != nil {
		return err
	}
	s.tell(tx, "prefix", r.ID)
	return audit.Write(ctx, tx, audit.Change{Action: "prefix.delete", Ref: prefixRef(r.ID), Name: nameOf(r.VRF, r.Prefix), Before: r.fields()})
}

func prefixByID(ctx context.Context, q bun.IDB, prefixID string) (*prefixRow, error) {
	var r prefixRow
	err := q.NewSelect().Model(&r).Where("id = ?", prefixID).Scan(ctx)
	return &r, db.NotFound(err, "There is no such prefix.")
}

func prefixRef(prefixID string) entity.Ref { return entity.Ref{Kind: prefixKind, ID: prefixID} }

// nameOf is how a prefix or address is written with its VRF: "10.0.0.0/24@red".
func nameOf(vrf, text string) string {
	if vrf == "" {
		return text
	}
	return text + "@" + vrf
}

func splitName(name string) (text, vrf string) {
	text, vrf, _ = strings.Cut(name, "@")
	return text, vrf
}

func (s *Service) tell(tx *db.Tx, kind, refID string) {
	tx.AfterCommit(func() { s.d.Live.Send(live.Note{Topic: topic, Kind: kind, ID: refID}) })
}

// count adds n to the use of every prefix around the address.
func count(ctx context.Context, tx *db.Tx, vrf, k string, n int) error {
	_, err := tx.NewRaw("UPDATE address_prefixes SET used = used + ? WHERE vrf = ? AND first <= ? AND last >= ?", n, vrf, k, k).Exec(ctx)
	return err
}
