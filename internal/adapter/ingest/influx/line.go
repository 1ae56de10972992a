package influx

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/mainstay-ops/mainstay/internal/adapter/ingest/internal/naming"
	"github.com/mainstay-ops/mainstay/internal/core/signal"
)

// points collects samples of a request.
type points struct {
	now     time.Time
	unit    time.Duration
	samples []signal.Sample
	hosts   map[string]*signal.Hints
	// texts counts values that are no numbers; a metric store keeps none.
	texts int
}

// nextLine cuts the first line off. A line ends where no quotes are open.
func nextLine(b []byte) (line, rest []byte) {
	quoted := false
	for i := 0; i < len(b); i++ {
		switch b[i] {
		case '\\':
			i++
		case '"':
			quoted = !quoted
		case '\n':
			if !quoted {
				return bytes.TrimRight(b[:i], "\r"), b[i+1:]
			}
		}
		if i > maxLine {
			// Quotes that never close must not swallow all that follows.
			if end := bytes.IndexByte(b, '\n'); end >= 0 {
				return bytes.TrimRight(b[:end], "\r"), b[end+1:]
			}
			return b, nil
		}
	}
	if quoted {
		if end := bytes.IndexByte(b, '\n'); end >= 0 {
			return bytes.TrimRight(b[:end], "\r"), b[end+1:]
		}
	}
	return bytes.TrimRight(b, "\r"), nil
}

// part reads up to one of the stops, with backslashes taken away before what they
// protect.
func part(b []byte, stops, protects string) (text []byte, stop byte, rest []byte) {
	var out []byte
	copied := false
	for i := 0; i < len(b); i++ {
		c := b[i]
		if c == '\\' && i+1 < len(b) && bytes.IndexByte([]byte(protects), b[i+1]) >= 0 {
			if !copied {
				out, copied = append(out, b[:i]...), true
			}
			i++
			out = append(out, b[i])
			continue
		}
		if bytes.IndexByte([]byte(stops), c) >= 0 {
			if !copied {
				out = b[:i]
			}
			return out, c, b[i+1:]
		}
		if copied {
			out = append(out, c)
		}
	}
	if !copied {
		out = b
	}
	return out, 0, nil
}

var (
	errMeasurement = errors.New("the name of the measurement is missing")
	errTag         = errors.New("a tag must be name=value")
	errField       = errors.New("a field must be name=value with a number, true, false or text in quotes")
	errTime        = errors.New("the time must be a whole number")
	errLong        = errors.New("the line is longer than 64 KiB")
	errFields      = errors.New("the line has no field")
)

const maxTags, maxFields = 60, 1000

// line reads measurement[,tag=value…] field=value[,…] [time].
func (p *points) line(b []byte) error {
	if len(b) > maxLine {
		return errLong
	}
	b = bytes.TrimLeft(b, " \t")
	name, stop, b := part(b, ", ", `, \`)
	if len(name) == 0 {
		return errMeasurement
	}
	measurement := string(name)
	var tags []signal.Field
	host := ""
	for stop == ',' {
		var k, v []byte
		if k, stop, b = part(b, "=, ", `=, \`); stop != '=' || len(k) == 0 || len(tags) >= maxTags {
			return errTag
		}
		v, stop, b = part(b, ", ", `=, \`)
		f := signal.Field{Name: naming.Label(string(k)), Value: string(v)}
		if f.Name == "host" || f.Name == "hostname" && host == "" {
			host = f.Value
		}
		tags = append(tags, f)
	}
	if stop != ' ' {
		return errFields
	}
	slices.SortStableFunc(tags, func(a, b signal.Field) int { return cmp.Compare(a.Name, b.Name) })
	tags = slices.CompactFunc(tags, func(a, b signal.Field) bool { return a.Name == b.Name })
	first := len(p.samples)
	texts := p.texts
	rest, err := p.fields(measurement, tags, bytes.TrimLeft(b, " "))
	if err == nil {
		err = p.stamp(first, bytes.TrimSpace(rest))
	}
	if err != nil {
		p.samples, p.texts = p.samples[:first], texts
		return err
	}
	h := p.hints(host)
	for i := first; i < len(p.samples); i++ {
		p.samples[i].Hints = h
	}
	return nil
}

func (p *points) hints(host string) *signal.Hints {
	if host == "" {
		return nil
	}
	h := p.hosts[host]
	if h == nil {
		h = &signal.Hints{Host: host}
		p.hosts[host] = h
	}
	return h
}

// fields reads the fields and gives what stands behind them.
func (p *points) fields(measurement string, tags []signal.Field, b []byte) ([]byte, error) {
	for n := 0; ; n++ {
		k, stop, rest := part(b, "=, ", `=, \`)
		if stop != '=' || len(k) == 0 || len(rest) == 0 || n >= maxFields {
			return nil, errField
		}
		b = rest
		if b[0] == '"' {
			end := closing(b)
			if end < 0 {
				return nil, errField
			}
			p.texts++
			b, stop = b[end+1:], 0
			if len(b) > 0 {
				stop, b = b[0], b[1:]
			}
		} else {
			var v []byte
			v, stop, b = part(b, ", ", "")
			x, err := value(v)
			if err != nil {
				return nil, err
			}
			p.samples = append(p.samples, signal.Sample{Name: metric(measurement, string(k)), Labels: tags, Value: x})
		}
		switch stop {
		case ',':
			continue
		case ' ', 0:
			return b, nil
		}
		return nil, errField
	}
}

// closing finds the quote that ends a text.
func closing(b []byte) int {
	for i := 1; i < len(b); i++ {
		switch b[i] {
		case '\\':
			i++
		case '"':
			return i
		}
	}
	return -1
}

// value reads a number: 1.5, 1i, 1u, or a truth.
func value(b []byte) (float64, error) {
	if len(b) == 0 {
		return 0, errField
	}
	switch string(b) {
	case "t", "T", "true", "True", "TRUE":
		return 1, nil
	case "f", "F", "false", "False", "FALSE":
		return 0, nil
	}
	digits := b
	switch b[len(b)-1] {
	case 'i':
		digits = b[:len(b)-1]
		n, err := strconv.ParseInt(string(digits), 10, 64)
		if err != nil {
			return 0, errField
		}
		return float64(n), nil
	case 'u':
		digits = b[:len(b)-1]
		n, err := strconv.ParseUint(string(digits), 10, 64)
		if err != nil {
			return 0, errField
		}
		return float64(n), nil
	}
	x, err := strconv.ParseFloat(string(digits), 64)
	if err != nil || math.IsNaN(x) || math.IsInf(x, 0) {
		return 0, errField
	}
	return x, nil
}

// stamp gives the samples from first on their moment.
func (p *points) stamp(first int, b []byte) error {
	at := p.now
	if len(b) > 0 {
		n, err := strconv.ParseInt(string(b), 10, 64)
		if err != nil || n > math.MaxInt64/int64(p.unit) || n < math.MinInt64/int64(p.unit) {
			return errTime
		}
		at = time.Unix(0, n*int64(p.unit))
	}
	for i := first; i < len(p.samples); i++ {
		p.samples[i].At = at
	}
	return nil
}

func quote(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		return `""`
	}
	return string(b)
}
