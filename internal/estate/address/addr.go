package address

import (
	"context"
	"database/sql"
	"errors"
	"net/netip"
	"regexp"
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
	"github.com/mainstay-ops/mainstay/internal/estate"
)

// dhcp is the status of an address that a DHCP server hands out.
const dhcp = "dhcp"

type addrRow struct {
	bun.BaseModel `bun:"addresses,alias:a"`

	ID           string     `bun:"id,pk"`
	VRF          string     `bun:"vrf"`
	Address      string     `bun:"address"`
	Key          string     `bun:"key"`
	Status       string     `bun:"status"`
	Shared       bool       `bun:"shared"`
	DNSName      string     `bun:"dns_name"`
	Description  string     `bun:"description"`
	Source       string     `bun:"source"`
	Claims       int64      `bun:"claims"`
	FirstSeen    *time.Time `bun:"first_seen"`
	LastSeen     *time.Time `bun:"last_seen"`
	DNSState     string     `bun:"dns_state"`
	DNSFound     string     `bun:"dns_found"`
	DNSForward   string     `bun:"dns_forward"`
	DNSCheckedAt *time.Time `bun:"dns_checked_at"`
	CreatedAt    time.Time  `bun:"created_at"`
	UpdatedAt    time.Time  `bun:"updated_at"`
	Version      int64      `bun:"version"`
}

type claimRow struct {
	bun.BaseModel `bun:"address_claims,alias:c"`

	AddressID string    `bun:"address_id,pk"`
	ItemID    string    `bun:"item_id,pk"`
	Source    string    `bun:"source,pk"`
	Interface string    `bun:"interface"`
	MAC       string    `bun:"mac"`
	LastSeen  time.Time `bun:"last_seen"`
}

// Claim says that an item has an address.
type Claim struct {
	Item      string    `json:"item" doc:"Name of the item."`
	Source    string    `json:"source"`
	Interface string    `json:"interface,omitempty"`
	MAC       string    `json:"mac,omitempty"`
	LastSeen  time.Time `json:"last_seen"`
}

// Address is one host address.
type Address struct {
	ID          string     `json:"id"`
	VRF         string     `json:"vrf"`
	Address     string     `json:"address"`
	Status      string     `json:"status" enum:"active,reserved,dhcp,deprecated"`
	Shared      bool       `json:"shared" doc:"Several items may have it: a virtual or anycast address."`
	DNSName     string     `json:"dns_name,omitempty" doc:"The name that it shall have."`
	Description string     `json:"description,omitempty"`
	Source      string     `json:"source" enum:"manual,discovered"`
	Conflict    bool       `json:"conflict" doc:"More than one item has it and it is not shared."`
	Claims      []Claim    `json:"claims"`
	FirstSeen   *time.Time `json:"first_seen,omitempty"`
	LastSeen    *time.Time `json:"last_seen,omitempty"`
	DNS         DNSCheck   `json:"dns"`
	CreatedAt   time.Time  `json:"created_at"`
	UpdatedAt   time.Time  `json:"updated_at"`
}

// DNSCheck is what the DNS said of an address.
type DNSCheck struct {
	State     string     `json:"state" enum:"unchecked,ok,none,no_reverse,no_forward,mismatch,failed" doc:"ok: names agree in both directions. none: the DNS knows no name. no_reverse: the wanted name leads here, but the address has no name. no_forward: the address has a name, which does not lead back. mismatch: its name is another than the wanted one. failed: the DNS did not answer."`
	Found     string     `json:"found,omitempty" doc:"Name that the DNS gives for the address."`
	Forward   string     `json:"forward,omitempty" doc:"Addresses that the name leads to."`
	CheckedAt *time.Time `json:"checked_at,omitempty"`
}

func (r *addrRow) view(claims []Claim) Address {
	if claims == nil {
		claims = []Claim{}
	}
	return Address{
		ID: r.ID, VRF: r.VRF, Address: r.Address, Status: r.Status, Shared: r.Shared, DNSName: r.DNSName, Description: r.Description, Source: r.Source,
		Conflict: r.Claims > 1 && !r.Shared, Claims: claims, FirstSeen: r.FirstSeen, LastSeen: r.LastSeen, CreatedAt: r.CreatedAt.UTC(), UpdatedAt: r.UpdatedAt.UTC(),
		DNS: DNSCheck{State: r.DNSState, Found: r.DNSFound, Forward: r.DNSForward, CheckedAt: r.DNSCheckedAt},
	}
}

