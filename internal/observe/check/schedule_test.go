package check

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The queue gives what a plain list of the latest moments gives.
func TestQueueAgainstAList(t *testing.T) {
	t.Parallel()
	type key struct {
		e    *entry
		kind dueKind
	}
	rnd := rand.New(rand.NewPCG(1, 2))
	es := make([]*entry, 40)
	for i := range es {
		es[i] = &entry{}
	}
	var q queue
	want := map[key]time.Duration{}
	for range 20_000 {
		k := key{es[rnd.IntN(len(es))], dueKind(rnd.IntN(int(dueKinds)))}
		switch rnd.IntN(4) {
		case 0, 1:
			at := time.Duration(rnd.IntN(1000))
			q.set(k.e, k.kind, at)
			want[k] = at
		case 2:
			q.take(k.e, k.kind)
			delete(want, k)
		default:
			if len(q) == 0 {
				continue
			}
			d := q[0]
			for _, at := range want {
				require.GreaterOrEqual(t, at, d.at)
			}
			require.Equal(t, want[key{d.e, d.kind}], d.at)
			q.take(d.e, d.kind)
			delete(want, key{d.e, d.kind})
		}
		require.Len(t, q, len(want))
		for i, d := range q {
			require.EqualValues(t, i+1, d.e.pos[d.kind])
		}
	}
}

// A check whose result comes every second for a day holds one place, not 86,400.
func TestFreshnessTakesOnePlace(t *testing.T) {
	t.Parallel()
	g := &Engine{epoch: time.Now(), kick: make(chan struct{}, 1)}
	e := &entry{}
	for i := range 1000 {
		g.schedule(e, dueMissed, g.epoch.Add(time.Duration(i)*time.Second))
	}
	require.Len(t, g.q, 1)
	require.Equal(t, 999*time.Second, g.q[0].at)
	g.cancel(e)
	g.schedule(e, dueRun, g.epoch)
	require.Empty(t, g.q, "a check that is gone is not queued again")
}
