package topology

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"net/netip"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/estate"
	"github.com/mainstay-ops/mainstay/internal/estate/topology/link"
)

// Limits of one view; a larger one is refused.
const (
	maxInterfaces = 20_000
	maxAddresses  = 20_000
	maxVLANs      = 5_000
	maxNeighbors  = 100_000
	maxText       = 300
)

// hearEvery is how often an unchanged view is noted as heard.
const hearEvery = time.Hour

// Report implements estate.Network. A view like the one before writes nothing, but
// once an hour the time at which the source was heard.
func (s *Service) Report(ctx context.Context, tx *db.Tx, v estate.NetworkView) error {
	if err := check(v); err != nil {
		return err
	}
	at := v.At.UTC()
	if v.At.IsZero() || at.After(tx.Now()) {
		at = tx.Now()
	}
	if v.Source == sweepSource {
		var others int
		if err := tx.NewRaw("SELECT COUNT(*) FROM network_views WHERE item_id = ? AND source <> ?", v.ItemID, sweepSource).Scan(ctx, &others); err != nil {
			return err
		}
		if others > 0 {
			// Another source says the same and more.
			v.Interfaces, v.Addresses = []estate.Interface{}, []estate.Address{}
		}
	}
	k := viewKey{v.ItemID, v.Source}
	ifs, addrs, vlans, evs := interfaceRows(k, v.Interfaces), addressRows(k, v.Addresses), vlanRows(k, v.VLANs), evidenceRows(k, v.Neighbors, at)
	old, had, err := readView(ctx, tx, k)
	if err != nil {
		return err
	}
	if !had && len(ifs)+len(addrs)+len(vlans)+len(evs) == 0 {
		return nil // it never said anything
	}
	hashes := map[string]string{}
	for name, h := range old.Hashes {
		hashes[name] = h
	}
	changed := func(list string, given bool, rows any) (bool, error) {
		if !given {
			return false, nil
		}
		b, err := json.Marshal(rows)
		if err != nil {
			return false, err
		}
		sum := sha256.Sum256(b)
		h := hex.EncodeToString(sum[:])
		if hashes[list] == h {
			return false, nil
		}
		hashes[list] = h
		return true, nil
	}
	differs := false
	for _, l := range []struct {
		table string
		given bool
		hash  any
		write func() error
	}{
		{"network_interfaces", v.Interfaces != nil, ifs, func() error { return replace(ctx, tx, k, "network_interfaces", ifs) }},
		{"network_addresses", v.Addresses != nil, addrs, func() error { return replace(ctx, tx, k, "network_addresses", addrs) }},
		{"network_vlans", v.VLANs != nil, vlans, func() error { return replace(ctx, tx, k, "network_vlans", vlans) }},
		{"network_evidence", v.Neighbors != nil, hashesOf(evs), func() error { return writeEvidence(ctx, tx, k, evs, at) }},
	} {
		d, err := changed(l.table, l.given, l.hash)
		if err != nil {
			return err
		}
		if d {
			differs = true
			if err := l.write(); err != nil {
				return err
			}
		}
	}
	if had && !differs && at.Sub(old.SeenAt) < hearEvery {
		return nil
	}
	row := viewRow{ItemID: v.ItemID, Source: v.Source, Hashes: hashes, SeenAt: at, ChangedAt: old.ChangedAt}
	if differs || !had {
		row.ChangedAt = tx.Now()
	}
	if _, err := tx.NewInsert().Model(&row).On("CONFLICT (item_id, source) DO UPDATE").Set("hashes = EXCLUDED.hashes, seen_at = EXCLUDED.seen_at, changed_at = EXCLUDED.changed_at").Exec(ctx); err != nil {
		return err
	}
	if !differs {
		return nil
	}
	return s.d.Events.Append(ctx, tx, estate.NetworkSeen{ItemID: v.ItemID, Source: v.Source})
}

func check(v estate.NetworkView) error {
	var bad []errs.Field
	if v.ItemID == "" {
		bad = append(bad, errs.Field{Path: "item_id", Message: "is missing; a view belongs to an item"})
	}
	if v.Source == "" || len(v.Source) > 50 {
		bad = append(bad, errs.Field{Path: "source", Message: "must have 1 to 50 bytes, for example snmp, agent or sweep"})
	}
	for _, l := range []struct {
		path       string
		have, most int
	}{{"interfaces", len(v.Interfaces), maxInterfaces}, {"addresses", len(v.Addresses), maxAddresses}, {"vlans", len(v.VLANs), maxVLANs}, {"neighbors", len(v.Neighbors), maxNeighbors}} {
		if l.have > l.most {
			bad = append(bad, errs.Field{Path: l.path, Message: fmt.Sprintf("has %d entries; at most %d are kept", l.have, l.most)})
		}
	}
	return errs.Fields(bad...)
}

// clean makes text from the network fit a table.
func clean(s string) string {
	s = strings.TrimSpace(strings.ReplaceAll(strings.ToValidUTF8(s, ""), "\x00", ""))
	if len(s) <= maxText {
		return s
	}
	s = s[:maxText]
	for !utf8.ValidString(s) {
		s = s[:len(s)-1]
	}
	return s
}

