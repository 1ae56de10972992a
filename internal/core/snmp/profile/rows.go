package profile

import (
	"context"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/mainstay-ops/mainstay/internal/core/snmp"
)

// row is one row of a table: the value that makes it a row, and what its columns
// say of it.
type row struct {
	index string
	v     snmp.Var
	texts map[string]string
}

// rows reads the column each and, for each of its rows, the other columns. Rows
// that are skipped or that Where does not keep are left out.
func (r *reader) rows(ctx context.Context, each OID, t Rows) ([]row, error) {
	cells, err := r.column(ctx, each)
	if err != nil || len(cells) == 0 {
		return nil, err
	}
	columns := make(map[string]map[string]string, len(t.Columns))
	for name, c := range t.Columns {
		vals, err := r.column(ctx, c.OID)
		if err != nil {
			return nil, err
		}
		m := make(map[string]string, len(vals))
		for _, v := range vals {
			m[v.index] = v.v.Text()
		}
		columns[name] = m
	}
	var out []row
	for _, c := range cells {
		text := c.v.Text()
		if slices.Contains(t.Skip, text) {
			continue
		}
		w := row{index: c.index, v: c.v, texts: map[string]string{"index": c.index, "value": text}}
		for name := range t.Columns {
			w.texts[name] = lookup(t.Columns, columns, name, c.index, 0)
		}
		if t.keeps(w.texts) {
			out = append(out, w)
		}
	}
	return out, nil
}

func lookup(cols map[string]Column, values map[string]map[string]string, name, index string, depth int) string {
	c, key := cols[name], index
	switch {
	case depth > 4:
		return ""
	case c.Via != "":
		key = lookup(cols, values, c.Via, index, depth+1)
	case c.Index.given():
		key = c.Index.of(index)
	case scalar(c.OID):
		key = "0"
	}
	v := values[name][key]
	if len(c.Map) > 0 {
		if t, ok := c.Map[v]; ok {
			return t
		}
	}
	return v
}

func (t Rows) keeps(texts map[string]string) bool {
	for _, w := range t.Where {
		v := texts[w.Column]
		if len(w.Is) > 0 && !slices.Contains(w.Is, v) || slices.Contains(w.Not, v) || w.Pattern.given() && !w.Pattern.re.MatchString(v) {
			return false
		}
	}
	return true
}

// expand fills the names in braces; what a device leaves empty leaves no gap.
func (w row) expand(text string) string {
	if text == "" || !strings.Contains(text, "{") {
		return text
	}
	out := refRE.ReplaceAllStringFunc(text, func(ref string) string {
		name := ref[1 : len(ref)-1]
		if arc, ok := strings.CutPrefix(name, "index."); ok {
			n, _ := strconv.Atoi(arc)
			return Arcs{n, n}.of(w.index)
		}
		return w.texts[name]
	})
	return strings.TrimSpace(strings.Join(strings.Fields(out), " "))
}

func (w row) descr(text, otherwise string) string {
	if d := w.expand(text); d != "" {
		return d
	}
	if w.index == "" || w.index == "0" {
		return otherwise
	}
	return otherwise + " " + w.index
}

var numberRE = regexp.MustCompile(`^[-+]?\d+(?:[.,]\d+)?`)

// number reads a value; of a text the number it begins with, or the first group
// of p.
func number(v snmp.Var, p Pattern) (float64, bool) {
	if !p.given() {
		if n, ok := v.Number(); ok {
			return n, true
		}
	}
	if v.Kind == snmp.Missing || v.Kind == snmp.ObjectID || v.Kind == snmp.IPAddress {
		return 0, false
	}
	text := v.Text()
	if p.given() {
		var ok bool
		if text, ok = p.take(text); !ok {
			return 0, false
		}
	}
	m := numberRE.FindString(strings.TrimSpace(text))
	n, err := strconv.ParseFloat(strings.ReplaceAll(m, ",", "."), 64)
	return n, err == nil && !math.IsInf(n, 0) && !math.IsNaN(n)
}

// factor is what a raw number is multiplied by.
func (t Rows) factor(w row, unit, precision string) float64 {
	f := 1.0
	if t.Multiplier > 0 {
		f *= t.Multiplier
	}
	if t.Divisor > 0 {
		f /= t.Divisor
	}
	if n, err := strconv.ParseFloat(w.texts[unit], 64); unit != "" && err == nil && n > 0 {
		f *= n
	}
	if n, err := strconv.ParseFloat(w.texts[precision], 64); precision != "" && err == nil && math.Abs(n) <= 18 {
		f /= math.Pow(10, n)
	}
	return f
}
