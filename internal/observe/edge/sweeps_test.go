package edge

import (
	"context"
	"encoding/json"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/core/edgewire"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/testkit"
)

// A sweep gets each report once and in order, from its own edge only.
func TestSweep(t *testing.T) {
	t.Parallel()
	s := &Service{ids: map[string]string{"west": "w"}, orders: orders{byID: map[string]*order{}}}
	s.hub = &hub{s: s}
	s.ctx = t.Context()
	require.ErrorContains(t, s.Sweep(t.Context(), "east", edgewire.Sweep{ID: "r"}, nil), "no edge east")

	var got []int64
	done := make(chan error, 1)
	begin := func(ctx context.Context) {
		go func() {
			done <- s.Sweep(ctx, "west", edgewire.Sweep{ID: "r"}, func(r *edgewire.Swept) { got = append(got, r.Seq) })
		}()
		testkit.Eventually(t, 5*time.Second, "it is wanted", func() bool { return s.orders.get("r", "w") != nil })
	}
	tell := func(edgeID string, r edgewire.Swept) error {
		b, err := json.Marshal(r)
		require.NoError(t, err)
		_, err = s.swept(t.Context(), &edgeRow{ID: edgeID}, &nats.Msg{Data: zip(string(b))})
		return err
	}
	begin(t.Context())
	require.NoError(t, tell("w", edgewire.Swept{ID: "r", Seq: 1}))
	require.NoError(t, tell("w", edgewire.Swept{ID: "r", Seq: 1}), "the answer was lost")
	require.True(t, errs.Is(tell("e", edgewire.Swept{ID: "r", Seq: 2}), errs.NotFound), "of another edge")
	require.True(t, errs.Is(tell("w", edgewire.Swept{ID: "q", Seq: 2}), errs.NotFound), "of another run")
	require.NoError(t, tell("w", edgewire.Swept{ID: "r", Seq: 2, End: true}))
	require.NoError(t, <-done)
	require.Equal(t, []int64{1, 2}, got)
	require.True(t, errs.Is(tell("w", edgewire.Swept{ID: "r", Seq: 3}), errs.NotFound), "it has ended")

	begin(t.Context())
	require.NoError(t, tell("w", edgewire.Swept{ID: "r", Seq: 1, Error: "no such thing"}))
	require.ErrorContains(t, <-done, "cannot look for this: no such thing")

	ctx, cancel := context.WithCancel(t.Context())
	begin(ctx)
	cancel()
	require.ErrorIs(t, <-done, context.Canceled)
}

func TestSilentSweep(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &Service{ids: map[string]string{"west": "w"}, orders: orders{byID: map[string]*order{}}}
		s.hub = &hub{s: s}
		s.ctx = t.Context()
		begun := time.Now()
		err := s.Sweep(t.Context(), "west", edgewire.Sweep{ID: "r"}, nil)
		require.True(t, errs.Is(err, errs.Unavailable), err)
		require.ErrorContains(t, err, "says nothing")
		require.Equal(t, sweepSilence, time.Since(begun))
	})
}

func TestReadSwept(t *testing.T) {
	t.Parallel()
	for _, bad := range [][]byte{nil, []byte("x"), zip("x"), zip(`{"hosts":[{}]}`), zip(`{"hosts":[{"host":{"Index":-1,"Address":"127.0.0.1"}}]}`)} {
		_, err := readSwept(bad)
		require.True(t, errs.Is(err, errs.Invalid), "%q: %v", bad, err)
	}
}

func FuzzReadSwept(f *testing.F) {
	f.Add(`{"id":"r","seq":1,"hosts":[{"host":{"Index":3,"Address":"192.0.2.1","Services":[{"port":22}]},"reading":{"credential":"c","device":{"item":{"name":"x"}}}}],"notes":[{"m":"snmp","t":"x"}]}`)
	f.Add(`{}`)
	f.Fuzz(func(t *testing.T, s string) {
		r, err := readSwept(zip(s))
		if err != nil {
			return
		}
		for _, h := range r.Hosts {
			require.True(t, h.Host.Address.IsValid())
		}
	})
}