// Fields is what a person says of an address.
type Fields struct {
	Status      string `json:"status,omitempty" enum:"active,reserved,dhcp,deprecated" default:"active"`
	Shared      bool   `json:"shared,omitempty"`
	DNSName     string `json:"dns_name,omitempty" maxLength:"253"`
	Description string `json:"description,omitempty" maxLength:"2000"`
}

var dnsName = regexp.MustCompile(`^([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?\.)*[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?$`)

func (f Fields) apply(r *addrRow) error {
	var bad []errs.Field
	if f.Status == "" {
		f.Status = active
	}
	if !slices.Contains([]string{active, reserved, dhcp, deprecated}, f.Status) {
		bad = append(bad, errs.Field{Path: "status", Value: cut(f.Status), Message: "must be active, reserved, dhcp or deprecated"})
	}
	f.DNSName = strings.TrimSuffix(strings.ToLower(strings.TrimSpace(f.DNSName)), ".")
	if f.DNSName != "" && (len(f.DNSName) > 253 || !dnsName.MatchString(f.DNSName)) {
		bad = append(bad, errs.Field{Path: "dns_name", Value: cut(f.DNSName), Message: "must be a host name such as web-1.example.org"})
	}
	if len(f.Description) > 2000 {
		bad = append(bad, errs.Field{Path: "description", Message: "must have at most 2,000 bytes"})
	}
	if r.DNSName != f.DNSName {
		r.DNSState, r.DNSFound, r.DNSForward, r.DNSCheckedAt = unchecked, "", "", nil
	}
	r.Status, r.Shared, r.DNSName, r.Description = f.Status, f.Shared, f.DNSName, f.Description
	return errs.Fields(bad...)
}

func (r *addrRow) fields() Fields {
	return Fields{Status: r.Status, Shared: r.Shared, DNSName: r.DNSName, Description: r.Description}
}

func (s *Service) addAddress(ctx context.Context, tx *db.Tx, vrf string, a netip.Addr, source string, f Fields) (*addrRow, error) {
	r := addrRow{ID: id.New(), VRF: vrf, Address: a.String(), Key: key(a), Source: source, DNSState: unchecked, CreatedAt: tx.Now(), UpdatedAt: tx.Now(), Version: 1}
	if err := f.apply(&r); err != nil {
		return nil, err
	}
	if _, err := tx.NewInsert().Model(&r).Exec(ctx); err != nil {
		return nil, err
	}
	if err := count(ctx, tx, vrf, r.Key, 1); err != nil {
		return nil, err
	}
	s.tell(tx, "address", r.ID)
	return &r, audit.Write(ctx, tx, audit.Change{Action: "address.create", Ref: addrRef(r.ID), Name: nameOf(vrf, r.Address), After: r.fields()})
}

// createAddress is addAddress by a person.
func (s *Service) createAddress(ctx context.Context, tx *db.Tx, vrf, text string, f Fields) (*addrRow, error) {
	a, err := parseAddr("address", text)
	if err != nil {
		return nil, err
	}
	if !ordinary(a) {
		return nil, errs.Fields(errs.Field{Path: "address", Value: text, Message: "is a loopback, link-local or multicast address, which is not kept"})
	}
	if err := s.checkVRF(ctx, tx, vrf); err != nil {
		return nil, err
	}
	if _, err := addressAt(ctx, tx, vrf, a); err == nil {
		return nil, errs.New(errs.Conflict, "The address %s is known already.", nameOf(vrf, a.String()))
	} else if !errs.Is(err, errs.NotFound) {
		return nil, err
	}
	return s.addAddress(ctx, tx, vrf, a, manual, f)
}

