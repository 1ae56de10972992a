package device

import (
	"cmp"
	"slices"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
)

// View is a device as it was at its last poll.
type View struct {
	Item         string    `json:"item"`
	Address      string    `json:"address"`
	EverySeconds int64     `json:"every_seconds"`
	State        string    `json:"state" enum:"waiting,up,down" doc:"waiting: it was not polled yet."`
	Error        string    `json:"error,omitempty" doc:"Why the last poll failed."`
	PolledAt     time.Time `json:"polled_at,omitzero"`
	AnsweredAt   time.Time `json:"answered_at,omitzero" doc:"When a poll succeeded last."`
	// DurationSeconds of the last poll, and how many values it gave.
	DurationSeconds float64  `json:"duration_seconds"`
	Values          int      `json:"values"`
	UptimeSeconds   float64  `json:"uptime_seconds"`
	Profile         string   `json:"profile,omitempty"`
	Limits          []string `json:"limits,omitempty" doc:"What is not polled, and why."`
	Surveyed        bool     `json:"surveyed" doc:"False until the device was read in full once: processors, memory, storage and sensors come then."`

	Interfaces []InterfaceView `json:"interfaces"`
	Gauges     []GaugeView     `json:"gauges"`
	Peers      []PeerView      `json:"peers"`
}

// InterfaceView is an interface. Rates are between the last two polls; null while
// there is none.
type InterfaceView struct {
	Index             int64     `json:"index"`
	Name              string    `json:"name"`
	Alias             string    `json:"alias"`
	Type              string    `json:"type"`
	AdminUp           bool      `json:"admin_up"`
	OperUp            bool      `json:"oper_up"`
	SpeedBPS          float64   `json:"speed_bps" doc:"Bits per second; 0 when not known."`
	InBytesPerSecond  *float64  `json:"in_bytes_per_second"`
	OutBytesPerSecond *float64  `json:"out_bytes_per_second"`
	ErrorsPerSecond   *float64  `json:"errors_per_second" doc:"Both directions."`
	DiscardsPerSecond *float64  `json:"discards_per_second" doc:"Both directions."`
	ChangedAt         time.Time `json:"changed_at,omitzero" doc:"When it was seen to go up or down last."`
}

// GaugeView is a processor, memory, storage or sensor value.
type GaugeView struct {
	Metric string            `json:"metric"`
	Labels map[string]string `json:"labels"`
	Value  float64           `json:"value"`
	State  string            `json:"state,omitempty" doc:"The word of a state."`
}

// PeerView is a neighbor of a routing protocol.
type PeerView struct {
	Protocol string `json:"protocol" enum:"bgp,ospf"`
	Address  string `json:"address"`
	RemoteAS int64  `json:"remote_as,omitempty"`
	Enabled  bool   `json:"enabled"`
	State    string `json:"state"`
	Good     bool   `json:"good"`
}

// view makes the view; d.mu is held.
func (d *dev) view() *View {
	v := &View{
		Item: d.item, Address: d.target.Address, EverySeconds: int64(d.every / time.Second), State: "up",
		PolledAt: d.last.UTC(), AnsweredAt: d.answered.UTC(), DurationSeconds: d.duration.Seconds(), Values: d.values,
		UptimeSeconds: d.uptime, Limits: slices.Clone(d.limits), Surveyed: d.about != nil,
		Interfaces: make([]InterfaceView, 0, len(d.order)), Gauges: make([]GaugeView, 0, len(d.gauges)), Peers: make([]PeerView, 0, len(d.peers)),
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
		i := InterfaceView{
			Index: p.index, Name: p.name, Alias: p.alias, Type: p.kind, AdminUp: p.value[adminUp] == 1, OperUp: p.value[operUp] == 1,
			SpeedBPS: p.value[speed] * 8, InBytesPerSecond: p.per(inBytes), OutBytesPerSecond: p.per(outBytes),
			ErrorsPerSecond: p.per(inErrors, outErrors), DiscardsPerSecond: p.per(inDiscards, outDiscards), ChangedAt: p.changed.UTC(),
		}
		if !p.has[speed] {
			i.SpeedBPS = p.slow
		}
		v.Interfaces = append(v.Interfaces, i)
	}
	for _, g := range d.gauges {
		if g.at.IsZero() {
			continue
		}
		v.Gauges = append(v.Gauges, GaugeView{Metric: g.name, Labels: g.labels, Value: g.value, State: g.state[g.value]})
	}
	for _, p := range d.peers {
		v.Peers = append(v.Peers, PeerView{Protocol: p.protocol, Address: p.address, RemoteAS: p.remoteAS, Enabled: p.on, State: p.word(), Good: p.good()})
	}
	slices.SortFunc(v.Peers, func(a, b PeerView) int {
		return cmp.Or(cmp.Compare(a.Protocol, b.Protocol), cmp.Compare(a.Address, b.Address))
	})
	return v
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
func (d *dev) look() *View {
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
