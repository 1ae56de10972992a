package topology

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/estate"
	"github.com/mainstay-ops/mainstay/internal/estate/topology/link"
)

type viewKey struct{ item, source string }

type viewRow struct {
	bun.BaseModel `bun:"network_views"`

	ItemID string            `bun:"item_id,pk"`
	Source string            `bun:"source,pk"`
	Hashes map[string]string `bun:"hashes"`
	// SeenAt is when the source was heard last, ChangedAt when it said something new.
	SeenAt    time.Time `bun:"seen_at"`
	ChangedAt time.Time `bun:"changed_at"`
}

type interfaceRow struct {
	bun.BaseModel `bun:"network_interfaces"`

	ItemID   string `bun:"item_id,pk"`
	Source   string `bun:"source,pk"`
	Index    int64  `bun:"if_index,pk"`
	Name     string `bun:"name"`
	Descr    string `bun:"descr"`
	Alias    string `bun:"alias"`
	Type     string `bun:"type"`
	MAC      string `bun:"mac"`
	SpeedBPS int64  `bun:"speed_bps"`
	MTU      int64  `bun:"mtu"`
	AdminUp  bool   `bun:"admin_up"`
	OperUp   bool   `bun:"oper_up"`
	Duplex   string `bun:"duplex"`
	VLAN     int64  `bun:"vlan"`
	Virtual  bool   `bun:"is_virtual"`
	Loopback bool   `bun:"is_loopback"`
}

// key names the port in its item.
func (r interfaceRow) key() string {
	return cmp.Or(r.Name, r.Descr, fmt.Sprintf("port %d", r.Index))
}

type addressRow struct {
	bun.BaseModel `bun:"network_addresses"`

	ItemID  string `bun:"item_id,pk"`
	Source  string `bun:"source,pk"`
	VRF     string `bun:"vrf,pk"`
	Address string `bun:"address,pk"`
	Index   int64  `bun:"if_index,pk"`
	Prefix  int    `bun:"prefix_length"`
}

type vlanRow struct {
	bun.BaseModel `bun:"network_vlans"`

	ItemID string `bun:"item_id,pk"`
	Source string `bun:"source,pk"`
	VLAN   int64  `bun:"vlan,pk"`
	Name   string `bun:"name"`
}

type evidenceRow struct {
	bun.BaseModel `bun:"network_evidence"`

	ItemID        string     `bun:"item_id,pk"`
	Source        string     `bun:"source,pk"`
	Hash          string     `bun:"hash,pk"`
	Index         int64      `bun:"if_index"`
	Evidence      string     `bun:"evidence"`
	RemoteName    string     `bun:"remote_name"`
	RemotePort    string     `bun:"remote_port"`
	RemoteDescr   string     `bun:"remote_port_descr"`
	RemoteMAC     string     `bun:"remote_mac"`
	RemoteAddress string     `bun:"remote_address"`
	VLAN          int64      `bun:"vlan"`
	Port          int64      `bun:"port"`
	Process       string     `bun:"process"`
	FirstSeen     time.Time  `bun:"first_seen"`
	GoneAt        *time.Time `bun:"gone_at"`
}

type linkRow struct {
	bun.BaseModel `bun:"links"`

	ID         string          `bun:"id,pk"`
	Layer      string          `bun:"layer"`
	AItem      string          `bun:"a_item"`
	APort      string          `bun:"a_port"`
	BItem      string          `bun:"b_item"`
	BPort      string          `bun:"b_port"`
	BUnknown   string          `bun:"b_unknown"`
	BLabel     string          `bun:"b_label"`
	Evidence   []link.Evidence `bun:"evidence,type:text"`
	Confidence float64         `bun:"confidence"`
	FirstSeen  time.Time       `bun:"first_seen"`
	LastSeen   time.Time       `bun:"last_seen"`
	// Decided is accepted or dismissed, for a service link that was decided on.
	Decided string `bun:"decided"`
}

