package device

import (
	"cmp"
	"slices"
	"strconv"

	"github.com/mainstay-ops/mainstay/internal/core/snmp"
)

var statuses = map[int64]string{
	1: "up", 2: "down", 3: "testing", 4: "unknown", 5: "dormant", 6: "notPresent", 7: "lowerLayerDown",
}

func status(n int64) string {
	if s, ok := statuses[n]; ok {
		return s
	}
	return strconv.FormatInt(n, 10)
}

// interfaces reads ifTable and ifXTable (RFC 2863) and the duplex of EtherLike-MIB
// (RFC 3635).
func (r *reader) interfaces() {
	t := r.table("interfaces", "1.3.6.1.2.1.2.2.1", 1, 2, 3, 4, 5, 6, 7, 8)
	x := r.table("interface names", "1.3.6.1.2.1.31.1.1.1", 1, 15, 18)
	for _, i := range x.order {
		// A row that is only in ifXTable is one of an agent that lost the other.
		if len(t.order) == 0 {
			t.order = append(t.order, i)
		}
	}
	duplex := r.table("duplex", "1.3.6.1.2.1.10.7.2.1", 19)
	for _, i := range t.order {
		index := arcs(i)
		if len(index) != 1 {
			continue
		}
		row := t.cells[i]
		f := Interface{
			Index: index[0], Name: x.text(i, 1), Descr: t.text(i, 2), Alias: x.text(i, 18),
			Type: TypeName(t.int(i, 3)), MTU: t.int(i, 4), MAC: row[6].MAC(),
			AdminStatus: status(t.int(i, 7)), OperStatus: status(t.int(i, 8)),
		}
		if f.Name == "" {
			f.Name = f.Descr
		}
		if f.Descr == "" {
			f.Descr = f.Name
		}
		f.SpeedBPS = speed(row[5], x.cells[i][15])
		switch duplex.int(i, 19) {
		case 2:
			f.Duplex = "halfDuplex"
		case 3:
			f.Duplex = "fullDuplex"
		}
		r.d.Interfaces = append(r.d.Interfaces, f)
	}
	slices.SortFunc(r.d.Interfaces, func(a, b Interface) int { return cmp.Compare(a.Index, b.Index) })
	r.byIndex = make(map[int64]*Interface, len(r.d.Interfaces))
	for i := range r.d.Interfaces {
		r.byIndex[r.d.Interfaces[i].Index] = &r.d.Interfaces[i]
	}
}

// speed prefers ifHighSpeed, in millions of bit/s, which does not end at 4.3 Gbit/s.
// It is zero for interfaces slower than 1 Mbit/s; then ifSpeed is right.
func speed(low, high snmp.Var) uint64 {
	if n, ok := high.Int(); ok && high.Kind != snmp.Missing && n > 0 {
		return uint64(n) * 1_000_000
	}
	n, _ := low.Int()
	return uint64(max(n, 0))
}
