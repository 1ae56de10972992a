package check

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/observe"
	"github.com/mainstay-ops/mainstay/internal/observe/check/state"
)

// writer stores transitions in batches, in the order in which they happened, in
// the transaction that also tells them. When the database refuses, it keeps them
// and tries again; the state in memory is right meanwhile.
type writer struct {
	g      *Engine
	mu     sync.Mutex
	queue  []*transition
	wake   chan struct{}
	closed bool
	err    error
	// added and done count transitions; tick is closed when done grows.
	added, done uint64
	tick        chan struct{}
}

const (
	maxBatch   = 512
	maxBacklog = 200_000
)

func newWriter(g *Engine) *writer {
	return &writer{g: g, wake: make(chan struct{}, 1), tick: make(chan struct{})}
}

// enqueue is called with e.mu held.
func (g *Engine) enqueue(e *entry, before state.State, fx []state.Effect, now time.Time) {
	t := &transition{e: e, was: before.Reach, known: before.Known, st: e.st, res: e.last, first: e.first, fx: fx, at: now, output: e.last.Output, item: e.item}
	if t.first.IsZero() {
		t.first = now.UTC()
	}
	w := g.writer
	w.mu.Lock()
	full := len(w.queue) >= maxBacklog
	if !full {
		w.queue = append(w.queue, t)
		w.added++
	}
	w.mu.Unlock()
	if full && g.lost.allow(now) {
		g.logger.Error("a change of a check was not recorded: too many wait for the database", "check", e.name, "waiting", maxBacklog)
	}
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// Err is what keeps the writer from writing, nil when it can.
func (w *writer) Err() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.err
}

// wait returns when everything that was enqueued until now is stored.
func (w *writer) wait(ctx context.Context) error {
	w.mu.Lock()
	until := w.added
	w.mu.Unlock()
	for {
		w.mu.Lock()
		done, tick, closed := w.done, w.tick, w.closed
		w.mu.Unlock()
		if done >= until {
			return nil
		}
		if closed {
			return errs.New(errs.Unavailable, "The server is stopping.")
		}
		select {
		case <-tick:
		case <-ctx.Done():
			return errs.Wrap(errs.Unavailable, ctx.Err(), "The states of checks cannot be stored now.")
		}
	}
}

