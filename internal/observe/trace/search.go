package trace

import (
	"context"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/logdb"
)

// MaxSpans of one trace are shown.
const MaxSpans = 10_000

// quote writes a text as a LogsQL string.
func quote(s string) string { return strconv.Quote(s) }

// Search narrows the list of traces; empty fields do not.
type Search struct {
	Service, Operation, Item string
	// Query is LogsQL on the spans.
	Query    string
	Min, Max time.Duration
	Failed   bool
	From, To time.Time
	Limit    int
	// Slowest sorts by duration, where the newest are usual.
	Slowest bool
}

func (f Search) filter() string {
	parts := []string{}
	if f.Service != "" {
		parts = append(parts, fService+":="+quote(f.Service))
	}
	if f.Operation != "" {
		parts = append(parts, logdb.Message+":="+quote(f.Operation))
	}
	if f.Item != "" {
		parts = append(parts, fItem+":="+quote(f.Item))
	}
	if f.Failed {
		parts = append(parts, fFailed+":=true")
	}
	if f.Min > 0 {
		parts = append(parts, fDuration+":>="+strconv.FormatInt(f.Min.Nanoseconds(), 10))
	}
	if f.Max > 0 {
		parts = append(parts, fDuration+":<="+strconv.FormatInt(f.Max.Nanoseconds(), 10))
	}
	if q := strings.TrimSpace(f.Query); q != "" {
		parts = append(parts, "("+q+")")
	}
	if len(parts) == 0 {
		return "*"
	}
	return strings.Join(parts, " ")
}

// Summary is a trace in a list.
type Summary struct {
	TraceID    string    `json:"trace_id"`
	Service    string    `json:"service" doc:"Service of the root."`
	Name       string    `json:"name" doc:"Operation of the root."`
	Start      time.Time `json:"start"`
	DurationNS int64     `json:"duration_ns"`
	Spans      int       `json:"spans"`
	Errors     int       `json:"errors"`
	Services   []string  `json:"services"`
	// Partial tells that the root is not here: it is missing or comes later.
	Partial bool `json:"partial" doc:"The root span is not here: it was not sent, or comes later."`
}

// rows collects the answer of a query.
func (s *Service) rows(ctx context.Context, q logdb.Query) ([]map[string]string, error) {
	st := s.store.Load()
	if st == nil {
		return nil, errs.New(errs.Unavailable, "The trace store is not open.")
	}
	var out []map[string]string
	_, err := st.Query(ctx, q, func(fs []logdb.Field) error {
		m := make(map[string]string, len(fs))
		for _, f := range fs {
			m[f.Name] = f.Value
		}
		out = append(out, m)
		return nil
	})
	return out, err
}

// search finds traces with a span that fits.
func (s *Service) search(ctx context.Context, f Search) ([]Summary, error) {
	if strings.Contains(f.Query, "|") {
		return nil, errs.Fields(errs.Field{Path: "query", Value: f.Query, Message: "must be a filter without pipes (|)"})
	}
	if st := s.store.Load(); st != nil && strings.TrimSpace(f.Query) != "" {
		// Alone, so that the position of a mistake is that of what the person wrote.
		if err := st.Check(f.Query); err != nil {
			return nil, err
		}
	}
	order := "last"
	if f.Slowest {
		order = "longest"
	}
	found, err := s.rows(ctx, logdb.Query{
		LogsQL: f.filter() + " | stats by (" + fTrace + ") max(_time) as last, max(" + fDuration + ") as longest | sort by (" + order + " desc) limit " + strconv.Itoa(f.Limit),
		From:   f.From, To: f.To, Limit: f.Limit,
	})
	if err != nil || len(found) == 0 {
		return []Summary{}, err
	}
	ids := make([]string, len(found))
	rank := make(map[string]int, len(found))
	for i, r := range found {
		ids[i] = quote(r[fTrace])
		rank[r[fTrace]] = i
	}
	out, err := s.summaries(ctx, strings.Join(ids, ","), f.From, f.To)
	if err != nil {
		return nil, err
	}
	sort.Slice(out, func(i, j int) bool { return rank[out[i].TraceID] < rank[out[j].TraceID] })
	return out, nil
}

// around is how much longer than the search a trace may be.
const around = 15 * time.Minute

