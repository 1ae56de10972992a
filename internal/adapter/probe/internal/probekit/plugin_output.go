package probekit

import (
	"math"
	"strconv"
	"strings"

	"github.com/mainstay-ops/mainstay/internal/observe"
)

// MaxPerfdata is how many performance data items of one run are kept.
const MaxPerfdata = 128

// PluginOutput is what a Nagios plugin printed, in its three parts.
type PluginOutput struct {
	// Line is the first line, without performance data.
	Line string
	// Detail is the long output, at most MaxDetail bytes.
	Detail string
	// Measures are the performance data: probe_perfdata with the labels "label" and,
	// if known, "unit" (seconds, bytes, percent, count), and for plain limits
	// probe_perfdata_warn, _crit, _min and _max with the label "label".
	Measures []observe.Measure
}

// ParsePluginOutput reads text in the format of the Monitoring Plugins Development
// Guidelines: "TEXT | PERFDATA", then lines of long output, then optionally a line
// with "|" that begins more performance data. It takes any input.
func ParsePluginOutput(out string) PluginOutput {
	first, rest, _ := strings.Cut(strings.TrimLeft(out, "\r\n"), "\n")
	text, perf, _ := strings.Cut(first, "|")
	var p PluginOutput
	p.Line = Line(text, maxOutput)
	p.Measures = appendPerfdata(nil, perf)
	if rest == "" {
		return p
	}
	long, more, _ := strings.Cut(rest, "|")
	p.Detail = strings.TrimSpace(Text(long, MaxDetail))
	p.Measures = appendPerfdata(p.Measures, more)
	return p
}

// ParsePerfdata reads performance data: items "label=value[UOM];warn;crit;min;max"
// between blanks, where a label with blanks stands in single quotes and two quotes
// mean one. Items that make no sense, and the value U (unknown), are left out.
// Times become seconds and sizes bytes (KB = 1000, KiB = 1024 bytes).
func ParsePerfdata(s string) []observe.Measure { return appendPerfdata(nil, s) }

func appendPerfdata(ms []observe.Measure, s string) []observe.Measure {
	seen := map[string]bool{}
	for _, m := range ms {
		if m.Name == "probe_perfdata" {
			seen[m.Labels["label"]] = true
		}
	}
	for len(seen) < MaxPerfdata {
		s = strings.TrimLeft(s, " \t\r\n")
		if s == "" {
			break
		}
		var label, item string
		label, s = cutLabel(s)
		end := strings.IndexAny(s, " \t\r\n")
		if end < 0 {
			end = len(s)
		}
		item, s = s[:end], s[end:]
		label = Line(label, 128)
		if label == "" || seen[label] || len(item) < 2 || item[0] != '=' {
			continue
		}
		before := len(ms)
		if ms = appendItem(ms, label, item[1:]); len(ms) > before {
			seen[label] = true
		}
	}
	return ms
}

// cutLabel takes the label and leaves the rest at "=", or at a blank when the item
// has no "=".
func cutLabel(s string) (label, rest string) {
	if s[0] != '\'' {
		i := strings.IndexAny(s, "= \t\r\n")
		if i < 0 {
			return s, ""
		}
		return s[:i], s[i:]
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		if s[i] != '\'' {
			b.WriteByte(s[i])
			continue
		}
		if i+1 < len(s) && s[i+1] == '\'' {
			b.WriteByte('\'')
			i++
			continue
		}
		return b.String(), s[i+1:]
	}
	return "", "" // the quote is never closed
}

func appendItem(ms []observe.Measure, label, item string) []observe.Measure {
	var parts [5]string
	for i := range parts {
		parts[i], item, _ = strings.Cut(item, ";")
	}
	num, uom := splitUnit(parts[0])
	v, ok := number(num)
	if !ok {
		return ms
	}
	unit, factor := unitOf(uom)
	labels := map[string]string{"label": label}
	main := labels
	if unit != "" {
		main = map[string]string{"label": label, "unit": unit}
	}
	ms = append(ms, observe.Measure{Name: "probe_perfdata", Labels: main, Value: v * factor})
	for i, name := range [...]string{"", "probe_perfdata_warn", "probe_perfdata_crit", "probe_perfdata_min", "probe_perfdata_max"} {
		if i == 0 || parts[i] == "" {
			continue
		}
		limit := parts[i]
		if i <= 2 {
			limit = upperEnd(limit)
		}
		// Some plugins repeat the unit at limits.
		n, _ := splitUnit(limit)
		if v, ok := number(n); ok {
			ms = append(ms, observe.Measure{Name: name, Labels: labels, Value: v * factor})
		}
	}
	return ms
}

// upperEnd gives the upper end of a threshold range "[@]start:end", "" for none.
func upperEnd(r string) string {
	r = strings.TrimPrefix(r, "@")
	if _, end, ok := strings.Cut(r, ":"); ok {
		return end
	}
	return r
}

func splitUnit(s string) (num, uom string) {
	i := 0
	for i < len(s) {
		c := s[i]
		digit := c >= '0' && c <= '9' || c == '.' || c == ','
		sign := (c == '-' || c == '+') && (i == 0 || s[i-1] == 'e' || s[i-1] == 'E')
		exp := (c == 'e' || c == 'E') && i > 0 && i+1 < len(s) && strings.IndexByte("0123456789+-", s[i+1]) >= 0
		if !digit && !sign && !exp {
			break
		}
		i++
	}
	return s[:i], s[i:]
}

// number reads a decimal; a single comma is taken as the decimal point of a locale.
func number(s string) (float64, bool) {
	if len(s) > 64 {
		return 0, false
	}
	if strings.Count(s, ",") == 1 && !strings.Contains(s, ".") {
		s = strings.Replace(s, ",", ".", 1)
	}
	v, err := strconv.ParseFloat(s, 64)
	return v, err == nil && !math.IsInf(v, 0) && !math.IsNaN(v)
}

// unitOf gives the base unit and the factor to it.
func unitOf(uom string) (string, float64) {
	switch strings.ToLower(uom) {
	case "s":
		return "seconds", 1
	case "ms":
		return "seconds", 1e-3
	case "us":
		return "seconds", 1e-6
	case "ns":
		return "seconds", 1e-9
	case "%":
		return "percent", 1
	case "c":
		return "count", 1
	case "b":
		return "bytes", 1
	case "kb":
		return "bytes", 1e3
	case "mb":
		return "bytes", 1e6
	case "gb":
		return "bytes", 1e9
	case "tb":
		return "bytes", 1e12
	case "kib":
		return "bytes", 1 << 10
	case "mib":
		return "bytes", 1 << 20
	case "gib":
		return "bytes", 1 << 30
	case "tib":
		return "bytes", 1 << 40
	}
	return "", 1
}
