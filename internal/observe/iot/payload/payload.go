package payload

import (
	"strings"
	"sync"
	"time"
)

// Limits of what one decoder remembers and one message may hold.
const (
	maxRemembered = 20_000
	maxValues     = 500
	maxDepth      = 8
	maxName       = 120
)

// Value is one figure.
type Value struct {
	// Name is the metric's name without prefix, "temperature_celsius". Sensor tells
	// several of one device apart; it may be empty.
	Name, Sensor string
	Number       float64
}

// Info is what a device says of itself; empty fields are not known.
type Info struct {
	Title, Maker, Model, Firmware, Serial, Building, Floor, Room, Via string
}

// Command is something that a device takes.
type Command struct {
	// Name tells commands of one device apart: "power".
	Name string `json:"name"`
	// Kind is switch, light or number.
	Kind string `json:"kind"`
	// Topic is where to send it.
	Topic string `json:"topic"`
	// On and Off are payloads; Template is that of a number, with {value} in it.
	On       string  `json:"on,omitempty"`
	Off      string  `json:"off,omitempty"`
	Template string  `json:"template,omitempty"`
	Min      float64 `json:"min,omitempty"`
	Max      float64 `json:"max,omitempty"`
	// Echo is the name of the value (with "/" and the sensor, if it has one) that tells
	// that it was done.
	Echo string `json:"echo,omitempty"`
}

// Report is what a message says about one device.
type Report struct {
	// Device identifies it: "zigbee2mqtt/kitchen".
	Device string
	// Name is what to call it.
	Name string
	// Format is the word for how it was understood.
	Format string
	Values []Value
	// At is the device's own clock; zero when it does not tell.
	At        time.Time
	Info      Info
	Available *bool
	Commands  []Command
}

// Message is one that came.
type Message struct {
	Topic string
	Data  []byte
	// At is when it came.
	At time.Time
}

// Result is what a message means.
type Result struct {
	Reports []Report
	// Known tells that the topic is understood, even if there is nothing to report.
	Known bool
	// Problem is a sentence for a message of a known topic that cannot be read.
	Problem string
	// Remember asks to keep the message and to give it again after a start.
	Remember bool
	// Reply is to be sent, for example to ask for a birth.
	Reply *Message
}

// Decoder understands messages. It remembers what devices said about themselves, and
// may be used by several goroutines.
type Decoder struct {
	mu        sync.RWMutex
	templates []Template
	zigbee    map[string]map[string]*zigbeeDevice // by base and name
	entities  map[string][]*entity                // by state topic
	available map[string][]*entity                // by availability topic
	configs   map[string]*entity                  // by config topic
	nodes     map[string]*node                    // Sparkplug edge nodes
}

// NewDecoder makes one that knows nothing.
func NewDecoder() *Decoder {
	return &Decoder{zigbee: map[string]map[string]*zigbeeDevice{}, entities: map[string][]*entity{}, available: map[string][]*entity{}, configs: map[string]*entity{}, nodes: map[string]*node{}}
}

// SetTemplates replaces what people described.
func (d *Decoder) SetTemplates(ts []Template) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.templates = ts
}

// Decode tells what a message means. Templates of people go first.
func (d *Decoder) Decode(m Message) Result {
	d.mu.RLock()
	ts := d.templates
	d.mu.RUnlock()
	for i := range ts {
		if vars, ok := ts[i].match(m.Topic); ok {
			return ts[i].decode(vars, m.Data)
		}
	}
	switch {
	case strings.HasPrefix(m.Topic, "spBv1.0/"):
		return d.sparkplug(m)
	case strings.HasPrefix(m.Topic, "homeassistant/"):
		return d.discovery(m)
	}
	for _, f := range []func(Message) (Result, bool){d.zigbee2mqtt, d.homeAssistant, tasmota, own} {
		if r, ok := f(m); ok {
			r.Known = true
			return r
		}
	}
	return Result{}
}

// own understands devices/<name> and below: the topics of devices that have no manner
// of their own.
func own(m Message) (Result, bool) {
	rest, ok := strings.CutPrefix(m.Topic, "devices/")
	if !ok {
		return Result{}, false
	}
	name, path, _ := strings.Cut(rest, "/")
	if path == "set" || strings.HasSuffix(path, "/set") {
		return Result{}, true
	}
	rep := Report{Device: "devices/" + name, Name: name, Format: "json"}
	if path == "status" || path == "availability" {
		on, ok := onOff(strings.Trim(strings.ToLower(string(m.Data)), `"`))
		if !ok {
			return Result{Problem: "The status is neither online nor offline."}, true
		}
		up := on == 1
		rep.Available = &up
		return Result{Reports: []Report{rep}}, true
	}
	if n, ok := number(m.Data); ok && path != "" {
		rep.Format = "number"
		rep.Values = []Value{measure(strings.ReplaceAll(path, "/", "_"), "", "", n)}
		return Result{Reports: []Report{rep}}, true
	}
	obj, err := object(m.Data)
	if err != nil {
		return Result{Problem: "It is neither a number nor JSON."}, true
	}
	flatten(&rep, obj, strings.ReplaceAll(path, "/", "_"))
	return Result{Reports: []Report{rep}}, true
}
