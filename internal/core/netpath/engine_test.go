package netpath

import (
	"context"
	"errors"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// fakeWire answers as a way of some hops with 10 ms for each would.
type fakeWire struct {
	mu     sync.Mutex
	eng    *Engine
	hops   int
	silent bool
	broken bool
	sent   []time.Time
	ttls   map[int]int
}

func (w *fakeWire) Can(Proto) error { return nil }

func (w *fakeWire) Send(p *Probe) (time.Time, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now()
	if w.broken {
		return now, errors.New("no buffer space")
	}
	w.sent = append(w.sent, now)
	w.ttls[p.TTL]++
	if w.silent {
		return now, nil
	}
	far := min(p.TTL, w.hops)
	a := Answer{Token: p.Token, To: p.Addr, From: netip.AddrFrom4([4]byte{10, 0, 0, byte(far)}), Code: Exceeded}
	if far == w.hops {
		a.From, a.Code = p.Addr, Reached
	}
	delay := time.Duration(far) * 10 * time.Millisecond
	time.AfterFunc(delay, func() { a.At = now.Add(delay); w.eng.Hear(a) })
	return now, nil
}

func TestEnginePacesAndLearns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &fakeWire{hops: 5, ttls: map[int]int{}}
		var got []*Round
		w.eng = New(w, func(_ string, r *Round) { got = append(got, r) })
		ctx, cancel := context.WithTimeout(t.Context(), 21*time.Second)
		defer cancel()
		w.eng.Put("x", Target{Addr: them, Every: time.Second})
		w.eng.Run(ctx)
		time.Sleep(Wait)
		synctest.Wait()
		require.GreaterOrEqual(t, len(got), 18)
		for _, r := range got[1:] {
			require.True(t, r.Arrived)
			require.Len(t, r.Hops, 5)
			require.Equal(t, 50*time.Millisecond, r.End.RTT)
			require.Equal(t, 20*time.Millisecond, r.Hops[1].RTT)
		}
		for i := 1; i < len(got); i++ {
			require.InDelta(t, time.Second.Seconds(), got[i].At.Sub(got[i-1].At).Seconds(), 0.02)
		}
		// Nothing is sent beyond the target but by a look at the whole way.
		require.LessOrEqual(t, w.ttls[6], 3)
		for i := 1; i < len(w.sent); i++ {
			require.GreaterOrEqual(t, w.sent[i].Sub(w.sent[i-1]), time.Duration(0))
		}
	})
}

func TestEngineSilence(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &fakeWire{silent: true, ttls: map[int]int{}}
		var got []*Round
		w.eng = New(w, func(_ string, r *Round) { got = append(got, r) })
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		w.eng.Put("x", Target{Addr: them, Every: time.Second})
		w.eng.Run(ctx)
		require.Greater(t, len(got), 50)
		var s Stats
		for _, r := range got {
			s.TakeEnd(r)
			require.Empty(t, r.Hops)
		}
		require.Equal(t, 1.0, s.Loss())
		require.Zero(t, w.ttls[silentEnd+1], "the search ends after some silent hops")
		require.Less(t, w.eng.busy, 40, "tokens are given back")
	})
}

// A machine that cannot send tells nothing about the network.
func TestEngineCannotSend(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &fakeWire{broken: true, ttls: map[int]int{}}
		var s Stats
		w.eng = New(w, func(_ string, r *Round) { s.TakeEnd(r) })
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		w.eng.Put("x", Target{Addr: them, Every: time.Second})
		w.eng.Run(ctx)
		require.Zero(t, s.Sent)
		require.Positive(t, w.eng.Unsent())
	})
}

func TestEngineIgnoresForgedAnswers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &fakeWire{silent: true, ttls: map[int]int{}}
		var got []*Round
		w.eng = New(w, func(_ string, r *Round) { got = append(got, r) })
		ctx, cancel := context.WithTimeout(t.Context(), 8*time.Second)
		defer cancel()
		w.eng.Put("x", Target{Addr: them, Every: time.Second})
		go func() {
			for ctx.Err() == nil {
				for token := range uint16(200) {
					w.eng.Hear(Answer{Token: token, From: hop, To: me, Code: Reached, At: time.Now()})
				}
				time.Sleep(50 * time.Millisecond)
			}
		}()
		w.eng.Run(ctx)
		time.Sleep(time.Second) // the forger ends too
		require.NotEmpty(t, got)
		for _, r := range got {
			require.False(t, r.Arrived)
		}
	})
}
