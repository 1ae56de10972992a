package address

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/event"
	"github.com/mainstay-ops/mainstay/internal/core/id"
	"github.com/mainstay-ops/mainstay/internal/estate"
)

// Subscribe implements module.HasEvents.
func (s *Service) Subscribe(r *event.Router) {
	event.On(r, s.networkSeen)
	event.On(r, s.itemMerged)
	event.On(r, s.itemChanged)
}

// itemMerged gives the claims of an item that turned out to be another one to that
// one; what both claim is one claim.
func (s *Service) itemMerged(ctx context.Context, tx *db.Tx, f estate.ItemMerged, _ event.Meta) error {
	var ids []string
	if err := tx.NewRaw("SELECT DISTINCT address_id FROM address_claims WHERE item_id = ?", f.GoneID).Scan(ctx, &ids); err != nil || len(ids) == 0 {
		return err
	}
	if _, err := tx.NewRaw("UPDATE address_claims SET item_id = ? WHERE item_id = ? AND NOT EXISTS (SELECT 1 FROM address_claims o WHERE o.item_id = ? AND o.address_id = address_claims.address_id AND o.source = address_claims.source)", f.ItemID, f.GoneID, f.ItemID).Exec(ctx); err != nil {
		return err
	}
	if _, err := tx.NewRaw("DELETE FROM address_claims WHERE item_id = ?", f.GoneID).Exec(ctx); err != nil {
		return err
	}
	s.tell(tx, "claims", f.ItemID)
	return recount(ctx, tx, ids)
}

// itemChanged takes the claims of an item that is gone away.
func (s *Service) itemChanged(ctx context.Context, tx *db.Tx, f estate.ItemChanged, _ event.Meta) error {
	if !f.Removed {
		return nil
	}
	return s.claim(access.AsSystem(ctx), tx, f.ItemID, nil)
}

// networkSeen brings prefixes, addresses and claims up to what a source saw.
func (s *Service) networkSeen(ctx context.Context, tx *db.Tx, f estate.NetworkSeen, _ event.Meta) error {
	if s.network == nil {
		return nil
	}
	ctx = access.AsSystem(ctx)
	ids := []string{f.ItemID}
	addrs, err := s.network.Addresses(ctx, tx, ids)
	if err != nil {
		return err
	}
	ifs, err := s.network.Interfaces(ctx, tx, ids)
	if err != nil {
		return err
	}
	byIndex := map[int64]estate.Interface{}
	for _, i := range ifs[f.ItemID] {
		byIndex[i.Index] = i
	}
	var seen []sighting
	for _, a := range addrs[f.ItemID] {
		ip, err := netip.ParseAddr(a.Address)
		if err != nil || !ordinary(ip.Unmap()) {
			continue
		}
		ip = ip.Unmap()
		// Networks for containers are the same on every host.
		if byIndex[a.IfIndex].Inner() {
			continue
		}
		vrf, err := s.ensureVRF(ctx, tx, a.VRF)
		if err != nil {
			return err
		}
		in := byIndex[a.IfIndex]
		if err := s.ensurePrefix(ctx, tx, vrf, ip, a.PrefixLength, int(in.VLAN)); err != nil {
			return err
		}
		seen = append(seen, sighting{vrf: vrf, addr: ip, source: cmp.Or(a.Source, f.Source), iface: in.Name, mac: in.MAC})
	}
	if err := s.claim(ctx, tx, f.ItemID, seen); err != nil {
		return err
	}
	vlans, err := s.network.VLANs(ctx, tx, ids)
	if err != nil {
		return err
	}
	for _, v := range vlans[f.ItemID] {
		if err := s.vlanSeen(ctx, tx, v); err != nil {
			return err
		}
	}
	return nil
}

