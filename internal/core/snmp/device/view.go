package device

import "time"

// View is a device as it was at its last poll.
type View struct {
	Item         string    `json:"item"`
	Address      string    `json:"address"`
	EverySeconds int64     `json:"every_seconds"`
	From         string    `json:"from,omitempty" doc:"The edge that polls it; the server when absent."`
	State        string    `json:"state" enum:"waiting,up,down,off" doc:"waiting: it was not polled yet; off: polling is switched off."`
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

	Watch      []string        `json:"watch" doc:"Names of the interfaces that have a check of their own."`
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

// Brief is a device in a list.
type Brief struct {
	Item         string    `json:"item"`
	Address      string    `json:"address"`
	From         string    `json:"from,omitempty" doc:"The edge that polls it; the server when absent."`
	State        string    `json:"state" enum:"waiting,up,down,off" doc:"waiting: it was not polled yet; off: polling is switched off."`
	Error        string    `json:"error,omitempty" doc:"Why the last poll failed."`
	EverySeconds int64     `json:"every_seconds"`
	PolledAt     time.Time `json:"polled_at,omitzero"`
	AnsweredAt   time.Time `json:"answered_at,omitzero"`
	// Interfaces counts all, Up those that work, Down those that should and do not.
	Interfaces int `json:"interfaces"`
	Up         int `json:"up"`
	Down       int `json:"down"`
	// Busiest names the interface with the greatest share of its speed in use, in
	// either direction; empty while none is known.
	Busiest         string  `json:"busiest,omitempty"`
	BusiestRatio    float64 `json:"busiest_ratio" doc:"0 to 1, of the nominal speed."`
	ErrorsPerSecond float64 `json:"errors_per_second" doc:"Of all interfaces, both directions."`
	Watched         int     `json:"watched" doc:"How many interfaces have a check of their own."`
}

// Count adds an interface.
func (b *Brief) Count(i *InterfaceView) {
	b.Interfaces++
	switch {
	case i.OperUp:
		b.Up++
	case i.AdminUp:
		b.Down++
	}
	if i.ErrorsPerSecond != nil {
		b.ErrorsPerSecond += *i.ErrorsPerSecond
	}
	for _, r := range []*float64{i.InBytesPerSecond, i.OutBytesPerSecond} {
		if r == nil || i.SpeedBPS <= 0 {
			continue
		}
		if ratio := *r * 8 / i.SpeedBPS; ratio > b.BusiestRatio {
			b.Busiest, b.BusiestRatio = i.Name, ratio
		}
	}
}

// Brief gives the device as it stands in a list.
func (v *View) Brief() *Brief {
	b := &Brief{
		Item: v.Item, Address: v.Address, From: v.From, State: v.State, Error: v.Error, EverySeconds: v.EverySeconds,
		PolledAt: v.PolledAt, AnsweredAt: v.AnsweredAt, Watched: len(v.Watch),
	}
	for i := range v.Interfaces {
		b.Count(&v.Interfaces[i])
	}
	return b
}
