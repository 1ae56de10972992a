package statsd

import (
	"bytes"
	"cmp"
	"errors"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/mainstay-ops/mainstay/internal/adapter/ingest/internal/naming"
	"github.com/mainstay-ops/mainstay/internal/core/signal"
)

// measure is one line.
type measure struct {
	name string
	tags []signal.Field
	// kind is c, g, t (timers, histograms and distributions) or s.
	kind byte
	// values may be several, as DogStatsD packs them.
	values []float64
	// texts are the members of a set.
	texts []string
	// rate is the part of events that was sent, above 0 up to 1.
	rate float64
	// relative tells that a gauge is changed by its value.
	relative bool
	host     string
}

const (
	maxTags   = 60
	maxValues = 10_000
)

var (
	errLine = errors.New(`a line must be "name:value|type"`)
	errType = errors.New("the type must be c, g, ms, h, d or s")
)

// parse reads a line of StatsD or DogStatsD: name:value[:value…]|type[|@rate][|#tags].
// Tags may also stand behind the name, after ";" or "," (Graphite, Influx and
// Prometheus write them so).
func parse(line []byte) (m measure, err error) {
	colon := bytes.IndexByte(line, ':')
	if colon <= 0 {
		return m, errLine
	}
	parts := strings.Split(string(line[colon+1:]), "|")
	if len(parts) < 2 || len(parts) > 8 {
		return m, errLine
	}
	m.rate = 1
	switch parts[1] {
	case "c", "m":
		m.kind = 'c'
	case "g":
		m.kind = 'g'
	case "ms", "h", "d":
		m.kind = 't'
	case "s":
		m.kind = 's'
	default:
		return m, errType
	}
	if err := m.read(string(line[:colon]), parts); err != nil {
		return m, err
	}
	if m.kind == 's' {
		m.texts = strings.Split(parts[0], ":")
		return m, nil
	}
	for v := range strings.SplitSeq(parts[0], ":") {
		x, err := strconv.ParseFloat(v, 64)
		if err != nil || math.IsNaN(x) || math.IsInf(x, 0) || len(m.values) >= maxValues {
			return m, errors.New("the value is not a number")
		}
		m.values = append(m.values, x)
		m.relative = m.kind == 'g' && (v[0] == '+' || v[0] == '-')
	}
	if m.kind == 't' && parts[1] == "ms" {
		// Seconds are the base unit.
		for i := range m.values {
			m.values[i] /= 1000
		}
		m.name += "_seconds"
	}
	return m, nil
}

// read takes name, rate and tags.
func (m *measure) read(name string, parts []string) error {
	tags := ""
	if at := strings.IndexAny(name, ";,"); at >= 0 {
		name, tags = name[:at], strings.ReplaceAll(name[at+1:], ";", ",")
	}
	if name == "" {
		return errLine
	}
	m.name = naming.Metric(name)
	if err := m.tag(tags, "="); err != nil {
		return err
	}
	for _, p := range parts[2:] {
		switch {
		case strings.HasPrefix(p, "@"):
			r, err := strconv.ParseFloat(p[1:], 64)
			if err != nil || !(r > 0 && r <= 1) {
				return errors.New("the rate must be above 0 and at most 1")
			}
			m.rate = r
		case strings.HasPrefix(p, "#"):
			if err := m.tag(p[1:], ":"); err != nil {
				return err
			}
		}
		// Container ids (c:) and times (T) are left aside.
	}
	slices.SortStableFunc(m.tags, func(a, b signal.Field) int { return cmp.Compare(a.Name, b.Name) })
	m.tags = slices.CompactFunc(m.tags, func(a, b signal.Field) bool { return a.Name == b.Name })
	return nil
}

func (m *measure) tag(tags, between string) error {
	for tags != "" {
		var t string
		if t, tags, _ = strings.Cut(tags, ","); t == "" {
			continue
		}
		if len(m.tags) >= maxTags {
			return errors.New("there are too many tags")
		}
		k, v, ok := strings.Cut(t, between)
		if !ok {
			v = "true"
		}
		if k == "" {
			continue
		}
		f := signal.Field{Name: naming.Label(k), Value: v}
		if f.Name == "host" || f.Name == "hostname" && m.host == "" {
			m.host = v
		}
		m.tags = append(m.tags, f)
	}
	return nil
}

// key tells series of one sender apart.
func (m *measure) key() string {
	var b strings.Builder
	b.WriteByte(m.kind)
	b.WriteString(m.name)
	for _, t := range m.tags {
		b.WriteByte(0)
		b.WriteString(t.Name)
		b.WriteByte(1)
		b.WriteString(t.Value)
	}
	return b.String()
}
