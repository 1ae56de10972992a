package flow

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/logdb"
)

const sumPipe = "sum(bytes) bytes, sum(packets) packets, count() flows"

// sideRows is how many keys each end of a record is asked for when either may have
// the value; keys below that of one end count only at the other.
const sideRows = 20_000

// ask puts a question to the records. It gives the values of the fields, in order,
// and the sums.
func (s *Service) ask(ctx context.Context, q question, pipe string, fields []string, row func(keys []string, at int64, n sums)) error {
	st := s.store.Load()
	if st == nil {
		return errs.New(errs.Unavailable, "The flow store is not open.")
	}
	where, err := logsQL(q.filters)
	if err != nil {
		return err
	}
	keys := make([]string, len(fields))
	_, err = st.Query(ctx, logdb.Query{LogsQL: where + " " + pipe, From: q.from, To: q.to, Limit: maxRows}, func(fs []logdb.Field) error {
		var n sums
		var at int64
		clear(keys)
		for _, f := range fs {
			switch f.Name {
			case "bytes", "packets", "flows":
				v := wholeNumber(f.Value)
				switch f.Name {
				case "bytes":
					n.bytes = v
				case "packets":
					n.packets = v
				default:
					n.flows = v
				}
			case logdb.Time:
				if t, err := time.Parse(time.RFC3339Nano, f.Value); err == nil {
					at = t.Unix()
				}
			default:
				if i := slices.Index(fields, f.Name); i >= 0 {
					keys[i] = f.Value
				}
			}
		}
		row(keys, at, n)
		return nil
	})
	return err
}

// wholeNumber reads a sum of the log engine, which may write a large one as 1.5e+12.
func wholeNumber(text string) uint64 {
	if v, err := strconv.ParseUint(text, 10, 64); err == nil {
		return v
	}
	f, err := strconv.ParseFloat(text, 64)
	if err == nil && f > 0 && f < 1<<63 { // the sum of nothing is not a number
		return uint64(f)
	}
	return 0
}

// combinations are the fields to group by: one list for each end that a dimension
// with two ends may take.
func combinations(by []*dimension) [][]string {
	out := [][]string{{}}
	for _, d := range by {
		var next [][]string
		for _, have := range out {
			if d.kind == aPair || !d.both() {
				next = append(next, append(slices.Clone(have), d.fields...))
				continue
			}
			for _, f := range d.fields {
				next = append(next, append(slices.Clone(have), f))
			}
		}
		out = next
	}
	return out
}

// keyOf joins the values of the fields to one key for each dimension.
func keyOf(by []*dimension, values []string) string {
	parts := make([]string, 0, len(by))
	for _, d := range by {
		if d.kind == aPair {
			parts = append(parts, values[0]+">"+values[1])
			values = values[2:]
			continue
		}
		parts = append(parts, values[0])
		values = values[1:]
	}
	return strings.Join(parts, keySep)
}

// names writes field names; "in" would mean something else without quotes.
func names(fields []string) string {
	out := make([]string, len(fields))
	for i, f := range fields {
		out[i] = strconv.Quote(f)
	}
	return strings.Join(out, ", ")
}

// twice tells which records would count twice for a dimension with two ends.
func twice(by []*dimension, fields []string) string {
	for i, d := range by {
		if d.both() && i < len(fields) && fields[i] == d.fields[1] {
			return " | filter !" + strconv.Quote(d.fields[0]) + ":eq_field(" + strconv.Quote(d.fields[1]) + ")"
		}
	}
	return ""
}

func (s *Service) topRecords(ctx context.Context, q question) (answer, error) {
	a := answer{from: q.from, to: q.to, step: time.Minute}
	if err := s.ask(ctx, q, "| stats "+sumPipe, nil, func(_ []string, _ int64, n sums) { a.total.add(n) }); err != nil {
		return a, err
	}
	lists := combinations(q.by)
	limit := q.limit
	if len(lists) > 1 {
		limit = sideRows
	}
	m := map[string]*sums{}
	for _, fields := range lists {
		if slices.Equal(fields, []string{"src", "src"}) || len(slices.Compact(slices.Sorted(slices.Values(fields)))) != len(fields) {
			return a, errs.Fields(errs.Field{Path: "by", Message: "names one thing twice"})
		}
		pipe := fmt.Sprintf("%s | stats by (%s) %s | sort by (%s desc) limit %d", twice(q.by, fields), names(fields), sumPipe, q.metric, limit)
		err := s.ask(ctx, q, pipe, fields, func(values []string, _ int64, n sums) {
			key := keyOf(q.by, values)
			v := m[key]
			if v == nil {
				v = &sums{}
				m[key] = v
			}
			v.add(n)
		})
		if err != nil {
			return a, err
		}
	}
	for k, v := range m {
		a.rows = append(a.rows, row{strings.Split(k, keySep), *v})
	}
	return a, nil
}

// seriesRecords gives the traffic of the rows, and all, by minutes.
func (s *Service) seriesRecords(ctx context.Context, q question, rows []row, each func(at int64, key string, n sums), all func(at int64, n sums)) error {
	err := s.ask(ctx, q, "| stats by (_time:1m) "+sumPipe, nil, func(_ []string, at int64, n sums) { all(at, n) })
	if err != nil || len(q.by) == 0 || len(rows) == 0 {
		return err
	}
	for _, fields := range combinations(q.by) {
		var any []string
		for _, r := range rows {
			var both []string
			values := r.keys
			if len(q.by) == 1 && q.by[0].kind == aPair {
				from, to, _ := strings.Cut(r.keys[0], ">")
				values = []string{from, to}
			}
			if len(values) != len(fields) {
				return errs.Fields(errs.Field{Path: "by", Message: "a pair cannot be combined with other dimensions over time"})
			}
			for i, f := range fields {
				both = append(both, strconv.Quote(f)+":="+strconv.Quote(values[i]))
			}
			any = append(any, "("+strings.Join(both, " ")+")")
		}
		pipe := fmt.Sprintf("%s | filter %s | stats by (_time:1m, %s) %s", twice(q.by, fields), strings.Join(any, " or "), names(fields), sumPipe)
		err := s.ask(ctx, q, pipe, fields, func(values []string, at int64, n sums) { each(at, keyOf(q.by, values), n) })
		if err != nil {
			return err
		}
	}
	return nil
}
