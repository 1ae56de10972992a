package poll

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/sample"
	"github.com/mainstay-ops/mainstay/internal/core/snmp"
	"github.com/mainstay-ops/mainstay/internal/core/snmp/column"
	core "github.com/mainstay-ops/mainstay/internal/core/snmp/device"
)

// maxInterfaces of one device are polled; those of the lowest index.
const maxInterfaces = 5000

// port is an interface and what was read of it last.
type port struct {
	index             int64
	name, alias, kind string
	// wide tells that the device has counters of 64 bits for it.
	wide bool
	// slow is ifSpeed in bits per second, for interfaces without ifHighSpeed.
	slow   float64
	series [figures]sample.ID
	has    [figures]bool
	value  [figures]float64
	// at is when it was read last, before the time before that.
	at, before time.Time
	// rate is per second, between the last two polls; -1 while there is none.
	rate    [figures]float64
	changed time.Time // when oper went up or down
	seen    bool      // in this poll
}

// identify reads what the interfaces are called. It is done at the first poll and
// when the device has started anew or its interfaces have changed: an index may
// mean another interface then.
func (d *dev) identify(ctx context.Context, r *column.Reader) error {
	const (
		descr = iota
		kind
		speed32
		name
		alias
		high
	)
	before := d.ports
	ports, order := map[string]*port{}, []*port{}
	cut := false
	cols := []snmp.OID{ifTable + "2", ifTable + "3", ifTable + "5", ifXTable + "1", ifXTable + "18", ifXTable + "6"}
	err := r.Rows(ctx, cols, func(c int, index []byte, v *snmp.Var) {
		p := ports[string(index)]
		if p == nil {
			n, ok := column.IfIndex(index)
			if !ok || c == high {
				return
			}
			if len(order) >= maxInterfaces {
				cut = true
				return
			}
			p = &port{index: n}
			ports[string(index)] = p
			order = append(order, p)
		}
		switch c {
		case descr:
			if p.name == "" {
				p.name = v.Text()
			}
		case kind:
			n, _ := v.Int()
			p.kind = core.TypeName(n)
		case speed32:
			p.slow, _ = column.Number(v)
		case name:
			if s := v.Text(); s != "" {
				p.name = s
			}
		case alias:
			p.alias = v.Text()
		case high:
			p.wide = true
		}
	})
	if err != nil {
		return err
	}
	d.limits = d.limits[:0]
	if cut {
		d.limits = append(d.limits, fmt.Sprintf("Only the first %d interfaces are polled.", maxInterfaces))
	}
	narrow := false
	for key, p := range ports {
		if p.name == "" {
			p.name = strconv.FormatInt(p.index, 10)
		}
		narrow = narrow || !p.wide
		if old := before[key]; old != nil && old.name == p.name && old.wide == p.wide {
			p.series, p.has, p.value, p.rate, p.changed = old.series, old.has, old.value, old.rate, old.changed
		}
	}
	d.ports, d.order = ports, order
	d.cols, d.what = nil, nil
	add := func(oid snmp.OID, fig int) {
		if oid != "" {
			d.cols, d.what = append(d.cols, oid), append(d.what, fig)
		}
	}
	anyWide := false
	for _, p := range order {
		anyWide = anyWide || p.wide
	}
	for f := range figures {
		if o := figureOf(f); o.wide == "" {
			add(o.small, f)
		} else {
			if anyWide || f == speed {
				add(o.wide, f)
			}
			if narrow && o.small != "" {
				add(o.small, f|smallCounter)
			}
		}
	}
	return nil
}

// smallCounter marks a column of 32 bits for which there may be one of 64.
const smallCounter = 1 << 8

// interfaces reads the figures of all interfaces.
func (d *dev) interfaces(ctx context.Context, r *column.Reader, m Sink) error {
	if len(d.cols) == 0 || len(d.ports) == 0 {
		return nil
	}
	for _, p := range d.order {
		p.seen = false
	}
	unknown := false
	err := r.Rows(ctx, d.cols, func(c int, index []byte, v *snmp.Var) {
		p := d.ports[string(index)]
		if p == nil {
			unknown = true
			return
		}
		f := d.what[c]
		if f&smallCounter != 0 {
			if p.wide {
				return
			}
			f &^= smallCounter
		}
		n, ok := column.Number(v)
		if !ok {
			return
		}
		if !p.seen {
			p.seen, p.before, p.at = true, p.at, r.At
		}
		switch f {
		case adminUp, operUp:
			n = oneIf(n == 1)
			if f == operUp && p.has[f] && p.value[f] != n {
				p.changed = r.At
			}
		case speed:
			// ifHighSpeed counts millions of bits; it is 0 below half a million.
			if n *= 1e6 / 8; n == 0 {
				n = p.slow / 8
			}
		}
		d.figure(p, f, n, r.At, m)
	})
	if unknown && len(d.order) < maxInterfaces {
		// There is an interface that was not there before.
		d.known = false
	}
	return err
}

func (d *dev) figure(p *port, f int, n float64, at time.Time, m Sink) {
	if !p.has[f] {
		o := figureOf(f)
		l := map[string]string{"__name__": o.name, "item": d.item, "interface": p.name, "index": strconv.FormatInt(p.index, 10)}
		if o.cast != "" {
			l["cast"] = o.cast
		}
		id, err := m.Series(d.source(), l)
		if err != nil {
			d.refused++
			return
		}
		p.series[f], p.has[f], p.rate[f] = id, true, -1
	} else if f < adminUp {
		p.rate[f] = -1
		if s := p.at.Sub(p.before).Seconds(); s > 0 && n >= p.value[f] && !p.before.IsZero() {
			p.rate[f] = (n - p.value[f]) / s
		}
	}
	p.value[f] = n
	d.samples = append(d.samples, sample.Sample{Series: p.series[f], At: at, Value: n})
}

func oneIf(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
