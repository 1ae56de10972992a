package logdb

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/VictoriaMetrics/VictoriaLogs/lib/logstorage"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
)

// Count is a value and how many rows have it.
type Count struct {
	Value string `json:"value"`
	Rows  uint64 `json:"rows"`
}

// Fields are the names of the fields in the rows that a query finds, and how many
// rows have each; names with most rows first.
func (s *Store) Fields(ctx context.Context, q Query) ([]Count, error) {
	return s.counts(ctx, q, func(qctx *logstorage.QueryContext) ([]logstorage.ValueWithHits, error) {
		return s.engine.GetFieldNames(qctx)
	})
}

// Values are the values of one field, most frequent first, at most limit. When there
// are more values than the limit, which of them are given is by chance and their
// counts are 0.
func (s *Store) Values(ctx context.Context, q Query, field string, limit int) ([]Count, error) {
	return s.counts(ctx, q, func(qctx *logstorage.QueryContext) ([]logstorage.ValueWithHits, error) {
		return s.engine.GetFieldValues(qctx, field, uint64(max(limit, 1)))
	})
}

// Top are the most frequent values of a field and how many rows have them.
func (s *Store) Top(ctx context.Context, q Query, field string, limit int) ([]Count, error) {
	run, err := s.begin(ctx, q)
	if err != nil {
		return nil, err
	}
	run.q.DropAllPipes()
	text := fmt.Sprintf("%s | top %d by (%s) hits as rows", run.q.String(), max(limit, 1), strconv.Quote(field))
	run.end()
	q.LogsQL, q.Limit = text, 0
	out := []Count{}
	_, err = s.Query(ctx, q, func(fs []Field) error {
		c := Count{}
		for _, f := range fs {
			switch f.Name {
			case "rows":
				n, err := strconv.ParseUint(f.Value, 10, 64)
				if err != nil {
					return err
				}
				c.Rows = n
			case field:
				c.Value = f.Value
			}
		}
		out = append(out, c)
		return nil
	})
	return out, err
}

// Streams are the streams with rows that a query finds, as {a="b",c="d"}.
func (s *Store) Streams(ctx context.Context, q Query, limit int) ([]Count, error) {
	return s.counts(ctx, q, func(qctx *logstorage.QueryContext) ([]logstorage.ValueWithHits, error) {
		return s.engine.GetStreams(qctx, uint64(max(limit, 1)))
	})
}

func (s *Store) counts(ctx context.Context, q Query, ask func(*logstorage.QueryContext) ([]logstorage.ValueWithHits, error)) (_ []Count, err error) {
	defer caught(&err, "The query failed inside the log engine.")
	run, err := s.begin(ctx, q)
	if err != nil {
		return nil, err
	}
	defer run.end()
	run.q.DropAllPipes()
	got, err := ask(logstorage.NewQueryContext(run.ctx, &run.stats, []logstorage.TenantID{{}}, run.q, false))
	if err = run.explain(err); err != nil {
		return nil, err
	}
	out := make([]Count, len(got))
	for i, v := range got {
		out[i] = Count{Value: strings.Clone(v.Value), Rows: v.Hits}
	}
	slices.SortStableFunc(out, func(a, b Count) int {
		if a.Rows != b.Rows {
			if a.Rows > b.Rows {
				return -1
			}
			return 1
		}
		return strings.Compare(a.Value, b.Value)
	})
	return out, nil
}

// MaxSteps is the number of steps that Hits gives at most.
const MaxSteps = 2000

// Histogram is how many rows there are in each step of time.
type Histogram struct {
	// Start is the beginning of the first step; steps are aligned to whole multiples
	// of Step since 1970.
	Start time.Time     `json:"start"`
	Step  time.Duration `json:"-"`
	// Series has one entry for each value of the field, the most frequent first, or
	// one with an empty value when there is no field. Rows have one count for each step.
	Series []Series `json:"series"`
	Total  uint64   `json:"total"`
}

// Series are the counts of one value.
type Series struct {
	Value string   `json:"value"`
	Rows  []uint64 `json:"rows"`
	Total uint64   `json:"total"`
}

// Hits counts rows by steps of time and by the values of a field ("" for none). Both
// ends of the range must be given.
func (s *Store) Hits(ctx context.Context, q Query, step time.Duration, field string) (Histogram, error) {
	var h Histogram
	if q.From.IsZero() || q.To.IsZero() {
		return h, errs.Fields(errs.Field{Path: "start", Message: "a histogram needs both ends of the range"})
	}
	if step < time.Millisecond {
		return h, errs.Fields(errs.Field{Path: "step", Value: step.String(), Message: "must be at least 1ms"})
	}
	first := q.From.UnixNano() / int64(step)
	steps := (q.To.UnixNano()-1)/int64(step) - first + 1
	if steps > MaxSteps {
		return h, errs.Fields(errs.Field{Path: "step", Value: step.String(), Message: fmt.Sprintf("makes %d steps; at most %d are given", steps, MaxSteps)})
	}
	run, err := s.begin(ctx, q)
	if err != nil {
		return h, err
	}
	defer run.end()
	var by []string
	if field != "" {
		by = []string{field}
	}
	run.q.AddCountByTimePipe(int64(step), 0, by)
	h.Start, h.Step = time.Unix(0, first*int64(step)).UTC(), step
	index := map[string]int{}
	tooMany := false
	err = run.do(run.q, func(db *logstorage.DataBlock) {
		times, hits := db.GetColumnByName("_time"), db.GetColumnByName("hits")
		values := db.GetColumnByName(field)
		if times == nil || hits == nil {
			return
		}
		for i := range times.Values {
			at, ok := logstorage.TryParseTimestampRFC3339Nano(times.Values[i])
			n, err := strconv.ParseUint(hits.Values[i], 10, 64)
			slot := at/int64(step) - first
			if !ok || err != nil || slot < 0 || slot >= steps {
				continue
			}
			v := ""
			if field != "" && values != nil {
				v = values.Values[i]
			}
			k, seen := index[v]
			if !seen {
				if len(index) >= maxSeries {
					tooMany = true
					return
				}
				v = strings.Clone(v)
				k = len(h.Series)
				index[v] = k
				h.Series = append(h.Series, Series{Value: v, Rows: make([]uint64, steps)})
			}
			h.Series[k].Rows[slot] += n
			h.Series[k].Total += n
			h.Total += n
		}
	})
	if err != nil {
		return h, err
	}
	if tooMany {
		return h, errs.Fields(errs.Field{Path: "field", Value: field, Message: fmt.Sprintf("has more than %d values in this range; take a field with fewer", maxSeries)})
	}
	slices.SortStableFunc(h.Series, func(a, b Series) int {
		if a.Total != b.Total {
			if a.Total > b.Total {
				return -1
			}
			return 1
		}
		return strings.Compare(a.Value, b.Value)
	})
	return h, nil
}

const maxSeries = 200
