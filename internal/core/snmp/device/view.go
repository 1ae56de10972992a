package device

import "time"

// View is a device as it was at its last poll.
type View struct {
	Item         string    `json:"item"`
	Address      string    `json:"address"`
	EverySeconds int64     `json:"every_seconds"`
	From         string    `json:"from,omitempty" doc:"The edge that polls it; the server when absent."`
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