// ensurePrefix makes the network of an address that was seen on an interface, when
// nobody made one.
func (s *Service) ensurePrefix(ctx context.Context, tx *db.Tx, vrf string, ip netip.Addr, length, vlan int) error {
	if length <= 0 || length >= ip.BitLen() {
		return nil
	}
	p := netip.PrefixFrom(ip, length).Masked()
	n, err := tx.NewSelect().Model((*prefixRow)(nil)).Where("vrf = ? AND prefix = ?", vrf, p.String()).Count(ctx)
	if err != nil || n > 0 {
		return err
	}
	if vlan < 0 || vlan > 4094 {
		vlan = 0
	}
	_, err = s.addPrefix(ctx, tx, vrf, p, discovered, PrefixFields{VLAN: vlan})
	return err
}

type sighting struct {
	vrf                string
	addr               netip.Addr
	source, iface, mac string
}

// claim makes the claims of an item what was seen now: one for each address, by the
// source that is trusted most.
func (s *Service) claim(ctx context.Context, tx *db.Tx, itemID string, seen []sighting) error {
	var old []claimRow
	if err := tx.NewSelect().Model(&old).Where("item_id = ?", itemID).Scan(ctx); err != nil {
		return err
	}
	var touched []string
	now, by := map[string]bool{}, map[string]string{}
	for _, sg := range seen {
		r, err := addressAt(ctx, tx, sg.vrf, sg.addr)
		if errs.Is(err, errs.NotFound) {
			r, err = s.addAddress(ctx, tx, sg.vrf, sg.addr, discovered, Fields{})
		}
		if err != nil {
			return err
		}
		if now[r.ID] {
			continue
		}
		now[r.ID], by[r.ID] = true, sg.source
		touched = append(touched, r.ID)
		if _, err := tx.NewRaw(`INSERT INTO address_claims (address_id, item_id, source, interface, mac, last_seen) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (address_id, item_id, source) DO UPDATE SET interface = excluded.interface, mac = excluded.mac, last_seen = excluded.last_seen`,
			r.ID, itemID, sg.source, sg.iface, strings.ToLower(sg.mac), tx.Now()).Exec(ctx); err != nil {
			return err
		}
		if _, err := tx.NewRaw("UPDATE addresses SET last_seen = ?, first_seen = COALESCE(first_seen, ?) WHERE id = ?", tx.Now(), tx.Now(), r.ID).Exec(ctx); err != nil {
			return err
		}
	}
	for _, c := range old {
		if by[c.AddressID] == c.Source {
			continue
		}
		if _, err := tx.NewDelete().Model(&c).WherePK().Exec(ctx); err != nil {
			return err
		}
		touched = append(touched, c.AddressID)
	}
	if err := recount(ctx, tx, touched); err != nil {
		return err
	}
	if len(touched) > 0 {
		s.tell(tx, "claims", itemID)
	}
	return nil
}

// vlanSeen makes a VLAN that a device knows, without a site, when there is none of
// that number; a name that a person gave stays.
func (s *Service) vlanSeen(ctx context.Context, tx *db.Tx, v estate.VLAN) error {
	if v.ID < 1 || v.ID > 4094 {
		return nil
	}
	var rows []vlanRow
	if err := tx.NewSelect().Model(&rows).Where("vid = ?", v.ID).OrderExpr("site").Scan(ctx); err != nil {
		return err
	}
	if len(rows) > 0 {
		i := slices.IndexFunc(rows, func(r vlanRow) bool { return r.Name == v.Name })
		_, err := tx.NewRaw("UPDATE address_vlans SET last_seen = ? WHERE id = ?", tx.Now(), rows[max(0, i)].ID).Exec(ctx)
		return err
	}
	now := tx.Now()
	r := vlanRow{ID: id.New(), VID: int(v.ID), Name: oneLine(v.Name, fmt.Sprintf("VLAN %d", v.ID)), Source: discovered, LastSeen: &now, CreatedAt: now, UpdatedAt: now, Version: 1}
	if _, err := tx.NewInsert().Model(&r).Exec(ctx); err != nil {
		return err
	}
	return s.auditVLAN(ctx, tx, "vlan.create", nil, &r)
}

// oneLine makes a name of what a device calls a thing.
func oneLine(name, otherwise string) string {
	name = strings.Join(strings.Fields(strings.ToValidUTF8(name, "")), " ")
	if name == "" {
		return otherwise
	}
	return strings.ToValidUTF8(name[:min(len(name), 100)], "")
}
