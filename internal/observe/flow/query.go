package flow

import (
	"cmp"
	"context"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
)

// Where an answer comes from.
const (
	fromSums          = "sums"          // of all traffic by one dimension, kept by minutes, hours and days
	fromConversations = "conversations" // the largest conversations of each minute, hour and day
	fromRecords       = "records"
)

// maxRows is what one answer of the log engine may have.
const maxRows = 1_000_000

// recordsUpTo is the length of time for which filters ask the records themselves,
// which is exact; the kept conversations are quick for longer.
const recordsUpTo = 6 * time.Hour

// question is what is asked of traffic.
type question struct {
	by       []*dimension
	filters  []filter
	from, to time.Time
	metric   string // bytes, packets or flows
	limit    int
	source   string // empty: whatever fits
}

func (s sums) of(metric string) uint64 {
	switch metric {
	case "packets":
		return s.packets
	case "flows":
		return s.flows
	}
	return s.bytes
}

// Sums are amounts of traffic.
type Sums struct {
	Bytes   uint64 `json:"bytes"`
	Packets uint64 `json:"packets"`
	Flows   uint64 `json:"flows" doc:"Number of records."`
}

func (s sums) view() Sums { return Sums{s.bytes, s.packets, s.flows} }

// row is the traffic of one key, or of one combination of keys.
type row struct {
	keys []string
	sums
}

// answer is the traffic by keys, the most first.
type answer struct {
	rows     []row
	total    sums
	source   string
	from, to time.Time // what it is about: buckets are not cut
	step     time.Duration
	partial  bool // it holds the largest conversations only
}

// plan chooses where a question is answered.
func (s *Service) plan(q *question) error {
	if q.source != "" && q.source != fromSums {
		if q.source == fromConversations && !inConversations(q.by, q.filters) {
			return errs.Fields(errs.Field{Path: "source", Value: q.source, Message: "knows no ports, AS numbers, DSCP and TCP flags"})
		}
		return nil
	}
	plainOne := len(q.by) <= 1 && len(q.filters) == 0
	if q.source == fromSums && !plainOne {
		return errs.Fields(errs.Field{Path: "source", Value: q.source, Message: "has no filters and one dimension only"})
	}
	oldest := s.now().Add(-s.opts.Retention)
	switch {
	case plainOne:
		q.source = fromSums
	case inConversations(q.by, q.filters) && (q.to.Sub(q.from) > recordsUpTo || q.from.Before(oldest)):
		q.source = fromConversations
	default:
		q.source = fromRecords
	}
	return nil
}

// top gives the keys with the most traffic.
func (s *Service) top(ctx context.Context, q question) (answer, error) {
	if err := s.plan(&q); err != nil {
		return answer{}, err
	}
	var a answer
	var err error
	if q.source == fromRecords {
		a, err = s.topRecords(ctx, q)
	} else {
		a, err = s.topBuckets(ctx, q)
	}
	if err != nil {
		return a, err
	}
	a.source = q.source
	slices.SortFunc(a.rows, func(x, y row) int {
		return cmp.Or(cmp.Compare(y.of(q.metric), x.of(q.metric)), slices.Compare(x.keys, y.keys))
	})
	if len(a.rows) > q.limit {
		a.rows = a.rows[:q.limit]
	}
	return a, nil
}

const keySep = "\x1f"

// segment is a range of time that one tier answers.
type segment struct {
	tier     int
	from, to int64
}

// segments says which tiers answer a range, and how long a step must be at least. The
// start is set back to that of a bucket.
func (s *Service) segments(from, to time.Time) (segs []segment, start int64, least time.Duration) {
	a, b := from.Unix(), to.Unix()
	now := s.now().Unix()
	coarse := tierMinute
	if b-a > 36*3600 || a < now-kept[tierMinute]*86400 {
		coarse = tierHour
	}
	if b-a > 45*86400 || a < now-kept[tierHour]*86400 {
		coarse = tierDay
	}
	a = a / span[coarse] * span[coarse]
	start = a
	for t := coarse; t >= tierMinute; t-- {
		end := min(b, s.written[t].Load())
		if t > tierMinute {
			end = end / span[t] * span[t]
		}
		if end > a {
			segs = append(segs, segment{t, a, end})
			a = end
		}
	}
	return segs, start, time.Duration(span[coarse]) * time.Second
}

