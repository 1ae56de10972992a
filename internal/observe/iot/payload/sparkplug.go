package payload

import (
	"errors"
	"math"
	"strings"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
)

// rebirthEvery is how often a node is asked for its birth at most.
const rebirthEvery = time.Minute

// Data types of Sparkplug B that are figures (Sparkplug 3.0, 6.4.16).
const (
	spInt8, spInt16, spInt32, spInt64 = 1, 2, 3, 4
	spBoolean                         = 11
)

// node is an edge node and its devices. Decoder.mu guards it.
type node struct {
	seq     byte
	born    bool
	bd      float64 // number of birth and death
	devices map[string]*spDevice
	asked   time.Time
}

type spDevice struct{ alias map[uint64]spMetric }

type spMetric struct {
	name, unit string
	kind       uint32
}

type spValue struct {
	spMetric
	alias     uint64
	hasAlias  bool
	null, old bool
	number    float64
	isNumber  bool
	text      string
}

type spPayload struct {
	at      time.Time
	seq     uint64
	hasSeq  bool
	metrics []spValue
}

var errSparkplug = errors.New("it is no Sparkplug B payload")

// sparkplug understands spBv1.0/<group>/<type>/<node>[/<device>] (Eclipse Sparkplug
// 3.0).
func (d *Decoder) sparkplug(m Message) Result {
	l := strings.Split(m.Topic, "/")
	if len(l) < 4 || len(l) > 5 {
		return Result{Known: true}
	}
	kind, key, device := l[2], l[1]+"/"+l[3], ""
	if len(l) == 5 {
		device = l[4]
	}
	if len(kind) != 5 && len(kind) != 6 || (kind[0] == 'D') != (device != "") || kind[1:] == "CMD" {
		return Result{Known: true}
	}
	p, err := readSparkplug(m.Data)
	if err != nil {
		return Result{Known: true, Problem: "It is no Sparkplug B payload."}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	n := d.nodes[key]
	if n == nil {
		if len(d.nodes) >= 5000 {
			return Result{Known: true, Problem: "There are too many Sparkplug nodes."}
		}
		n = &node{devices: map[string]*spDevice{}}
		d.nodes[key] = n
	}
	id, name := "spBv1.0/"+key, l[3]
	if device != "" {
		id, name = id+"/"+device, device
	}
	rep := Report{Device: id, Name: name, Format: "sparkplug", At: p.at, Info: Info{Via: l[3]}}
	if device == "" {
		rep.Info.Via = ""
	}
	up := true
	switch kind[1:] {
	case "BIRTH":
		if device == "" {
			n.born, n.seq, n.devices = true, byte(p.seq), map[string]*spDevice{} //nolint:gosec // counts modulo 256
			n.bd = p.bdSeq()
		} else if !n.follow(p) {
			return n.rebirth(l, m.At)
		}
		dev := &spDevice{alias: map[uint64]spMetric{}}
		for _, v := range p.metrics {
			if v.hasAlias && len(dev.alias) < 5000 {
				dev.alias[v.alias] = v.spMetric
			}
		}
		if len(n.devices) < 2000 {
			n.devices[device] = dev
		}
		rep.Available = &up
		rep.sparkplug(p, dev)
		return Result{Known: true, Remember: true, Reports: []Report{rep}}
	case "DEATH":
		if device == "" && n.born && p.bdSeq() != n.bd {
			return Result{Known: true} // the will of an earlier session
		}
		up = false
		rep.Available = &up
		out := Result{Known: true, Reports: []Report{rep}}
		if device == "" {
			n.born = false
			for name := range n.devices {
				if name != "" {
					out.Reports = append(out.Reports, Report{Device: "spBv1.0/" + key + "/" + name, Name: name, Format: "sparkplug", Available: &up})
				}
			}
		} else if !n.follow(p) {
			return n.rebirth(l, m.At)
		}
		return out
	case "DATA":
		dev := n.devices[device]
		if !n.follow(p) || dev == nil || !rep.sparkplug(p, dev) {
			return n.rebirth(l, m.At)
		}
		return Result{Known: true, Reports: []Report{rep}}
	}
	return Result{Known: true}
}

// follow tells whether a message comes right after the one before.
func (n *node) follow(p spPayload) bool {
	if !n.born {
		return false
	}
	if !p.hasSeq {
		return true
	}
	ok := byte(p.seq) == n.seq+1 //nolint:gosec // counts modulo 256
	n.seq = byte(p.seq)          //nolint:gosec // as above
	return ok
}

// rebirth asks a node to say again what it has, because something was missed.
func (n *node) rebirth(l []string, now time.Time) Result {
	out := Result{Known: true, Problem: "A message of the node was missed, or its birth; it was asked to say its metrics again."}
	if now.Sub(n.asked) < rebirthEvery && !n.asked.IsZero() {
		return out
	}
	n.asked = now
	metric := protowire.AppendString(protowire.AppendTag(nil, 1, protowire.BytesType), "Node Control/Rebirth")
	metric = protowire.AppendVarint(protowire.AppendTag(metric, 4, protowire.VarintType), spBoolean)
	metric = protowire.AppendVarint(protowire.AppendTag(metric, 14, protowire.VarintType), 1)
	b := protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), uint64(max(now.UnixMilli(), 0))) //nolint:gosec // not negative
	b = protowire.AppendBytes(protowire.AppendTag(b, 2, protowire.BytesType), metric)
	out.Reply = &Message{Topic: "spBv1.0/" + l[1] + "/NCMD/" + l[3], Data: b}
	return out
}