func interfaceRows(k viewKey, in []estate.Interface) []interfaceRow {
	return unique(in, func(i estate.Interface) (int64, interfaceRow) {
		return i.Index, interfaceRow{
			ItemID: k.item, Source: k.source, Index: i.Index, Name: clean(i.Name), Descr: clean(i.Descr), Alias: clean(i.Alias), Type: clean(i.Type), MAC: clean(i.MAC),
			SpeedBPS: int64(min(i.SpeedBPS, math.MaxInt64)), MTU: i.MTU, AdminUp: i.AdminUp, OperUp: i.OperUp, Duplex: clean(i.Duplex), VLAN: i.VLAN, Virtual: i.Virtual, Loopback: i.Loopback,
		}
	})
}

func addressRows(k viewKey, in []estate.Address) []addressRow {
	return unique(in, func(a estate.Address) (string, addressRow) {
		ip, err := netip.ParseAddr(strings.TrimSpace(a.Address))
		if err != nil || ip.IsUnspecified() || a.PrefixLength < 0 || a.PrefixLength > ip.Unmap().BitLen() {
			return "", addressRow{}
		}
		r := addressRow{ItemID: k.item, Source: k.source, VRF: clean(a.VRF), Address: ip.Unmap().WithZone("").String(), Index: a.IfIndex, Prefix: a.PrefixLength}
		return fmt.Sprint(r.VRF, " ", r.Address, " ", r.Index), r
	})
}

func vlanRows(k viewKey, in []estate.VLAN) []vlanRow {
	return unique(in, func(v estate.VLAN) (int64, vlanRow) {
		return v.ID, vlanRow{ItemID: k.item, Source: k.source, VLAN: v.ID, Name: clean(v.Name)}
	})
}

func evidenceRows(k viewKey, in []estate.Neighbor, at time.Time) []evidenceRow {
	return unique(in, func(n estate.Neighbor) (string, evidenceRow) {
		r := evidenceRow{
			ItemID: k.item, Source: k.source, Index: n.LocalIfIndex, Evidence: clean(n.Evidence), RemoteName: clean(n.RemoteName), RemotePort: clean(n.RemotePort), RemoteDescr: clean(n.RemotePortDescr),
			RemoteMAC: clean(n.RemoteMAC), RemoteAddress: clean(n.RemoteAddress), VLAN: n.VLAN, Port: int64(n.Port), Process: clean(n.Process), FirstSeen: at,
		}
		if m := link.MAC(r.RemoteMAC); m != "" {
			r.RemoteMAC = m
		}
		sum := sha256.Sum256(fmt.Appendf(nil, "%d\x00%s\x00%s\x00%s\x00%s\x00%s\x00%d\x00%d\x00%s", r.Index, r.Evidence, r.RemoteName, r.RemotePort, r.RemoteMAC, r.RemoteAddress, r.VLAN, r.Port, r.Process))
		if r.RemoteDescr != "" {
			sum = sha256.Sum256(fmt.Appendf(sum[:], "\x00%s", r.RemoteDescr))
		}
		r.Hash = hex.EncodeToString(sum[:16])
		return r.Hash, r
	})
}

func hashesOf(rows []evidenceRow) []string {
	out := make([]string, len(rows))
	for i, r := range rows {
		out[i] = r.Hash
	}
	return out
}

// writeEvidence adds what is new and marks what is gone; both stay until links
// that rest on them are old enough to be removed.
func writeEvidence(ctx context.Context, tx *db.Tx, k viewKey, rows []evidenceRow, at time.Time) error {
	var have []evidenceRow
	if err := tx.NewSelect().Model(&have).Where("item_id = ? AND source = ?", k.item, k.source).Scan(ctx); err != nil {
		return err
	}
	old := make(map[string]evidenceRow, len(have))
	for _, r := range have {
		old[r.Hash] = r
	}
	var fresh []evidenceRow
	var back, gone []string
	for _, r := range rows {
		was, ok := old[r.Hash]
		switch {
		case !ok:
			fresh = append(fresh, r)
		case was.GoneAt != nil:
			back = append(back, r.Hash)
		}
		delete(old, r.Hash)
	}
	for h, r := range old {
		if r.GoneAt == nil {
			gone = append(gone, h)
		}
	}
	if err := insertAll(ctx, tx, fresh); err != nil {
		return err
	}
	mark := func(hashes []string, to any) error {
		for len(hashes) > 0 {
			n := min(500, len(hashes))
			if _, err := tx.NewRaw("UPDATE network_evidence SET gone_at = ? WHERE item_id = ? AND source = ? AND hash IN (?)", to, k.item, k.source, bun.In(hashes[:n])).Exec(ctx); err != nil {
				return err
			}
			hashes = hashes[n:]
		}
		return nil
	}
	if err := mark(back, nil); err != nil {
		return err
	}
	return mark(gone, at)
}
