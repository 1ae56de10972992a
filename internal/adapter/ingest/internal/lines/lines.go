// Package lines collects log lines of protocols without requests, so that they are
// stored in batches: one at a time would wait for the disk one at a time.
package lines

import (
	"context"
	"sync"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/signal"
)

const (
	// Most is the size of a batch.
	Most = 2000
	// every is how long a line may wait.
	every = 50 * time.Millisecond
	// waitingBytes is how much text one sender may have waiting.
	waitingBytes = 4 << 20
)

// Datagrams collects lines of senders that cannot be told to wait. A line that is not
// yet stored is lost when the program is killed, 50 milliseconds and one write of the
// disk after it came at the most; a line that cannot be stored is lost, and counted.
type Datagrams struct {
	env signal.Env
	mu  sync.Mutex
	by  map[signal.Source]*waiting
}

type waiting struct {
	lines []signal.Line
	bytes int
}

// NewDatagrams makes a collector. Run must run.
func NewDatagrams(env signal.Env) *Datagrams {
	return &Datagrams{env: env, by: map[signal.Source]*waiting{}}
}

// Add takes a line. When the batch of the sender is full, it stores the batch.
func (d *Datagrams) Add(ctx context.Context, from signal.Source, l signal.Line) {
	d.mu.Lock()
	w := d.by[from]
	if w == nil {
		w = &waiting{}
		d.by[from] = w
	}
	w.lines = append(w.lines, l)
	w.bytes += len(l.Message)
	full := len(w.lines) >= Most || w.bytes >= waitingBytes
	if full {
		delete(d.by, from)
	}
	d.mu.Unlock()
	if full {
		d.store(ctx, from, w)
	}
}

// Run stores what waits, until ctx ends; then it stores the rest.
func (d *Datagrams) Run(ctx context.Context) {
	t := time.NewTicker(every)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			d.flush(context.WithoutCancel(ctx))
			return
		case <-t.C:
			d.flush(ctx)
		}
	}
}

func (d *Datagrams) flush(ctx context.Context) {
	d.mu.Lock()
	by := d.by
	d.by = make(map[signal.Source]*waiting, len(by))
	d.mu.Unlock()
	for from, w := range by {
		d.store(ctx, from, w)
	}
}

func (d *Datagrams) store(ctx context.Context, from signal.Source, w *waiting) {
	// The gate counts what is refused, with the reason.
	_, _ = d.env.Lines.TakeLines(ctx, from, w.lines)
}

// Store stores a batch of a sender that waits: when the store or a limit refuses it,
// it tries again until ctx ends. The error is that of ctx, or one that trying again
// does not mend.
func Store(ctx context.Context, env signal.Env, from signal.Source, batch []signal.Line) error {
	for wait := 200 * time.Millisecond; ; wait = min(2*wait, 5*time.Second) {
		_, err := env.Lines.TakeLines(ctx, from, batch)
		if !errs.Is(err, errs.TooMany) && !errs.Is(err, errs.Unavailable) {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(wait):
		}
	}
}
