package poll

import (
	"cmp"
	"slices"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
	core "github.com/mainstay-ops/mainstay/internal/core/snmp/device"
)

// view makes the view; d.mu is held.
func (d *dev) view() *core.View {
	v := &core.View{
		Item: d.item, Address: d.target.Address, EverySeconds: int64(d.every / time.Second), State: "up",
		PolledAt: d.last.UTC(), AnsweredAt: d.answered.UTC(), DurationSeconds: d.duration.Seconds(), Values: d.values,
		UptimeSeconds: d.uptime, Limits: slices.Clone(d.limits), Surveyed: d.about != nil,
		Interfaces: make([]core.InterfaceView, 0, len(d.order)), Gauges: make([]core.GaugeView, 0, len(d.gauges)), Peers: make([]core.PeerView, 0, len(d.peers)),
	}
	switch {
	case d.last.IsZero():
		v.State = "waiting"
	case d.err != nil:
		v.State, v.Error = "down", errs.Message(d.err)
	}
	if d.about != nil {
		v.Profile = d.about.Profile
		v.Limits = append(v.Limits, d.about.Limits...)
	}
	if d.refused > 0 {
		v.Limits = append(v.Limits, "The metric store took no more series; see metrics.max_series.")
	}
	for _, p := range d.order {
		v.Interfaces = append(v.Interfaces, p.view())
	}
	for _, g := range d.gauges {
		if g.at.IsZero() {
			continue
		}
		v.Gauges = append(v.Gauges, core.GaugeView{Metric: g.name, Labels: g.labels, Value: g.value, State: g.state[g.value]})
	}
	for _, p := range d.peers {
		v.Peers = append(v.Peers, core.PeerView{Protocol: p.protocol, Address: p.address, RemoteAS: p.remoteAS, Enabled: p.on, State: p.word(), Good: p.good()})
	}
	slices.SortFunc(v.Peers, func(a, b core.PeerView) int {
		return cmp.Or(cmp.Compare(a.Protocol, b.Protocol), cmp.Compare(a.Address, b.Address))
	})
	return v
}

func (p *port) view() core.InterfaceView {
	i := core.InterfaceView{
		Index: p.index, Name: p.name, Alias: p.alias, Type: p.kind, AdminUp: p.value[adminUp] == 1, OperUp: p.value[operUp] == 1,
		SpeedBPS: p.value[speed] * 8, InBytesPerSecond: p.per(inBytes), OutBytesPerSecond: p.per(outBytes),
		ErrorsPerSecond: p.per(inErrors, outErrors), DiscardsPerSecond: p.per(inDiscards, outDiscards), ChangedAt: p.changed.UTC(),
	}
	if !p.has[speed] {
		i.SpeedBPS = p.slow
	}
	return i
}

// remember keeps what a list shows; d.mu is held.
func (d *dev) remember() {
	b := &core.Brief{
		Item: d.item, Address: d.target.Address, EverySeconds: int64(d.every / time.Second), State: "up",
		PolledAt: d.last.UTC(), AnsweredAt: d.answered.UTC(),
	}
	switch {
	case d.last.IsZero():
		b.State = "waiting"
	case d.err != nil:
		b.State, b.Error = "down", errs.Message(d.err)
	}
	for _, p := range d.order {
		i := p.view()
		b.Count(&i)
	}
	d.brief.Store(b)
}

// per adds the rates of figures; nil while one is not known.
func (p *port) per(fs ...int) *float64 {
	sum := 0.0
	for _, f := range fs {
		if !p.has[f] || p.rate[f] < 0 {
			return nil
		}
		sum += p.rate[f]
	}
	return &sum
}

// look gives the view; while a poll is on its way, that of the poll before.
func (d *dev) look() *core.View {
	d.wanted.Store(time.Now().Unix())
	if d.mu.TryLock() {
		defer d.mu.Unlock()
		v := d.view()
		d.shown.Store(v)
		return v
	}
	if v := d.shown.Load(); v != nil {
		return v
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.view()
}

// publish keeps the view of a device that somebody looked at lately.
func (d *dev) publish() {
	if time.Now().Unix()-d.wanted.Load() < 600 {
		d.shown.Store(d.view())
	}
}
