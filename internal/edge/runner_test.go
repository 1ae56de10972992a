package edge

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/core/edgewire"
	"github.com/mainstay-ops/mainstay/internal/observe"
	"github.com/mainstay-ops/mainstay/internal/testkit"
)

// runs counts executions and gives the status of each by the word of the check.
var runs = struct {
	sync.Mutex
	n map[string]int
}{n: map[string]int{}}

type wordProbe struct {
	Word string `json:"word"`
}

func (*wordProbe) Validate() error { return nil }
func (w *wordProbe) Probe(observe.ProbeEnv) (observe.Probe, error) {
	if w.Word == "unbuildable" {
		return nil, errors.New("no")
	}
	return w, nil
}
func (*wordProbe) Target() string { return "" }
func (w *wordProbe) Run(ctx context.Context) observe.Result {
	runs.Lock()
	runs.n[w.Word]++
	n := runs.n[w.Word]
	runs.Unlock()
	switch {
	case w.Word == "panics":
		panic("on purpose")
	case w.Word == "hangs":
		<-ctx.Done()
		return observe.Result{Status: observe.Critical, Output: "too slow"}
	case w.Word == "dips" && n >= 2 && n <= 3:
		return observe.Result{Status: observe.Warning, Output: "dip"}
	}
	return observe.Result{Status: observe.OK, Output: w.Word}
}

func init() {
	observe.RegisterProbe(observe.ProbeType{Name: "word", New: func() observe.ProbeConfig { return &wordProbe{} }})
}

func word(id, w string) edgewire.Check {
	p, _ := json.Marshal(wordProbe{Word: w})
	return edgewire.Check{ID: id, Name: id, Type: "word", EveryMS: 60_000, RetryMS: 10_000, TimeoutMS: 5000, Attempts: 3, Probe: p}
}

func TestRunner(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		var mu sync.Mutex
		got := map[string][]edgewire.Result{}
		r := newRunner(ctx, testkit.Logger(t), func(x edgewire.Result) {
			mu.Lock()
			defer mu.Unlock()
			got[x.Check] = append(got[x.Check], x)
		})
		of := func(id string) []edgewire.Result {
			mu.Lock()
			defer mu.Unlock()
			return got[id]
		}
		strange := edgewire.Check{ID: "strange", Name: "strange", Type: "tomorrow", EveryMS: 60_000}
		r.set(edgewire.Config{Checks: []edgewire.Check{word("a", "plain"), word("b", "dips"), word("c", "panics"), word("d", "hangs"), strange, word("f", "unbuildable")}})
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		require.InDelta(t, 5, len(of("a")), 1)
		require.Equal(t, "plain", of("a")[0].Output)

		b := of("b")
		gap := func(i int) time.Duration { return b[i].Start.Sub(b[i-1].Start) }
		require.Equal(t, uint8(observe.Warning), b[1].Status)
		require.LessOrEqual(t, gap(1), time.Minute)
		require.Equal(t, 10*time.Second, gap(2), "while the server is not sure, at the retry interval")
		require.Equal(t, 10*time.Second, gap(3))
		require.Equal(t, uint8(observe.OK), b[3].Status)
		require.LessOrEqual(t, gap(4), time.Minute)
		require.Greater(t, gap(4), 10*time.Second)

		require.Contains(t, of("c")[0].Output, "failed inside Mainstay")
		require.Equal(t, 5*time.Second, time.Duration(of("d")[0].DurationNS))
		require.Equal(t, uint8(observe.Unknown), of("strange")[0].Status)
		require.Contains(t, of("strange")[0].Output, "no check type tomorrow")
		require.Equal(t, uint8(observe.Unknown), of("f")[0].Status)

		before := len(of("a"))
		r.now("a")
		r.now("nobody")
		synctest.Wait()
		require.Len(t, of("a"), before+1)
		kept := r.jobs["a"]
		other := word("b", "plain")
		r.set(edgewire.Config{Checks: []edgewire.Check{word("a", "plain"), other}})
		require.Same(t, kept, r.jobs["a"], "what did not change goes on")
		require.Equal(t, 2, r.count())
		n := len(of("c"))
		time.Sleep(3 * time.Minute)
		require.Len(t, of("c"), n, "what is gone does not run")
		cancel()
		r.wait()
	})
}
