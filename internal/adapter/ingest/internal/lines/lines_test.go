package lines

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/signal"
)

type sink struct {
	batches atomic.Int64
	lines   atomic.Int64
	refuse  atomic.Int64
}

func (s *sink) TakeLines(_ context.Context, _ signal.Source, in []signal.Line) (signal.Receipt, error) {
	if s.refuse.Add(-1) >= 0 {
		return signal.Receipt{}, errs.New(errs.Unavailable, "The disk is full.")
	}
	s.batches.Add(1)
	s.lines.Add(int64(len(in)))
	return signal.Receipt{Taken: len(in)}, nil
}

func TestDatagrams(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &sink{}
		d := NewDatagrams(signal.Env{Sinks: signal.Sinks{Lines: s}})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { d.Run(ctx); close(done) }()
		for i := range Most + 10 {
			d.Add(ctx, signal.Source{Sender: string(rune('a' + i%2))}, signal.Line{Message: "x"})
		}
		require.Zero(t, s.batches.Load(), "neither sender has a full batch yet")
		time.Sleep(2 * every)
		synctest.Wait()
		require.Equal(t, int64(2), s.batches.Load(), "one batch for each sender")
		require.Equal(t, int64(Most+10), s.lines.Load())
		d.Add(ctx, signal.Source{}, signal.Line{Message: "last"})
		cancel()
		<-done
		require.Equal(t, int64(Most+11), s.lines.Load(), "nothing is left behind at the end")
	})
}

func TestStoreTriesAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &sink{}
		s.refuse.Store(5)
		env := signal.Env{Sinks: signal.Sinks{Lines: s}}
		require.NoError(t, Store(t.Context(), env, signal.Source{}, []signal.Line{{Message: "x"}}))
		require.Equal(t, int64(1), s.lines.Load())
		s.refuse.Store(1 << 40)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		require.ErrorIs(t, Store(ctx, env, signal.Source{}, []signal.Line{{Message: "x"}}), context.DeadlineExceeded)
	})
}