func (s *Service) updateAddress(ctx context.Context, tx *db.Tx, addressID string, f Fields) error {
	r, err := addressByID(ctx, tx, addressID)
	if err != nil {
		return err
	}
	before := *r
	if err := f.apply(r); err != nil {
		return err
	}
	r.Source = manual
	if r.fields() == before.fields() && r.Source == before.Source {
		return nil
	}
	r.UpdatedAt, r.Version = tx.Now(), r.Version+1
	if _, err := tx.NewUpdate().Model(r).WherePK().Exec(ctx); err != nil {
		return err
	}
	s.tell(tx, "address", r.ID)
	return audit.Write(ctx, tx, audit.Change{Action: "address.update", Ref: addrRef(r.ID), Name: nameOf(r.VRF, r.Address), Before: before.fields(), After: r.fields()})
}

func (s *Service) deleteAddress(ctx context.Context, tx *db.Tx, addressID string) error {
	r, err := addressByID(ctx, tx, addressID)
	if err != nil {
		return err
	}
	if _, err := tx.NewDelete().Model(r).WherePK().Exec(ctx); err != nil {
		return err
	}
	if err := count(ctx, tx, r.VRF, r.Key, -1); err != nil {
		return err
	}
	s.tell(tx, "address", r.ID)
	return audit.Write(ctx, tx, audit.Change{Action: "address.delete", Ref: addrRef(r.ID), Name: nameOf(r.VRF, r.Address), Before: r.fields()})
}

func addressByID(ctx context.Context, q bun.IDB, addressID string) (*addrRow, error) {
	var r addrRow
	err := q.NewSelect().Model(&r).Where("id = ?", addressID).Scan(ctx)
	return &r, db.NotFound(err, "There is no such address.")
}

func addressAt(ctx context.Context, q bun.IDB, vrf string, a netip.Addr) (*addrRow, error) {
	var r addrRow
	err := q.NewSelect().Model(&r).Where("vrf = ? AND key = ?", vrf, key(a)).Scan(ctx)
	return &r, db.NotFound(err, "There is no address %s.", nameOf(vrf, a.String()))
}

func addrRef(addressID string) entity.Ref { return entity.Ref{Kind: addressKind, ID: addressID} }

// claimsOf gives the claims of addresses with the names of their items, for those
// items that whoever acts may see.
func (s *Service) claimsOf(ctx context.Context, q bun.IDB, addressIDs []string) (map[string][]Claim, error) {
	out := map[string][]Claim{}
	if len(addressIDs) == 0 {
		return out, nil
	}
	var rows []claimRow
	if err := q.NewSelect().Model(&rows).Where("address_id IN (?)", bun.In(addressIDs)).OrderExpr("address_id, item_id, source").Scan(ctx); err != nil {
		return nil, err
	}
	var ids []string
	for _, c := range rows {
		ids = append(ids, c.ItemID)
	}
	slices.Sort(ids)
	items, err := s.items.ByIDs(ctx, q, slices.Compact(ids))
	if err != nil {
		return nil, err
	}
	for _, c := range rows {
		if it, ok := items[c.ItemID]; ok && access.From(ctx).CanFor(estate.ReadItems, it.OwnerTeamID) {
			out[c.AddressID] = append(out[c.AddressID], Claim{Item: it.Name, Source: c.Source, Interface: c.Interface, MAC: c.MAC, LastSeen: c.LastSeen.UTC()})
		}
	}
	return out, nil
}

// recount sets how many items claim the address.
func recount(ctx context.Context, tx *db.Tx, addressIDs []string) error {
	if len(addressIDs) == 0 {
		return nil
	}
	_, err := tx.NewRaw("UPDATE addresses SET claims = (SELECT COUNT(DISTINCT item_id) FROM address_claims c WHERE c.address_id = addresses.id) WHERE id IN (?)", bun.In(addressIDs)).Exec(ctx)
	return err
}

// smallest gives the most special prefix around an address.
func smallest(ctx context.Context, q bun.IDB, vrf, k string) (*prefixRow, error) {
	var r prefixRow
	err := q.NewSelect().Model(&r).Where("vrf = ? AND first <= ? AND last >= ?", vrf, k, k).OrderExpr("length DESC").Limit(1).Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil //nolint:nilnil // none is an answer
	}
	return &r, err
}
