package eval

import (
	"context"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/signal"
	"github.com/mainstay-ops/mainstay/internal/observe"
)

const (
	// maxAsked is how many moments of the past are asked one by one.
	maxAsked = 300
	// maxCounted is how many rows of counts are read at once.
	maxCounted = 50_000
)

// LogQuestion is a question in LogsQL that looks Window back from the moment it is asked.
type LogQuestion struct {
	LogsQL string
	Window time.Duration
}

// Ask reads the store at one moment.
func (q LogQuestion) Ask(ctx context.Context, logs observe.Logs, at time.Time) (Reading, error) {
	var out Reading
	if logs == nil {
		return out, errs.New(errs.Unavailable, "There is no log store.")
	}
	lq := observe.LogQuery{LogsQL: CountLines(q.LogsQL), From: at.Add(-q.Window), To: at, Limit: MaxInstances + 1}
	err := logs.QueryLogs(ctx, lq, func(fields []signal.Field) error {
		if v, ok := RowValue(fields); ok {
			out.Active = append(out.Active, v)
		}
		return nil
	})
	if err == nil && len(out.Active) > MaxInstances {
		err = errs.New(errs.TooMany, "The question has more than %d answers. Aggregate with stats by (…) or narrow the filter.", MaxInstances)
	}
	return out, err
}

// counting is a question that counts lines and may compare the count. Its answers at
// many moments follow from counts by steps of time, which is one question instead of
// one for each moment.
type counting struct {
	filter string
	by     []string
	name   string
	op     string
	limit  float64
}

var (
	countPipe   = regexp.MustCompile(`^stats\s+(?:by\s*\(([^()]*)\)\s*)?count\(\s*\*?\s*\)(?:\s+(?:as\s+)?([A-Za-z_][A-Za-z0-9_]*))?$`)
	comparePipe = regexp.MustCompile(`^(?:filter|where)\s+([A-Za-z_][A-Za-z0-9_]*)\s*:\s*(>=|<=|>|<|=)\s*(-?[0-9]+(?:\.[0-9]+)?)$`)
	plainField  = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.-]*$`)
	// linePipe names pipes that change or choose one line without looking at others.
	linePipe = regexp.MustCompile(`^(?:filter|where|unpack_json|unpack_logfmt|extract|extract_regexp|format|copy|cp|rename|mv|replace|replace_regexp)\b`)
)

// countOf reads a question as one that counts lines.
func countOf(q string) (counting, bool) {
	parts := pipes(CountLines(q))
	c := counting{filter: parts[0], name: "count(*)"}
	i := 1
	for ; i < len(parts) && linePipe.MatchString(parts[i]); i++ {
		c.filter += " | " + parts[i]
	}
	if i >= len(parts) {
		return c, false
	}
	m := countPipe.FindStringSubmatch(parts[i])
	if m == nil {
		return c, false
	}
	if m[1] != "" {
		for f := range strings.SplitSeq(m[1], ",") {
			f = strings.TrimSpace(f)
			if !plainField.MatchString(f) || f == "_time" {
				return c, false
			}
			c.by = append(c.by, f)
		}
	}
	if m[2] != "" {
		c.name = m[2]
	}
	switch len(parts) - i {
	case 1:
		return c, true
	case 2:
		m := comparePipe.FindStringSubmatch(parts[i+1])
		if m == nil || m[1] != c.name {
			return c, false
		}
		n, err := strconv.ParseFloat(m[3], 64)
		c.op, c.limit = m[2], n
		return c, err == nil
	}
	return c, false
}

// pipes cuts a question at each | that stands outside of quotes and brackets.
func pipes(q string) []string {
	var out []string
	var quote byte
	depth, from := 0, 0
	for i := 0; i < len(q); i++ {
		switch c := q[i]; {
		case quote != 0:
			if c == '\\' && quote != '`' {
				i++
			} else if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'' || c == '`':
			quote = c
		case c == '(' || c == '[' || c == '{':
			depth++
		case c == ')' || c == ']' || c == '}':
			depth--
		case c == '|' && depth <= 0:
			out = append(out, strings.TrimSpace(q[from:i]))
			from = i + 1
		}
	}
	return append(out, strings.TrimSpace(q[from:]))
}

func (c counting) holds(n float64) bool {
	switch c.op {
	case ">":
		return n > c.limit
	case ">=":
		return n >= c.limit
	case "<":
		return n < c.limit
	case "<=":
		return n <= c.limit
	case "=":
		return n == c.limit
	}
	return true
}