func (p *spPayload) bdSeq() float64 {
	for _, v := range p.metrics {
		if v.name == "bdSeq" {
			return v.number
		}
	}
	return -1
}

// sparkplug puts the metrics into the report; false when one has an alias that no
// birth has named.
func (r *Report) sparkplug(p spPayload, dev *spDevice) bool {
	for _, v := range p.metrics {
		mt := v.spMetric
		if mt.name == "" && v.hasAlias {
			known, ok := dev.alias[v.alias]
			if !ok {
				return false
			}
			mt.name, mt.unit = known.name, known.unit
			if mt.kind == 0 {
				mt.kind = known.kind
			}
		}
		switch low := strings.ToLower(mt.name); {
		case strings.HasPrefix(mt.name, "Node Control/"), strings.HasPrefix(mt.name, "Device Control/"), mt.name == "bdSeq", mt.name == "", v.null, v.old:
			continue
		case v.text != "" && strings.HasSuffix(low, "hardware make"), v.text != "" && strings.HasSuffix(low, "manufacturer"):
			r.Info.Maker = Clip(v.text, maxName)
		case v.text != "" && strings.HasSuffix(low, "model"):
			r.Info.Model = Clip(v.text, maxName)
		case v.text != "" && (strings.HasSuffix(low, "fw") || strings.HasSuffix(low, "firmware") || strings.HasSuffix(low, "firmware version")):
			r.Info.Firmware = Clip(v.text, maxName)
		}
		if v.isNumber {
			r.add(measure(mt.name, "", mt.unit, signed(mt.kind, v.number)))
		}
	}
	return true
}

// signed gives back the sign of integers, which travel in unsigned fields as two's
// complement.
func signed(kind uint32, n float64) float64 {
	switch kind {
	case spInt8:
		return float64(int8(uint8(uint64(n)))) //nolint:gosec // two's complement is meant
	case spInt16:
		return float64(int16(uint16(uint64(n)))) //nolint:gosec // as above
	case spInt32:
		return float64(int32(uint32(uint64(n)))) //nolint:gosec // as above
	case spInt64:
		if n >= 1<<63 {
			return n - 1<<64
		}
	}
	return n
}

// fields calls f for each field of a protobuf message; u holds what is no bytes.
func fields(b []byte, f func(num protowire.Number, u uint64, bytes []byte) error) error {
	for len(b) > 0 {
		num, typ, n := protowire.ConsumeTag(b)
		if n < 0 {
			return errSparkplug
		}
		b = b[n:]
		var u uint64
		var x []byte
		switch typ {
		case protowire.VarintType:
			u, n = protowire.ConsumeVarint(b)
		case protowire.Fixed32Type:
			var v uint32
			v, n = protowire.ConsumeFixed32(b)
			u = uint64(v)
		case protowire.Fixed64Type:
			u, n = protowire.ConsumeFixed64(b)
		case protowire.BytesType:
			x, n = protowire.ConsumeBytes(b)
		default:
			return errSparkplug
		}
		if n < 0 {
			return errSparkplug
		}
		b = b[n:]
		if err := f(num, u, x); err != nil {
			return err
		}
	}
	return nil
}

func millis(u uint64) time.Time {
	if u > 1<<45 {
		return time.Time{}
	}
	return time.UnixMilli(int64(u)).UTC() //nolint:gosec // checked above
}

func readSparkplug(b []byte) (p spPayload, err error) {
	err = fields(b, func(num protowire.Number, u uint64, x []byte) error {
		switch num {
		case 1:
			p.at = millis(u)
		case 2:
			if len(p.metrics) >= 5000 {
				return errSparkplug
			}
			v, err := readMetric(x)
			p.metrics = append(p.metrics, v)
			return err
		case 3:
			p.seq, p.hasSeq = u, true
		}
		return nil
	})
	return p, err
}

func readMetric(b []byte) (v spValue, err error) {
	num := func(n float64) { v.number, v.isNumber = n, !math.IsNaN(n) && !math.IsInf(n, 0) }
	err = fields(b, func(f protowire.Number, u uint64, x []byte) error {
		switch f {
		case 1:
			v.name = Clip(string(x), maxName)
		case 2:
			v.alias, v.hasAlias = u, true
		case 4:
			v.kind = uint32(u) //nolint:gosec // a small number, and anything else is no type
		case 5:
			v.old = u != 0
		case 7:
			v.null = u != 0
		case 9:
			var err error
			v.unit, err = readUnit(x)
			return err
		case 10, 11, 14:
			num(float64(u))
		case 12:
			num(float64(math.Float32frombits(uint32(u)))) //nolint:gosec // a fixed32
		case 13:
			num(math.Float64frombits(u))
		case 15:
			v.text = Clip(string(x), maxName)
		}
		return nil
	})
	return v, err
}

// readUnit finds the property engUnit.
func readUnit(b []byte) (string, error) {
	var keys, values []string
	err := fields(b, func(f protowire.Number, _ uint64, x []byte) error {
		switch f {
		case 1:
			keys = append(keys, string(x))
		case 2:
			text := ""
			if err := fields(x, func(f protowire.Number, _ uint64, x []byte) error {
				if f == 8 {
					text = Clip(string(x), 40)
				}
				return nil
			}); err != nil {
				return err
			}
			values = append(values, text)
		}
		if len(keys) > 200 || len(values) > 200 {
			return errSparkplug
		}
		return nil
	})
	for i, k := range keys {
		if (strings.EqualFold(k, "engUnit") || strings.EqualFold(k, "engineering units")) && i < len(values) {
			return values[i], err
		}
	}
	return "", err
}
