package logdb

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/VictoriaMetrics/VictoriaLogs/lib/logstorage"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
)

// tails are those who want to see rows as they are written.
type tails struct {
	hash hasher
	any  atomic.Int32
	mu   sync.Mutex
	all  map[*tail]struct{}
}

func newTails() *tails { return &tails{hash: newHasher(), all: map[*tail]struct{}{}} }

// tail knows the rows that were written since it looked last.
type tail struct {
	mu       sync.Mutex
	pending  map[uint64]int
	from, to time.Time
	skipped  int
}

const (
	maxTails = 32
	// tailPending is how many rows may be written between two looks of a tail; more
	// are not shown, and the tail says how many.
	tailPending = 100_000
	tailEvery   = 400 * time.Millisecond
)

// expect tells all tails which rows are coming.
func (t *tails) expect(rows []Row) {
	if t.any.Load() == 0 {
		return
	}
	hashes := make([]uint64, len(rows))
	for i := range rows {
		hashes[i] = t.hash.row(&rows[i])
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for one := range t.all {
		one.expect(rows, hashes)
	}
}

func (t *tail) expect(rows []Row, hashes []uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i, h := range hashes {
		if len(t.pending) >= tailPending {
			t.skipped += len(hashes) - i
			return
		}
		t.pending[h]++
		if at := rows[i].At; len(t.pending) == 1 {
			t.from, t.to = at, at
		} else if at.Before(t.from) {
			t.from = at
		} else if at.After(t.to) {
			t.to = at
		}
	}
}

func (t *tail) swap() (pending map[uint64]int, from, to time.Time, skipped int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	pending, from, to, skipped = t.pending, t.from, t.to, t.skipped
	t.pending, t.skipped = map[uint64]int{}, 0
	return pending, from, to, skipped
}

func (t *tails) add() (*tail, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.all) >= maxTails {
		return nil, errs.New(errs.TooMany, "%d live tails are open already. Close one of them.", maxTails)
	}
	one := &tail{pending: map[uint64]int{}}
	t.all[one] = struct{}{}
	t.any.Add(1)
	return one, nil
}

func (t *tails) remove(one *tail) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.all, one)
	t.any.Add(-1)
}

// Tail gives rows that a filter finds as they are written, within half a second,
// whatever their time is. rows gets what came since the last call, by time, and how
// many rows were written but not looked at because too many came at once. It ends
// with ctx, or with the error of rows. Pipes have no place in the query. From, To,
// Limit and Oldest of the query mean nothing here.
func (s *Store) Tail(ctx context.Context, q Query, rows func(rows [][]Field, skipped int) error) error {
	parsed, _, _, err := s.parse(Query{LogsQL: q.LogsQL, Only: q.Only})
	if err != nil {
		return err
	}
	whole := parsed.String()
	parsed.DropAllPipes()
	if parsed.String() != whole {
		return errs.Fields(errs.Field{Path: "query", Value: shortened(q.LogsQL), Message: "a live tail takes a filter only; remove what follows the first |"})
	}
	one, err := s.tails.add()
	if err != nil {
		return err
	}
	defer s.tails.remove(one)
	tick := time.NewTicker(tailEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if err := s.tailOnce(ctx, q, one, rows); err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
	}
}

func (s *Store) tailOnce(ctx context.Context, q Query, one *tail, rows func([][]Field, int) error) error {
	pending, from, to, skipped := one.swap()
	if len(pending) == 0 && skipped == 0 {
		return nil
	}
	// Rows are expected before the engine has them; wait for those on their way.
	s.writing.Lock()
	s.writing.Unlock() //nolint:staticcheck // the lock is the wait
	q.From, q.To = from, to.Add(1)
	run, err := s.begin(ctx, q)
	if err != nil {
		return err
	}
	defer run.end()
	s.engine.DebugFlush()
	found := &newest{limit: tailPending, oldest: true, room: s.o.MaxBytesOfQuery}
	var fields []Field
	err = run.do(run.q, func(db *logstorage.DataBlock) {
		var ok bool
		if found.times, ok = db.GetTimestamps(found.times[:0]); !ok {
			return
		}
		for i, at := range found.times {
			var size int64
			fields = appendFields(fields[:0], db, i, &size)
			h := s.tails.hash.found(time.Unix(0, at), fields)
			if pending[h] == 0 {
				continue
			}
			pending[h]--
			if found.bytes += size; found.bytes > found.room {
				skipped++
				continue
			}
			found.rows = append(found.rows, timedRow{at: at, fields: append([]Field(nil), fields...)})
		}
	})
	if err != nil {
		return err
	}
	if len(found.rows) == 0 && skipped == 0 {
		return nil
	}
	out := make([][]Field, 0, len(found.rows))
	for _, r := range found.inOrder() {
		out = append(out, r.fields)
	}
	return rows(out, skipped)
}
