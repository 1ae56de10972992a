package logdb

import (
	"context"
	"errors"
	"math"
	"strings"
	"sync"
	"time"

	"github.com/VictoriaMetrics/VictoriaLogs/lib/logstorage"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
)

// Query is a question in LogsQL about a range of time.
type Query struct {
	// LogsQL is what a person wrote; empty means everything.
	LogsQL string
	// Only are further filters in LogsQL that hold in every part of the query, also in
	// queries inside it. They say what the asker may see.
	Only []string
	// From (inclusive) and To (exclusive). A zero From means everything that is kept,
	// a zero To means now and what lies ahead.
	From, To time.Time
	// Limit is the number of rows; at most, and when 0, Options.MaxRows.
	Limit int
	// Oldest asks for the oldest rows, where the newest are usual.
	Oldest bool
}

// Info says how a query went.
type Info struct {
	// Rows that were given.
	Rows int
	// More tells that there are more rows than the limit.
	More bool
	// Searched rows and Read bytes tell how much work it was.
	Searched, Read uint64
	Took           time.Duration
}

// Query gives the rows of an answer to row, one after another; the slice is valid
// until row returns, the strings for ever. An error of row ends the query and is
// returned.
//
// A query that only filters and changes fields gives rows by time, the newest first
// (see Query.Oldest). One with pipes that count, sort or limit gives what they give.
//
// The error is errs.Invalid when the query is wrong, with the position, when it takes
// more time or memory than it may, and when the answer is too large.
func (s *Store) Query(ctx context.Context, q Query, row func([]Field) error) (Info, error) {
	var info Info
	begin := time.Now()
	run, err := s.begin(ctx, q)
	if err != nil {
		return info, err
	}
	defer run.end()
	limit := q.Limit
	if limit <= 0 || limit > s.o.MaxRows {
		limit = s.o.MaxRows
	}
	if run.q.CanReturnLastNResults() {
		info, err = run.byTime(limit, q.Oldest, row)
	} else {
		info, err = run.asIs(limit, row)
	}
	info.Searched, info.Read = run.stats.RowsProcessed, run.stats.GetBytesReadTotal()
	info.Took = time.Since(begin)
	return info, err
}

// running is a query at work. It holds one of the slots.
type running struct {
	s        *Store
	ctx      context.Context
	cancel   context.CancelFunc
	release  func()
	q        *logstorage.Query
	from, to int64 // nanoseconds, both inclusive
	stats    logstorage.QueryStats
}

// begin reads the query and waits for a slot.
func (s *Store) begin(ctx context.Context, q Query) (*running, error) {
	parsed, from, to, err := s.parse(q)
	if err != nil {
		return nil, err
	}
	release, err := s.open()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, s.o.Timeout)
	select {
	case s.slots <- struct{}{}:
	case <-ctx.Done():
		cancel()
		release()
		return nil, errs.Wrap(errs.TooMany, ctx.Err(), "Too many queries are running. Try again in a moment.")
	}
	return &running{s: s, ctx: ctx, cancel: cancel, q: parsed, from: from, to: to, release: func() { <-s.slots; release() }}, nil
}

func (r *running) end() {
	r.cancel()
	r.release()
}

// Check tells whether a query can be read; its error has the position.
func (s *Store) Check(logsQL string) error {
	_, _, _, err := s.parse(Query{LogsQL: logsQL})
	return err
}

func (s *Store) parse(q Query) (parsed *logstorage.Query, from, to int64, err error) {
	defer caught(&err, "The query cannot be read.")
	text := q.LogsQL
	if strings.TrimSpace(text) == "" {
		text = "*"
	}
	from, to = math.MinInt64, math.MaxInt64
	now := s.o.Clock.Now()
	at := now.UnixNano()
	if !q.From.IsZero() {
		from = q.From.UnixNano()
	} else {
		from = now.Add(-s.o.Retention - dayLength).UnixNano()
	}
	if !q.To.IsZero() {
		to = q.To.UnixNano() - 1
		at = to
	} else {
		to = now.Add(s.o.Future + dayLength).UnixNano()
	}
	if parsed, err = logstorage.ParseQueryAtTimestamp(text, at); err != nil {
		return nil, 0, 0, badQuery("query", text, err)
	}
	if from > to {
		return nil, 0, 0, errs.Fields(errs.Field{Path: "start", Message: "must be before the end"})
	}
	parsed.AddTimeFilter(from, to)
	for _, only := range q.Only {
		f, err := logstorage.ParseFilter(only)
		if err != nil {
			return nil, 0, 0, badQuery("filter", only, err)
		}
		parsed.AddExtraFilters(f)
	}
	// The query may narrow the range itself.
	qf, qt := parsed.GetFilterTimeRange()
	return parsed, max(from, qf), min(to, qt), nil
}

