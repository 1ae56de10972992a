package address

import (
	"context"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
)

// prefixFilter narrows a list of prefixes; empty fields do not.
type prefixFilter struct {
	VRF        *string
	Within     *prefixRow
	Contains   netip.Addr
	Family     int
	Status     string
	Site, Text string
	VLAN       int
	NearlyFull bool
	Cursor     string
	Limit      int
}

// listPrefixes gives a page in the order of VRF and address, wider ones first.
func listPrefixes(ctx context.Context, q bun.IDB, f prefixFilter) ([]prefixRow, string, error) {
	var rows []prefixRow
	sel := q.NewSelect().Model(&rows).OrderExpr("vrf, first, length").Limit(int64(f.Limit) + 1)
	if f.VRF != nil {
		sel = sel.Where("vrf = ?", *f.VRF)
	}
	if w := f.Within; w != nil {
		sel = sel.Where("vrf = ? AND first >= ? AND last <= ? AND length > ?", w.VRF, w.First, w.Last, w.Length)
	}
	if f.Contains.IsValid() {
		k := key(f.Contains)
		sel = sel.Where("first <= ? AND last >= ?", k, k)
	}
	switch f.Family {
	case 4:
		sel = sel.Where("first < '6'")
	case 6:
		sel = sel.Where("first >= '6'")
	}
	if f.Status != "" {
		sel = sel.Where("status = ?", f.Status)
	}
	if f.Site != "" {
		sel = sel.Where("site = ?", f.Site)
	}
	if f.VLAN > 0 {
		sel = sel.Where("vlan = ?", f.VLAN)
	}
	if f.NearlyFull {
		sel = sel.Where("status <> ? AND capacity > ? AND 100.0 * used >= warn_at * capacity", container, pointToPoint)
	}
	if f.Text != "" {
		t := like(f.Text)
		sel = sel.Where(`(lower(prefix) LIKE ? ESCAPE '\' OR lower(description) LIKE ? ESCAPE '\' OR lower(site) LIKE ? ESCAPE '\' OR lower(role) LIKE ? ESCAPE '\')`, t, t, t, t)
	}
	if f.Cursor != "" {
		first, rest, _ := strings.Cut(f.Cursor, ".")
		length, vrf, _ := strings.Cut(rest, ".")
		n, err := strconv.Atoi(length)
		if err != nil {
			return nil, "", badCursor(f.Cursor)
		}
		sel = sel.Where("(vrf > ? OR vrf = ? AND (first > ? OR first = ? AND length > ?))", vrf, vrf, first, first, n)
	}
	if err := sel.Scan(ctx); err != nil {
		return nil, "", err
	}
	next := ""
	if len(rows) > f.Limit {
		rows = rows[:f.Limit]
		l := rows[f.Limit-1]
		next = fmt.Sprintf("%s.%d.%s", l.First, l.Length, l.VRF)
	}
	return rows, next, nil
}

// addrFilter narrows a list of addresses; empty fields do not.
type addrFilter struct {
	VRF      *string
	Within   *prefixRow
	ItemID   string
	Status   string
	DNS      string
	Conflict bool
	Text     string
	Cursor   string
	Limit    int
}

// listAddresses gives a page in the order of VRF and address.
func listAddresses(ctx context.Context, q bun.IDB, f addrFilter) ([]addrRow, string, error) {
	var rows []addrRow
	sel := q.NewSelect().Model(&rows).OrderExpr("vrf, key").Limit(int64(f.Limit) + 1)
	if f.VRF != nil {
		sel = sel.Where("vrf = ?", *f.VRF)
	}
	if w := f.Within; w != nil {
		sel = sel.Where("vrf = ? AND key >= ? AND key <= ?", w.VRF, w.First, w.Last)
	}
	if f.ItemID != "" {
		sel = sel.Where("id IN (SELECT address_id FROM address_claims WHERE item_id = ?)", f.ItemID)
	}
	if f.Status != "" {
		sel = sel.Where("status = ?", f.Status)
	}
	switch f.DNS {
	case "":
	case "wrong":
		sel = sel.Where("dns_state IN (?)", bun.In([]string{noReverse, noForward, mismatch}))
	default:
		sel = sel.Where("dns_state = ?", f.DNS)
	}
	if f.Conflict {
		sel = sel.Where("claims > 1 AND shared = ?", false)
	}
	if f.Text != "" {
		if a, err := netip.ParseAddr(f.Text); err == nil {
			sel = sel.Where("key = ?", key(a))
		} else {
			t := like(f.Text)
			sel = sel.Where(`(address LIKE ? ESCAPE '\' OR dns_name LIKE ? ESCAPE '\' OR dns_found LIKE ? ESCAPE '\' OR lower(description) LIKE ? ESCAPE '\')`, t, t, t, t)
		}
	}
	if f.Cursor != "" {
		k, vrf, ok := strings.Cut(f.Cursor, ".")
		if !ok {
			return nil, "", badCursor(f.Cursor)
		}
		sel = sel.Where("(vrf > ? OR vrf = ? AND key > ?)", vrf, vrf, k)
	}
	if err := sel.Scan(ctx); err != nil {
		return nil, "", err
	}
	next := ""
	if len(rows) > f.Limit {
		rows = rows[:f.Limit]
		next = rows[f.Limit-1].Key + "." + rows[f.Limit-1].VRF
	}
	return rows, next, nil
}

func badCursor(c string) error {
	return errs.Fields(errs.Field{Path: "cursor", Value: cut(c), Message: "must be the next of the page before"})
}

// views adds the claims to addresses.
func (s *Service) views(ctx context.Context, q bun.IDB, rows []addrRow) ([]Address, error) {
	ids := make([]string, len(rows))
	for i, r := range rows {
		ids[i] = r.ID
	}
	claims, err := s.claimsOf(ctx, q, ids)
	if err != nil {
		return nil, err
	}
	out := make([]Address, len(rows))
	for i := range rows {
		out[i] = rows[i].view(claims[rows[i].ID])
	}
	return out, nil
}