func (w *writer) close() {
	w.mu.Lock()
	w.closed = true
	w.mu.Unlock()
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

func (w *writer) run() {
	defer w.g.written.Done()
	pause := 100 * time.Millisecond
	for {
		w.mu.Lock()
		batch := w.queue[:min(len(w.queue), maxBatch)]
		closed := w.closed
		w.mu.Unlock()
		if len(batch) == 0 {
			if closed {
				return
			}
			<-w.wake
			continue
		}
		err := w.write(batch)
		w.mu.Lock()
		w.err = err
		if err == nil {
			w.queue = w.queue[len(batch):]
			w.done += uint64(len(batch))
			close(w.tick)
			w.tick = make(chan struct{})
			if len(w.queue) == 0 {
				w.queue = nil
			}
		}
		w.mu.Unlock()
		if err != nil {
			w.g.logger.Error("check states cannot be written", "error", err, "waiting", len(batch))
			if closed {
				return
			}
			select {
			case <-time.After(pause):
			case <-w.g.ctx.Done():
			}
			pause = min(2*pause, 10*time.Second)
			continue
		}
		pause = 100 * time.Millisecond
	}
}

func (w *writer) write(batch []*transition) error {
	ctx, cancel := context.WithTimeout(access.AsSystem(context.Background()), 30*time.Second)
	defer cancel()
	return w.g.db.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		for _, t := range batch {
			kept, err := writeTransition(ctx, tx, t)
			if err != nil {
				return err
			}
			if !kept {
				continue
			}
			for _, f := range facts(t) {
				if err := w.g.events.Append(ctx, tx, f); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// facts turns effects into what other wings hear: hard changes, notices given and
// notices withheld.
func facts(t *transition) []observe.CheckStateChanged {
	var out []observe.CheckStateChanged
	for _, f := range t.fx {
		c := observe.CheckStateChanged{
			CheckID: t.e.id, Check: t.e.name, ItemID: t.e.itemID, Item: t.item, ProblemID: f.ProblemID, From: f.From.String(), To: f.To.String(),
			At: stampOr(f.At, t.at), Since: stampOr(f.Since, t.at), Output: t.output,
		}
		switch f.Kind {
		case state.Notify:
			c.Notice = f.Notice.String()
			if f.Unconfirmed {
				c.Output += " (the state of its parents could not be confirmed)"
			}
		case state.Withheld:
			c.Withheld = f.Reasons.Names()
		case state.ProblemClosed:
			// The end of a problem is told whether or not its beginning was: an alert
			// that was recorded only must be closed too.
			c.To, c.From, c.Removed = observe.OK.String(), t.st.HardStat.String(), f.Removed
			if f.Removed {
				c.Output = "The check was switched off."
			}
		default:
			continue
		}
		out = append(out, c)
	}
	return out
}

func cut(s string, n int) string {
	// PostgreSQL has no text with a NUL in it; one from a plugin must not stop the
	// writer.
	s = strings.ReplaceAll(strings.ToValidUTF8(s, "�"), "\x00", "�")
	if len(s) <= n {
		return s
	}
	s = s[:n]
	for !utf8.ValidString(s) {
		s = s[:len(s)-1]
	}
	return s + "…"
}

// throttle lets through at most 100 notes a second, so that many checks do not
// flood browsers. Changes of state are never throttled.
type throttle struct {
	mu    sync.Mutex
	begin time.Time
	n     int
}

func (t *throttle) allow(now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if now.Sub(t.begin) >= time.Second {
		t.begin, t.n = now, 0
	}
	t.n++
	return t.n <= 100
}

// samples collects measurements and hands them to the metric store once a second.
type samples struct {
	g        *Engine
	mu       sync.Mutex
	buf      []observe.Sample
	flushing sync.Mutex
}

const (
	maxSamples = 100_000
	maxSeries  = 200
)

// series is the handle of one measurement of a check. Most checks have three, so a
// slice takes less than a map and is as quick.
type series struct {
	key string
	id  observe.SeriesID
}

// add takes the figures of a result; place is where it ran, empty for the server.
func (s *samples) add(e *entry, r observe.Result, place string) {
	if s.g.appender == nil {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.buf) > maxSamples {
		return
	}
	s.one(e, place, r.Start, "probe_duration_seconds", nil, r.Duration.Seconds())
	s.one(e, place, r.Start, "check_status", nil, float64(r.Status))
	for _, m := range r.Measures {
		s.one(e, place, r.Start, m.Name, m.Labels, m.Value)
	}
}

func (s *samples) one(e *entry, place string, at time.Time, name string, labels map[string]string, v float64) {
	key := name
	if place != "" {
		key = place + " " + name
	}
	if len(labels) > 0 {
		b, err := json.Marshal(labels)
		if err != nil {
			return
		}
		key += string(b)
	}
	known := slices.IndexFunc(e.series, func(x series) bool { return x.key == key })
	var sid observe.SeriesID
	if known >= 0 {
		sid = e.series[known].id
	} else {
		if len(e.series) >= maxSeries {
			return
		}
		l := map[string]string{}
		for k, v := range labels {
			l[k] = v
		}
		l["__name__"], l["check"], l["type"] = name, e.name, e.spec.Type
		if place != "" {
			l["from"] = place
		}
		if e.item != "" {
			l["item"] = e.item
		}
		var err error
		if sid, err = s.g.appender.Series("check/"+e.id, l); err != nil {
			return
		}
		e.series = append(e.series, series{key: key, id: sid})
	}
	s.buf = append(s.buf, observe.Sample{Series: sid, At: at, Value: v})
}

func (s *samples) run() {
	defer s.g.wg.Done()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-s.g.ctx.Done():
			s.often(context.Background())
			return
		case <-tick.C:
			s.often(context.Background())
		}
	}
}

// often flushes, and tells the log when it cannot.
func (s *samples) often(ctx context.Context) {
	if err := s.flush(ctx); err != nil {
		s.g.logger.Warn("measurements were lost", "error", err)
	}
}

// flush hands what was collected to the metric store. What it refuses is lost, and
// is the error.
func (s *samples) flush(ctx context.Context) error {
	// One at a time: whoever waits for its own figures also waits for those of a
	// flush that began before.
	s.flushing.Lock()
	defer s.flushing.Unlock()
	s.mu.Lock()
	buf := s.buf
	s.buf = nil
	s.mu.Unlock()
	if len(buf) == 0 || s.g.appender == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	return s.g.appender.Append(ctx, buf)
}