// unique maps and sorts by key, and drops doubles and those with a zero key of
// type string.
func unique[A any, K cmp.Ordered, R any](in []A, f func(A) (K, R)) []R {
	m := make(map[K]R, len(in))
	keys := make([]K, 0, len(in))
	for _, a := range in {
		k, r := f(a)
		if s, ok := any(k).(string); ok && s == "" {
			continue
		}
		if _, dup := m[k]; !dup {
			m[k] = r
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	out := make([]R, len(keys))
	for i, k := range keys {
		out[i] = m[k]
	}
	return out
}

func readView(ctx context.Context, q bun.IDB, k viewKey) (viewRow, bool, error) {
	var r viewRow
	err := q.NewSelect().Model(&r).Where("item_id = ? AND source = ?", k.item, k.source).Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return viewRow{}, false, nil
	}
	return r, err == nil, err
}

func replace[R any](ctx context.Context, tx *db.Tx, k viewKey, table string, rows []R) error {
	if _, err := tx.NewRaw("DELETE FROM ? WHERE item_id = ? AND source = ?", bun.Ident(table), k.item, k.source).Exec(ctx); err != nil {
		return err
	}
	return insertAll(ctx, tx, rows)
}

func insertAll[R any](ctx context.Context, tx *db.Tx, rows []R) error {
	for len(rows) > 0 {
		part := rows[:min(500, len(rows))]
		if _, err := tx.NewInsert().Model(&part).Exec(ctx); err != nil {
			return err
		}
		rows = rows[len(part):]
	}
	return nil
}

// read gives the rows of the items; nil ids means all.
func read[R any](ctx context.Context, q bun.IDB, ids []string, order string) ([]R, error) {
	var out []R
	if ids == nil {
		err := q.NewSelect().Model(&out).OrderExpr(order).Scan(ctx)
		return out, err
	}
	for part := range slices.Chunk(ids, 500) {
		var rs []R
		if err := q.NewSelect().Model(&rs).Where("item_id IN (?)", bun.In(part)).OrderExpr(order).Scan(ctx); err != nil {
			return nil, err
		}
		out = append(out, rs...)
	}
	return out, nil
}

// sweepSource knows an address and perhaps a hardware address, but no ports. It is
// heard where no other source is.
const sweepSource = "sweep"

// trust orders sources: of two that tell the same port, the later is believed.
func trust(source string) int {
	return slices.Index([]string{sweepSource, "host", "agent", "snmp"}, source)
}

// believed sorts the rows of each item by trust, the most trusted first, and drops
// those of a sweep where another source says more.
func believed[R any](rows []R, of func(*R) (item, source string)) []R {
	best := map[string]int{}
	for i := range rows {
		item, source := of(&rows[i])
		if have, ok := best[item]; !ok || trust(source) > have {
			best[item] = trust(source)
		}
	}
	rows = slices.DeleteFunc(rows, func(r R) bool {
		item, source := of(&r)
		return source == sweepSource && best[item] > trust(sweepSource)
	})
	slices.SortStableFunc(rows, func(a, b R) int {
		_, x := of(&a)
		_, y := of(&b)
		return cmp.Compare(trust(y), trust(x))
	})
	return rows
}

func ofInterface(r *interfaceRow) (string, string) { return r.ItemID, r.Source }
func ofAddress(r *addressRow) (string, string)     { return r.ItemID, r.Source }

// inner tells of a network that exists only inside the item.
func (r interfaceRow) inner() bool { return estate.Interface{Name: r.Name}.Inner() }

// nameless tells of an interface of which only the hardware address is known.
func (r interfaceRow) nameless() bool {
	return r.Name == "" && r.Descr == "" && r.Source == sweepSource
}

// ports gives the interfaces of the items, one per name, from the source that is
// trusted most.
func ports(ctx context.Context, q bun.IDB, ids []string) (map[string][]interfaceRow, error) {
	rows, err := read[interfaceRow](ctx, q, ids, "item_id, source, if_index")
	if err != nil {
		return nil, err
	}
	rows = believed(rows, ofInterface)
	out, seen := map[string][]interfaceRow{}, map[[2]string]bool{}
	for _, r := range rows {
		k := [2]string{r.ItemID, strings.ToLower(r.key())}
		if !seen[k] {
			seen[k] = true
			out[r.ItemID] = append(out[r.ItemID], r)
		}
	}
	for _, l := range out {
		slices.SortStableFunc(l, func(a, b interfaceRow) int { return cmp.Compare(a.Index, b.Index) })
	}
	return out, nil
}

// Interfaces implements estate.Network. Where several sources tell a port of one
// name, SNMP comes before the agent, and the agent before the machine itself.
func (s *Service) Interfaces(ctx context.Context, q bun.IDB, itemIDs []string) (map[string][]estate.Interface, error) {
	ps, err := ports(ctx, q, orNone(itemIDs))
	out := make(map[string][]estate.Interface, len(ps))
	for item, rows := range ps {
		for _, r := range rows {
			out[item] = append(out[item], estate.Interface{
				Index: r.Index, Name: r.Name, Descr: r.Descr, Alias: r.Alias, Type: r.Type, MAC: r.MAC, SpeedBPS: uint64(r.SpeedBPS), MTU: r.MTU,
				AdminUp: r.AdminUp, OperUp: r.OperUp, Duplex: r.Duplex, VLAN: r.VLAN, Virtual: r.Virtual, Loopback: r.Loopback,
			})
		}
	}
	return out, err
}

func orNone(ids []string) []string {
	if ids == nil {
		return []string{}
	}
	return ids
}

// Addresses implements estate.Network; an address that several sources tell is
// there once.
func (s *Service) Addresses(ctx context.Context, q bun.IDB, itemIDs []string) (map[string][]estate.Address, error) {
	rows, err := read[addressRow](ctx, q, orNone(itemIDs), "item_id, address, if_index")
	out, seen := map[string][]estate.Address{}, map[[3]string]bool{}
	for _, r := range believed(rows, ofAddress) {
		k := [3]string{r.ItemID, r.VRF, r.Address}
		if !seen[k] {
			seen[k] = true
			out[r.ItemID] = append(out[r.ItemID], estate.Address{Address: r.Address, PrefixLength: r.Prefix, IfIndex: r.Index, VRF: r.VRF, Source: r.Source})
		}
	}
	return out, err
}

// VLANs implements estate.Network.
func (s *Service) VLANs(ctx context.Context, q bun.IDB, itemIDs []string) (map[string][]estate.VLAN, error) {
	rows, err := read[vlanRow](ctx, q, orNone(itemIDs), "item_id, vlan, source DESC")
	out := map[string][]estate.VLAN{}
	for _, r := range rows {
		l := out[r.ItemID]
		if len(l) == 0 || l[len(l)-1].ID != r.VLAN {
			out[r.ItemID] = append(l, estate.VLAN{ID: r.VLAN, Name: r.Name})
		}
	}
	return out, err
}

// ItemAt implements estate.AddressOwners. Addresses of VRFs are left out: the same
// one may be in several.
func (s *Service) ItemAt(ctx context.Context, q bun.IDB, address string) (string, error) {
	var ids []string
	if err := q.NewRaw("SELECT DISTINCT item_id FROM network_addresses WHERE address = ? AND vrf = '' LIMIT 2", address).Scan(ctx, &ids); err != nil {
		return "", err
	}
	if len(ids) != 1 {
		return "", errs.New(errs.NotFound, "%d items have the address %s.", len(ids), address)
	}
	return ids[0], nil
}