// do runs a query and gives its blocks one at a time.
func (r *running) do(q *logstorage.Query, block func(*logstorage.DataBlock)) (err error) {
	defer caught(&err, "The query failed inside the log engine.")
	var mu sync.Mutex
	qctx := logstorage.NewQueryContext(r.ctx, &r.stats, []logstorage.TenantID{{}}, q, false)
	err = r.s.engine.RunQuery(qctx, func(_ uint, db *logstorage.DataBlock) {
		mu.Lock()
		defer mu.Unlock()
		if r.ctx.Err() == nil {
			block(db)
		}
	})
	return r.explain(err)
}

// explain turns an error of a run into one for people. The engine ends without an
// error when its time is over.
func (r *running) explain(err error) error {
	switch cause := r.ctx.Err(); {
	case errors.Is(cause, context.DeadlineExceeded):
		return errs.New(errs.Invalid, "The query took longer than %s. Take a shorter range of time or a narrower filter.", r.s.o.Timeout)
	case cause != nil:
		return cause
	case err == nil:
		return nil
	}
	if strings.Contains(err.Error(), "of memory") {
		return errs.Wrap(errs.Invalid, err, "The query needs more memory than one query may use. Count or sort by fields with fewer values, or take a shorter range of time.")
	}
	return errs.Wrap(errs.Invalid, err, "The query cannot be run: %s.", plain(err))
}

// asIs runs a query whose pipes decide about the order.
func (r *running) asIs(limit int, row func([]Field) error) (Info, error) {
	var info Info
	var stop error
	var bytes int64
	var fields []Field
	err := r.do(r.q, func(db *logstorage.DataBlock) {
		for i := 0; i < db.RowsCount() && stop == nil && !info.More; i++ {
			if info.Rows >= limit {
				info.More = true
				break
			}
			fields = appendFields(fields[:0], db, i, &bytes)
			if bytes > r.s.o.MaxBytesOfQuery {
				stop = r.tooLarge()
			} else if stop = row(fields); stop == nil {
				info.Rows++
			}
		}
		if stop != nil || info.More {
			r.cancel()
		}
	})
	if stop != nil {
		return info, stop
	}
	if info.More {
		return info, nil
	}
	return info, err
}

func (r *running) tooLarge() error {
	return errs.New(errs.Invalid, "The answer is larger than %s. Ask for fewer rows or fewer fields.", mib(r.s.o.MaxBytesOfQuery))
}

// appendFields copies row i of a block.
func appendFields(dst []Field, db *logstorage.DataBlock, i int, bytes *int64) []Field {
	for c := range db.Columns {
		col := &db.Columns[c]
		v := col.Values[i]
		if v == "" {
			continue
		}
		*bytes += int64(len(col.Name) + len(v))
		name := col.Name
		if name == "" {
			name = Message
		}
		dst = append(dst, Field{Name: strings.Clone(name), Value: strings.Clone(v)})
	}
	return dst
}

// scan gives every row that a filter finds, in any order, without the limits of
// queries. The strings are valid until each returns.
func (s *Store) scan(ctx context.Context, filter string, from, to time.Time, each func(at time.Time, fields []Field)) error {
	parsed, f, t, err := s.parse(Query{LogsQL: filter, From: from, To: to})
	if err != nil {
		return err
	}
	r := &running{s: s, ctx: ctx, q: parsed, from: f, to: t}
	var times []int64
	var fields []Field
	return r.do(parsed, func(db *logstorage.DataBlock) {
		var ok bool
		if times, ok = db.GetTimestamps(times[:0]); !ok {
			return
		}
		for i := range times {
			fields = fields[:0]
			for c := range db.Columns {
				if v := db.Columns[c].Values[i]; v != "" {
					fields = append(fields, Field{Name: db.Columns[c].Name, Value: v})
				}
			}
			each(time.Unix(0, times[i]), fields)
		}
	})
}
