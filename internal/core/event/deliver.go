package event

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/db"
)

const (
	batchSize = 64
	// A node also looks by itself this often: another node may have written.
	pollEvery = 5 * time.Second
	// Pauses double from firstPause; after maxTries a fact is parked.
	firstPause = 50 * time.Millisecond
	maxTries   = 10
)

// Start begins delivery to every subscriber registered so far. A subscriber seen
// for the first time starts with the facts that come after this moment.
func (l *Log) Start(ctx context.Context) error {
	err := l.db.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		for sub := range l.subs {
			if _, err := tx.NewRaw("INSERT INTO event_cursors (subscriber, seq) SELECT ?, COALESCE((SELECT MAX(seq) FROM events), 0) WHERE NOT EXISTS (SELECT 1 FROM event_cursors WHERE subscriber = ?)", sub, sub).Exec(ctx); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	ctx, l.cancel = context.WithCancel(context.WithoutCancel(ctx))
	for sub := range l.subs {
		l.wg.Add(1)
		go func() {
			defer l.wg.Done()
			l.run(ctx, sub)
		}()
	}
	return nil
}

// Stop ends delivery after the handler that runs now. It is safe to call twice.
func (l *Log) Stop() {
	if l.cancel != nil {
		l.cancel()
	}
	l.wg.Wait()
}

func (l *Log) run(ctx context.Context, sub string) {
	wake := l.wake[sub]
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		for ctx.Err() == nil && l.drain(ctx, sub) {
		}
		select {
		case <-ctx.Done():
			return
		case <-wake:
		case <-tick.C:
		}
	}
}

// drain delivers one batch and tells whether there may be more.
func (l *Log) drain(ctx context.Context, sub string) bool {
	evs, err := l.next(ctx, sub)
	if err != nil {
		if ctx.Err() == nil {
			l.logger.Error("cannot read the outbox", "subscriber", sub, "error", err)
		}
		return false
	}
	if len(evs) == 0 {
		return false
	}
	// The common case: the whole batch in one transaction.
	if err := l.deliver(ctx, sub, evs); err == nil {
		return true
	}
	for _, ev := range evs {
		if !l.one(ctx, sub, ev) {
			return false
		}
	}
	return true
}

// one delivers a single fact with retries; false means the context ended.
func (l *Log) one(ctx context.Context, sub string, ev stored) bool {
	pause := firstPause
	for try := 1; ; try++ {
		err := l.deliver(ctx, sub, []stored{ev})
		if err == nil {
			return true
		}
		if ctx.Err() != nil {
			return false
		}
		l.logger.Warn("a handler failed", "subscriber", sub, "fact", ev.Name, "seq", ev.Seq, "try", try, "error", err)
		if try == maxTries {
			return l.park(ctx, sub, ev, err)
		}
		select {
		case <-ctx.Done():
			return false
		case <-time.After(pause):
			pause *= 2
		}
	}
}

func (l *Log) next(ctx context.Context, sub string) ([]stored, error) {
	var cursor int64
	r := l.db.Reader()
	if err := r.NewRaw("SELECT seq FROM event_cursors WHERE subscriber = ?", sub).Scan(ctx, &cursor); err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, err
	}
	var evs []stored
	err := r.NewRaw("SELECT seq, name, at, data FROM events WHERE seq > ? AND name IN (?) ORDER BY seq LIMIT ?", cursor, bun.In(l.names(sub)), batchSize).Scan(ctx, &evs)
	return evs, err
}

func (l *Log) names(sub string) []string {
	hs := l.subs[sub]
	out := make([]string, 0, len(hs))
	for n := range hs {
		out = append(out, n)
	}
	return out
}

func (l *Log) deliver(ctx context.Context, sub string, evs []stored) error {
	hs := l.subs[sub]
	return l.db.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		// The cursor is moved first and only from where this batch begins: of two
		// nodes that deliver the same batch one finds nothing to move.
		res, err := tx.NewRaw("UPDATE event_cursors SET seq = ? WHERE subscriber = ? AND seq < ?", evs[len(evs)-1].Seq, sub, evs[0].Seq).Exec(ctx)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return err
		}
		for _, ev := range evs {
			if h := hs[ev.Name]; h != nil {
				if err := h(ctx, tx, []byte(ev.Data), Meta{Seq: ev.Seq, At: ev.At.UTC()}); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

func (l *Log) park(ctx context.Context, sub string, ev stored, cause error) bool {
	err := l.db.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		if _, err := tx.NewRaw("INSERT INTO event_parked (subscriber, seq, at, error) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING", sub, ev.Seq, tx.Now(), cause.Error()).Exec(ctx); err != nil {
			return err
		}
		_, err := tx.NewRaw("UPDATE event_cursors SET seq = ? WHERE subscriber = ? AND seq < ?", ev.Seq, sub, ev.Seq).Exec(ctx)
		return err
	})
	if err != nil {
		return false
	}
	l.logger.Error("a fact was parked", "subscriber", sub, "fact", ev.Name, "seq", ev.Seq, "error", cause)
	return true
}

// Stats tells how far behind delivery is and how many facts are parked.
type Stats struct {
	Last   int64            `json:"last"`
	Behind map[string]int64 `json:"behind"`
	Parked int64            `json:"parked"`
}

// Stats reads the state of delivery.
func (l *Log) Stats(ctx context.Context) (Stats, error) {
	s := Stats{Behind: map[string]int64{}}
	r := l.db.Reader()
	if err := r.NewRaw("SELECT COALESCE(MAX(seq), 0) FROM events").Scan(ctx, &s.Last); err != nil {
		return s, err
	}
	if err := r.NewRaw("SELECT COUNT(*) FROM event_parked").Scan(ctx, &s.Parked); err != nil {
		return s, err
	}
	var cs []struct {
		Subscriber string
		Seq        int64
	}
	if err := r.NewRaw("SELECT subscriber, seq FROM event_cursors").Scan(ctx, &cs); err != nil {
		return s, err
	}
	for _, c := range cs {
		s.Behind[c.Subscriber] = s.Last - c.Seq
	}
	return s, nil
}

// Prune deletes facts older than keep that every subscriber has passed and none
// has parked.
func (l *Log) Prune(ctx context.Context, keep time.Duration) error {
	return l.db.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		// A subscriber's cursor rests at the last fact it handles; those that wait
		// for nothing are moved to the end first.
		for sub := range l.subs {
			if _, err := tx.NewRaw("UPDATE event_cursors SET seq = (SELECT COALESCE(MAX(seq), 0) FROM events) WHERE subscriber = ? AND NOT EXISTS (SELECT 1 FROM events e WHERE e.seq > event_cursors.seq AND e.name IN (?))", sub, bun.In(l.names(sub))).Exec(ctx); err != nil {
				return err
			}
		}
		_, err := tx.NewRaw("DELETE FROM events WHERE at < ? AND seq <= (SELECT COALESCE(MIN(seq), 0) FROM event_cursors) AND seq NOT IN (SELECT seq FROM event_parked)", tx.Now().Add(-keep)).Exec(ctx)
		return err
	})
}