// scan calls each with every entry of a range of time.
func (s *Service) scan(ctx context.Context, dim string, from, to time.Time, each func(at int64, key []byte, n sums), other func(at int64, n sums)) (start int64, least time.Duration, err error) {
	segs, start, least := s.segments(from, to)
	for _, seg := range segs {
		err := s.buckets(ctx, seg.tier, dim, seg.from, seg.to, func(at int64, body []byte) error {
			rest, err := s.packer.unpack(body, func(key []byte, n sums) { each(at, key, n) })
			other(at, rest)
			if err == nil {
				err = ctx.Err()
			}
			return err
		})
		if err != nil {
			return start, least, err
		}
	}
	// What is not written yet.
	written := s.written[tierMinute].Load()
	type live struct {
		at int64
		b  bucket
	}
	var now []live
	s.mu.Lock()
	for at, m := range s.minutes {
		if at >= max(written, start) && at < to.Unix() {
			now = append(now, live{at, m.bucket(dim)})
		}
	}
	s.mu.Unlock()
	for _, l := range now {
		for _, e := range l.b.entries {
			each(l.at, []byte(e.key), e.sums)
		}
		other(l.at, l.b.other)
	}
	return start, least, nil
}

// groups gives the keys of a conversation for the dimensions of a question.
func groups(by []*dimension, cols []string, each func(key string)) {
	var walk func(i int, key string)
	walk = func(i int, key string) {
		if i == len(by) {
			each(key)
			return
		}
		a, b := by[i].valuesIn(cols)
		if i > 0 {
			key += keySep
		}
		walk(i+1, key+a)
		if b != "" {
			walk(i+1, key+b)
		}
	}
	walk(0, "")
}

// visit calls each with the keys that a question asks for, by bucket.
func (s *Service) visit(ctx context.Context, q question, each func(at int64, key string, n sums), all func(at int64, n sums)) (int64, time.Duration, error) {
	if q.source == fromSums {
		if len(q.by) == 0 {
			return s.scan(ctx, total, q.from, q.to, func(int64, []byte, sums) {}, all)
		}
		if _, _, err := s.scan(ctx, total, q.from, q.to, func(int64, []byte, sums) {}, all); err != nil {
			return 0, 0, err
		}
		return s.scan(ctx, q.by[0].name, q.from, q.to, func(at int64, key []byte, n sums) { each(at, string(key), n) }, func(int64, sums) {})
	}
	return s.scan(ctx, conversations, q.from, q.to, func(at int64, key []byte, n sums) {
		cols := strings.Split(string(key), "\t")
		if len(cols) != columns {
			return
		}
		for i := range q.filters {
			if !q.filters[i].keeps(cols) {
				return
			}
		}
		all(at, n)
		groups(q.by, cols, func(key string) { each(at, key, n) })
	}, func(_ int64, n sums) {
		if len(q.filters) == 0 {
			all(0, n)
		}
	})
}

func (s *Service) topBuckets(ctx context.Context, q question) (answer, error) {
	a := answer{partial: q.source == fromConversations}
	m := map[string]*sums{}
	start, least, err := s.visit(ctx, q, func(_ int64, key string, n sums) {
		v := m[key]
		if v == nil {
			v = &sums{}
			m[key] = v
		}
		v.add(n)
	}, func(_ int64, n sums) { a.total.add(n) })
	if err != nil {
		return a, err
	}
	a.from, a.to, a.step = time.Unix(start, 0).UTC(), q.to, least
	for k, v := range m {
		a.rows = append(a.rows, row{strings.Split(k, keySep), *v})
	}
	return a, nil
}

