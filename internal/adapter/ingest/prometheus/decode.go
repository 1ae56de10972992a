package prometheus

import (
	"errors"
	"fmt"
	"math"
	"time"
	"unsafe"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/mainstay-ops/mainstay/internal/core/signal"
)

// Limits of a request.
const (
	maxSamples = 2_000_000
	maxSymbols = 1_000_000
	maxHosts   = 10_000
)

// batch is what is read from a request. Its strings point into the body: the store of
// samples keeps none of them.
type batch struct {
	samples []signal.Sample
	// fields holds the labels of all samples.
	fields                []signal.Field
	meta                  map[string]signal.Meta
	hosts                 map[string]*signal.Hints
	symbols               []string
	refs                  []uint32
	exemplars, histograms int
}

func (b *batch) reset() {
	b.samples, b.fields, b.symbols = b.samples[:0], b.fields[:0], b.symbols[:0]
	b.meta, b.exemplars, b.histograms = nil, 0, 0
	if len(b.hosts) > maxHosts {
		clear(b.hosts)
	}
}

var (
	errBroken = errors.New("the message breaks off or is not a protobuf message")
	errMany   = fmt.Errorf("it has more than %d samples", maxSamples)
)

// view gives a string with the same memory.
func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// fields calls each for every field of a message: with the bytes of one that has a
// length, else with its number.
func fields(b []byte, each func(n protowire.Number, t protowire.Type, v []byte, x uint64) error) error {
	for len(b) > 0 {
		n, t, l := protowire.ConsumeTag(b)
		if l < 0 {
			return errBroken
		}
		b = b[l:]
		var v []byte
		var x uint64
		switch t {
		case protowire.BytesType:
			v, l = protowire.ConsumeBytes(b)
		case protowire.VarintType:
			x, l = protowire.ConsumeVarint(b)
		case protowire.Fixed64Type:
			x, l = protowire.ConsumeFixed64(b)
		default:
			l = protowire.ConsumeFieldValue(n, t, b)
		}
		if l < 0 {
			return errBroken
		}
		if err := each(n, t, v, x); err != nil {
			return err
		}
		b = b[l:]
	}
	return nil
}

// decode1 reads prometheus.WriteRequest (remote write 1.0).
func (b *batch) decode1(body []byte) error {
	return fields(body, func(n protowire.Number, t protowire.Type, v []byte, _ uint64) error {
		switch {
		case n == 1 && t == protowire.BytesType:
			return b.series1(v)
		case n == 3 && t == protowire.BytesType:
			return b.meta1(v)
		}
		return nil
	})
}

// series1 reads a TimeSeries. Labels stand before samples, but need not.
func (b *batch) series1(m []byte) error {
	first, start := len(b.samples), len(b.fields)
	var name, instance, host string
	for rest := m; len(rest) > 0; {
		n, t, l := protowire.ConsumeTag(rest)
		if l < 0 {
			return errBroken
		}
		rest = rest[l:]
		if t != protowire.BytesType {
			if l = protowire.ConsumeFieldValue(n, t, rest); l < 0 {
				return errBroken
			}
			rest = rest[l:]
			continue
		}
		v, l := protowire.ConsumeBytes(rest)
		if l < 0 {
			return errBroken
		}
		rest = rest[l:]
		switch n {
		case 1:
			f, err := label1(v)
			if err != nil {
				return err
			}
			switch f.Name {
			case "__name__":
				name = f.Value
				continue
			case "instance":
				instance = f.Value
			case "host":
				host = f.Value
			}
			b.fields = append(b.fields, f)
		case 2:
			if err := b.sample(v); err != nil {
				return err
			}
		case 3:
			b.exemplars++
		case 4:
			b.histograms++
		}
	}
	b.finish(first, start, name, instance, host)
	return nil
}

// finish gives the samples from first on their labels.
func (b *batch) finish(first, start int, name, instance, host string) {
	if first == len(b.samples) {
		b.fields = b.fields[:start]
		return
	}
	fs, h := b.fields[start:len(b.fields):len(b.fields)], b.hints(instance, host)
	for i := first; i < len(b.samples); i++ {
		s := &b.samples[i]
		s.Name, s.Labels, s.Hints = name, fs, h
	}
}

// label1 reads a Label {name = 1, value = 2}.
func label1(m []byte) (f signal.Field, err error) {
	for len(m) > 0 {
		n, t, l := protowire.ConsumeTag(m)
		if l < 0 {
			return f, errBroken
		}
		m = m[l:]
		if t != protowire.BytesType {
			if l = protowire.ConsumeFieldValue(n, t, m); l < 0 {
				return f, errBroken
			}
			m = m[l:]
			continue
		}
		v, l := protowire.ConsumeBytes(m)
		if l < 0 {
			return f, errBroken
		}
		m = m[l:]
		switch n {
		case 1:
			f.Name = view(v)
		case 2:
			f.Value = view(v)
		}
	}
	return f, nil
}

// sample reads a Sample {value = 1, timestamp = 2 in milliseconds}.
func (b *batch) sample(m []byte) error {
	if len(b.samples) >= maxSamples {
		return errMany
	}
	s := signal.Sample{At: time.UnixMilli(0)}
	for len(m) > 0 {
		n, t, l := protowire.ConsumeTag(m)
		if l < 0 {
			return errBroken
		}
		m = m[l:]
		switch {
		case n == 1 && t == protowire.Fixed64Type:
			var x uint64
			x, l = protowire.ConsumeFixed64(m)
			s.Value = math.Float64frombits(x)
		case n == 2 && t == protowire.VarintType:
			var x uint64
			x, l = protowire.ConsumeVarint(m)
			s.At = time.UnixMilli(int64(x))
		default:
			l = protowire.ConsumeFieldValue(n, t, m)
		}
		if l < 0 {
			return errBroken
		}
		m = m[l:]
	}
	b.samples = append(b.samples, s)
	return nil
}

// kind reads the number of a metric type, which is the same in remote write 1.0 and
// 2.0.
func kind(x uint64) string {
	switch x {
	case 1:
		return "counter"
	case 2, 4, 6, 7: // gauge, gauge histogram, info, state set
		return "gauge"
	case 3:
		return "histogram"
	case 5:
		return "summary"
	}
	return "unknown"
}

// meta1 reads a MetricMetadata {type = 1, metric_family_name = 2, help = 4, unit = 5}.
func (b *batch) meta1(m []byte) error {
	var name string
	var out signal.Meta
	err := fields(m, func(n protowire.Number, _ protowire.Type, v []byte, x uint64) error {
		switch n {
		case 1:
			out.Type = kind(x)
		case 2:
			name = view(v)
		case 4:
			out.Help = view(v)
		case 5:
			out.Unit = view(v)
		}
		return nil
	})
	if err == nil && name != "" {
		if b.meta == nil {
			b.meta = map[string]signal.Meta{}
		}
		b.meta[name] = out
	}
	return err
}
