package statsd

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/adapter/ingest/internal/ingesttest"
	"github.com/mainstay-ops/mainstay/internal/core/signal"
	"github.com/mainstay-ops/mainstay/internal/testkit"
)

var from = signal.Source{Protocol: protocol, Sender: "127.0.0.1"}

func TestAggregate(t *testing.T) {
	t.Parallel()
	r := &ingesttest.Recorder{}
	a := newAggregate(r.Env())
	a.lines(from, []byte("hits:1|c\nhits:2|c|@0.1\nhits:3|c|#env:prod,host:web-1,canary\ntemp:20|g\ntemp:-3|g\ntemp:+1|g\nusers:ann|s\nusers:bob|s\nusers:ann|s\nreq,route=/a:100:200|ms\nreq;route=/a:300|ms\nsize:5|h\n"))
	now := time.Unix(1_700_000_000, 0)
	a.flush(t.Context(), now)
	got := r.Series()
	require.Equal(t, []float64{21}, got["hits_total{}"], "%v", got)
	require.Equal(t, []float64{3}, got["hits_total{canary=true,env=prod,host=web-1}"])
	require.Equal(t, []float64{18}, got["temp{}"])
	require.Equal(t, []float64{2}, got["users{}"])
	require.Equal(t, []float64{3}, got["req_seconds_count{route=/a}"])
	require.InDelta(t, 0.6, got["req_seconds_sum{route=/a}"][0], 1e-9)
	require.Equal(t, []float64{0.2}, got["req_seconds{route=/a,quantile=0.5}"])
	require.Equal(t, []float64{0.3}, got["req_seconds{route=/a,quantile=0.99}"])
	require.Equal(t, []float64{1}, got["size_count{}"])
	require.Equal(t, signal.Meta{Type: "counter"}, r.Meta("hits_total"))
	for _, s := range r.Samples() {
		if signal.Value(s.Labels, "host") != "" {
			require.Equal(t, "web-1", s.Hints.Host)
		}
	}
	// The next interval: totals go on, sets begin anew.
	a.lines(from, []byte("hits:1|c\n"))
	a.flush(t.Context(), now.Add(flushEvery))
	got = r.Series()
	require.Equal(t, []float64{21, 22}, got["hits_total{}"])
	require.Equal(t, []float64{2, 0}, got["users{}"])
	require.Equal(t, []float64{18, 18}, got["temp{}"])
	require.Len(t, got["req_seconds{route=/a,quantile=0.5}"], 1)
	a.flush(t.Context(), time.Now().Add(2*idleAfter))
	require.Empty(t, a.m, "what is silent is forgotten")
}

func TestBadLinesAndEvents(t *testing.T) {
	t.Parallel()
	r := &ingesttest.Recorder{}
	a := newAggregate(r.Env())
	for _, bad := range []string{"x", ":1|c", "x:1", "x:|c", "x:1|q", "x:nan|g", "x:1|c|@0", "x:1|c|@2", "x:a|ms", "_e{5,5}:ab|cd", "_e{9223372036854775807,1}:a|b", "_sc|a|9"} {
		before := len(r.Malformed())
		a.lines(from, []byte(bad))
		require.Len(t, r.Malformed(), before+1, bad)
	}
	a.lines(from, []byte("_e{6,9}:Deploy|version 2|h:web-1|t:warning|#env:prod|d:1700000000\n_sc|redis.up|2|#role:main|m:No answer\n"))
	ls := r.Lines()
	require.Equal(t, "Deploy: version 2", ls[0].Message)
	require.Equal(t, "warning", ls[0].Level)
	require.Equal(t, "web-1", ls[0].Hints.Host)
	require.Equal(t, time.Unix(1700000000, 0), ls[0].At)
	require.Equal(t, "redis.up: No answer", ls[1].Message)
	require.Equal(t, "error", ls[1].Level)
}

func TestPorts(t *testing.T) {
	t.Parallel()
	r := &ingesttest.Recorder{}
	ctx, cancel := context.WithCancel(t.Context())
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	done := make(chan error, 2)
	go func() { done <- stream(ctx, r.Env(), ln) }()
	go func() { done <- packets(ctx, r.Env(), []net.PacketConn{pc}) }()
	send := func(network, at, text string) {
		c, err := net.Dial(network, at)
		require.NoError(t, err)
		_, err = c.Write([]byte(text))
		require.NoError(t, err)
		require.NoError(t, c.Close())
	}
	send("tcp", ln.Addr().String(), "tcp.hits:1|c\nbroken\n")
	send("udp", pc.LocalAddr().String(), "udp.hits:1|c\nbroken")
	testkit.Eventually(t, 5*time.Second, "both were read", func() bool { return len(r.Malformed()) == 2 })
	cancel()
	_ = pc.Close()
	require.NoError(t, <-done)
	require.NoError(t, <-done)
	require.Equal(t, map[string][]float64{"tcp_hits_total{}": {1}, "udp_hits_total{}": {1}}, r.Series(), "what was told is written at the end")
}

func FuzzParse(f *testing.F) {
	f.Add("a.b:1|c|@0.5|#x:y")
	f.Add("_e{6,9}:Deploy|version 2|h:web-1")
	f.Fuzz(func(t *testing.T, s string) {
		if m, err := parse([]byte(s)); err == nil && (m.name == "" || m.rate <= 0) {
			t.Fatalf("%+v", m)
		}
		_, _ = parseEvent(s)
	})
}