// line is the traffic of one key over time, by steps.
type line struct {
	keys   []string
	values []uint64
}

// lines is traffic over time.
type lines struct {
	answer
	lines  []line
	totals []uint64
	begin  int64
	width  int64 // of a step, in seconds
}

// maxSteps bounds an answer over time.
const maxSteps = 1500

// widthOf is a round width of a step that makes about 200 steps of a range.
func widthOf(length, least time.Duration) time.Duration {
	for _, w := range []time.Duration{
		time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 15 * time.Minute, 30 * time.Minute,
		time.Hour, 2 * time.Hour, 4 * time.Hour, 6 * time.Hour, 12 * time.Hour, 24 * time.Hour, 48 * time.Hour,
	} {
		if w >= least && length/w <= 200 {
			return w
		}
	}
	return 7 * 24 * time.Hour
}

// series gives the traffic of the top keys over time.
func (s *Service) series(ctx context.Context, q question, step time.Duration) (lines, error) {
	if err := s.plan(&q); err != nil {
		return lines{}, err
	}
	var out lines
	if len(q.by) > 0 {
		a, err := s.top(ctx, q)
		if err != nil {
			return out, err
		}
		out.answer = a
	}
	least := time.Minute
	start := q.from.Unix() / 60 * 60
	if q.source != fromRecords {
		_, start, least = s.segments(q.from, q.to)
	}
	width := widthOf(q.to.Sub(q.from), least)
	if step > 0 {
		width = max(step, least).Truncate(least)
	}
	out.width = int64(width / time.Second)
	out.begin = start / out.width * out.width
	n := (q.to.Unix()-1-out.begin)/out.width + 1
	if n > maxSteps {
		return out, errs.Fields(errs.Field{Path: "step", Message: "makes more than 1,500 steps; take a longer one"})
	}
	n = max(n, 1)
	out.totals = make([]uint64, n)
	out.source, out.from, out.to, out.step = q.source, time.Unix(start, 0).UTC(), q.to, width
	out.partial = q.source == fromConversations
	index := make(map[string]int, len(out.rows))
	for i, r := range out.rows {
		index[strings.Join(r.keys, keySep)] = i
		out.lines = append(out.lines, line{r.keys, make([]uint64, n)})
	}
	place := func(at int64) (int64, bool) {
		i := (at - out.begin) / out.width
		return i, at >= out.begin && i < n
	}
	each := func(at int64, key string, v sums) {
		if l, ok := index[key]; ok {
			if i, ok := place(at); ok {
				out.lines[l].values[i] += v.of(q.metric)
			}
		}
	}
	var sum sums
	all := func(at int64, v sums) {
		sum.add(v)
		if i, ok := place(at); ok {
			out.totals[i] += v.of(q.metric)
		}
	}
	var err error
	if q.source == fromRecords {
		err = s.seriesRecords(ctx, q, out.rows, each, all)
	} else {
		_, _, err = s.visit(ctx, q, each, all)
	}
	if len(q.by) == 0 {
		out.total = sum
	}
	return out, err
}

// fit gives the totals of other in the steps of l, of which the first begins there at
// a moment. Where its steps are longer, they are spread evenly.
func (l *lines) fit(other lines, begin int64) []uint64 {
	out := make([]uint64, len(l.totals))
	for i := range out {
		at := begin + int64(i)*l.width
		if at < other.begin {
			continue
		}
		j := (at - other.begin) / other.width
		switch {
		case j >= int64(len(other.totals)):
		case other.width == l.width:
			out[i] = other.totals[j]
		default:
			out[i] = uint64(float64(other.totals[j]) * float64(l.width) / float64(other.width))
		}
	}
	return out
}

// share is a part of a whole in percent; 0 where there is no whole.
func share(part, whole uint64) float64 {
	if whole == 0 {
		return 0
	}
	return math.Round(float64(part)/float64(whole)*1000) / 10
}