func (s *Service) summaries(ctx context.Context, ids string, from, to time.Time) ([]Summary, error) {
	if !from.IsZero() {
		from = from.Add(-around)
	}
	if !to.IsZero() {
		to = to.Add(around)
	}
	in := fTrace + ":in(" + ids + ")"
	sums, err := s.rows(ctx, logdb.Query{
		LogsQL: in + " | stats by (" + fTrace + ") min(_time) as first, count() as n, count() if (" + fFailed + ":=true) as errors, uniq_values(" + fService + ") limit 50 as services", From: from, To: to,
	})
	if err != nil {
		return nil, err
	}
	tops, err := s.rows(ctx, logdb.Query{LogsQL: in + " " + fParent + `:="" | fields ` + strings.Join([]string{fTrace, fService, logdb.Message, fDuration, logdb.Time}, ", "), From: from, To: to})
	if err != nil {
		return nil, err
	}
	roots := map[string]map[string]string{}
	for _, r := range tops {
		if old := roots[r[fTrace]]; old == nil || r[logdb.Time] < old[logdb.Time] {
			roots[r[fTrace]] = r
		}
	}
	out := make([]Summary, 0, len(sums))
	for _, r := range sums {
		v := Summary{TraceID: r[fTrace], Services: list(r["services"])}
		v.Spans, _ = strconv.Atoi(r["n"])
		v.Errors, _ = strconv.Atoi(r["errors"])
		v.Start, _ = time.Parse(time.RFC3339Nano, r["first"])
		if root := roots[v.TraceID]; root != nil {
			v.Service, v.Name = root[fService], root[logdb.Message]
			v.DurationNS, _ = strconv.ParseInt(root[fDuration], 10, 64)
			if at, err := time.Parse(time.RFC3339Nano, root[logdb.Time]); err == nil {
				v.Start = at
			}
		} else {
			v.Partial = true
			if len(v.Services) > 0 {
				v.Service = v.Services[0]
			}
			v.Name = "(root not here)"
		}
		out = append(out, v)
	}
	return out, nil
}

// list reads the JSON array that LogsQL writes for several values.
func list(s string) []string {
	s = strings.Trim(s, "[]")
	out := []string{}
	for _, p := range strings.Split(s, `","`) {
		if p = strings.Trim(p, `"`); p != "" {
			out = append(out, p)
		}
	}
	sort.Strings(out)
	return out
}

// Trace is everything of one trace.
type Trace struct {
	TraceID    string     `json:"trace_id"`
	Start      time.Time  `json:"start"`
	DurationNS int64      `json:"duration_ns" doc:"From the first beginning to the last end."`
	Spans      []SpanView `json:"spans" doc:"By their beginning, parents before children."`
	Services   []string   `json:"services"`
	Errors     int        `json:"errors"`
	// Missing parents are spans that others name and that are not here.
	Missing []string `json:"missing_parents" doc:"Spans that others name as parent and that are not here."`
	Cut     bool     `json:"cut" doc:"There are more spans than are shown."`
}

// trace reads one trace. Spans that were sent twice are one.
func (s *Service) trace(ctx context.Context, id string) (Trace, error) {
	out := Trace{TraceID: id, Spans: []SpanView{}, Services: []string{}, Missing: []string{}}
	st := s.store.Load()
	if st == nil {
		return out, errs.New(errs.Unavailable, "The trace store is not open.")
	}
	seen := map[string]bool{}
	services := map[string]bool{}
	info, err := st.Query(ctx, logdb.Query{LogsQL: fTrace + ":=" + quote(id), Limit: MaxSpans, Oldest: true}, func(fs []logdb.Field) error {
		v, _ := fromRow(fs)
		if seen[v.SpanID] {
			return nil
		}
		seen[v.SpanID], services[v.Service] = true, true
		if v.Failed {
			out.Errors++
		}
		out.Spans = append(out.Spans, v)
		return nil
	})
	if err != nil {
		return out, err
	}
	if len(out.Spans) == 0 {
		return out, errs.New(errs.NotFound, "There is no trace %s. It was never sent, or it is older than what is kept.", id)
	}
	out.Cut = info.More
	order(out.Spans)
	out.Start = out.Spans[0].Start
	end := out.Start
	missing := map[string]bool{}
	for _, v := range out.Spans {
		if v.Start.Before(out.Start) {
			out.Start = v.Start
		}
		if e := v.Start.Add(time.Duration(v.DurationNS)); e.After(end) {
			end = e
		}
		if v.ParentID != "" && !seen[v.ParentID] && !missing[v.ParentID] {
			missing[v.ParentID] = true
			out.Missing = append(out.Missing, v.ParentID)
		}
	}
	out.DurationNS = end.Sub(out.Start).Nanoseconds()
	for name := range services {
		out.Services = append(out.Services, name)
	}
	sort.Strings(out.Services)
	return out, nil
}

// order sorts spans by their beginning; of those that begin together the parent comes
// first, else the longer one.
func order(vs []SpanView) {
	sort.SliceStable(vs, func(i, j int) bool {
		a, b := vs[i], vs[j]
		switch {
		case !a.Start.Equal(b.Start):
			return a.Start.Before(b.Start)
		case b.ParentID == a.SpanID:
			return true
		case a.ParentID == b.SpanID:
			return false
		}
		return a.DurationNS > b.DurationNS
	})
}