// TryPastLogs is TryPast for questions about log lines. A question that counts lines is
// asked for the whole time at once; another one is asked for each step, and when that
// would be more than 300 times, only every so often: Past.Step says how often.
func TryPastLogs(ctx context.Context, logs observe.Logs, q LogQuestion, t Timing, from, to time.Time, step time.Duration) (Past, error) {
	out := Past{From: from, To: to, Step: step.Seconds(), Episodes: []Episode{}}
	switch {
	case step <= 0 || !to.After(from):
		return out, errs.New(errs.Invalid, "The end of the period must be after its beginning.")
	case logs == nil:
		return out, errs.New(errs.Unavailable, "There is no log store.")
	}
	c, counts := countOf(q.LogsQL)
	// Counts by steps add up to the window only when it has whole steps.
	if counts = counts && q.Window%step == 0; !counts && int64(to.Sub(from)/step) > maxAsked {
		step = (to.Sub(from)/maxAsked + step - 1).Truncate(step)
		out.Step = step.Seconds()
	}
	if n := int64(to.Sub(from) / step); n > MaxPastSteps {
		return out, errs.New(errs.Invalid, "The period has %d steps of %s; at most %d are tried. Take a shorter period or ask less often.", n, step, MaxPastSteps)
	}
	read := func(ctx context.Context, at time.Time) (Reading, error) { return q.Ask(ctx, logs, at) }
	if counts {
		// The store counts by steps since 1970.
		first := from.UnixNano() / int64(step)
		from = time.Unix(0, first*int64(step)).UTC()
		out.From = from
		w := &window{c: c, logs: logs, step: step, steps: int(q.Window / step), sums: map[string]*sliding{}}
		if err := w.skip(ctx, from.Add(-q.Window), from); err != nil {
			return out, err
		}
		read = w.read
	}
	r := &replay{machine: NewMachine(t, nil), open: map[string]int{}, past: &out}
	for at := from; !at.After(to); at = at.Add(step) {
		in, err := read(ctx, at)
		if err != nil {
			return out, err
		}
		r.step(at, in)
	}
	r.finish(to)
	return out, nil
}

// window holds the counts of the steps that a question looks back on.
type window struct {
	c     counting
	logs  observe.Logs
	step  time.Duration
	steps int
	sums  map[string]*sliding
	// block holds counts that were read ahead, by the end of their step; until says how
	// far.
	block map[int64][]Value
	until time.Time
}

// sliding is the count of one instance over the window.
type sliding struct {
	labels map[string]string
	sum    float64
	ring   []float64
	at     int
}

// skip takes in the steps that end after from and not after to.
func (w *window) skip(ctx context.Context, from, to time.Time) error {
	w.until = from
	for at := from.Add(w.step); !at.After(to.Add(-w.step)); at = at.Add(w.step) {
		if _, err := w.read(ctx, at); err != nil {
			return err
		}
	}
	return nil
}

// read gives the answer at a moment: what was counted in the window that ends then.
func (w *window) read(ctx context.Context, at time.Time) (Reading, error) {
	if at.After(w.until) {
		if err := w.fetch(ctx); err != nil {
			return Reading{}, err
		}
	}
	counts := w.block[at.UnixNano()]
	delete(w.block, at.UnixNano())
	for _, v := range counts {
		key := Key(v.Labels)
		s := w.sums[key]
		if s == nil {
			s = &sliding{labels: v.Labels, ring: make([]float64, w.steps)}
			w.sums[key] = s
		}
		s.sum += v.Value
		s.ring[s.at] += v.Value
	}
	var out Reading
	for key, s := range w.sums {
		if w.c.holds(s.sum) && (s.sum > 0 || len(w.c.by) == 0) {
			out.Active = append(out.Active, Value{Labels: s.labels, Value: s.sum})
		}
		s.at = (s.at + 1) % w.steps
		s.sum -= s.ring[s.at]
		s.ring[s.at] = 0
		if s.sum == 0 && len(w.c.by) > 0 {
			delete(w.sums, key)
		}
	}
	if len(w.c.by) == 0 && len(w.sums) == 0 && w.c.holds(0) {
		out.Active = append(out.Active, Value{Labels: map[string]string{}})
	}
	if n := len(out.Active); n > MaxInstances {
		return out, errs.New(errs.TooMany, "At %s the question has %d answers; a rule may have %d.", at.Format(time.RFC3339), n, MaxInstances)
	}
	return out, nil
}

// fetch reads the counts of the next steps; fewer of them when there are many rows.
func (w *window) fetch(ctx context.Context) error {
	for n := chunk; ; n /= 8 {
		from, to := w.until, w.until.Add(time.Duration(n)*w.step)
		block, full, err := w.counts(ctx, from, to)
		if err != nil {
			return err
		}
		if full && n >= 8 {
			continue
		}
		if full {
			return errs.New(errs.TooMany, "The question has too many different answers. Group by fewer fields or narrow the filter.")
		}
		w.block, w.until = block, to
		return nil
	}
}

func (w *window) counts(ctx context.Context, from, to time.Time) (block map[int64][]Value, full bool, err error) {
	by := append([]string{"_time:" + w.step.String()}, w.c.by...)
	q := observe.LogQuery{
		LogsQL: w.c.filter + " | stats by (" + strings.Join(by, ", ") + ") count() as value",
		From:   from, To: to, Limit: maxCounted,
	}
	block = map[int64][]Value{}
	rows := 0
	err = w.logs.QueryLogs(ctx, q, func(fields []signal.Field) error {
		rows++
		i := slices.IndexFunc(fields, func(f signal.Field) bool { return f.Name == "_time" })
		v, ok := RowValue(fields)
		if i < 0 || !ok {
			return nil
		}
		start, err := time.Parse(time.RFC3339Nano, fields[i].Value)
		if err != nil {
			return nil //nolint:nilerr // a row without a time counts for no step
		}
		delete(v.Labels, "_time")
		end := start.Add(w.step).UnixNano()
		block[end] = append(block[end], v)
		return nil
	})
	return block, rows >= maxCounted, err
}
