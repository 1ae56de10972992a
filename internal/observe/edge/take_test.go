package edge

import (
	"bytes"
	"compress/gzip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/core/agentwire"
)

func zip(s string) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write([]byte(s))
	_ = z.Close()
	return b.Bytes()
}

func TestReadBatch(t *testing.T) {
	t.Parallel()
	b, err := readBatch(zip(`{"at":"2026-01-02T03:04:05Z","results":[{"c":"x","s":7,"o":"a\u0000b","t":"2026-01-02T03:04:05Z","n":5,"m":[{"n":"m","v":1}]}]}`))
	require.NoError(t, err)
	rs := placed(b.Results)
	require.Len(t, rs, 1)
	require.Equal(t, "ab", rs[0].Output)
	require.LessOrEqual(t, int(rs[0].Status), 3)
	for _, bad := range [][]byte{nil, []byte("x"), zip("x"), zip(`{"results":[{"c":"x"}]}`), zip(`{"results":[` + strings.Repeat(`{},`, 20_000) + `{}]}`), zip(`{"results":[{"t":"2026-01-02T03:04:05Z","n":-1}]}`)} {
		_, err := readBatch(bad)
		require.Error(t, err)
	}
}

func FuzzReadBatch(f *testing.F) {
	f.Add(`{"at":"2026-01-02T03:04:05Z","results":[{"c":"x","s":1,"o":"o","t":"2026-01-02T03:04:05Z","n":5,"m":[{"n":"m","l":{"a":"b"},"v":1}]}]}`)
	f.Add(`{}`)
	f.Fuzz(func(t *testing.T, s string) {
		b, err := readBatch(zip(s))
		if err != nil {
			return
		}
		for _, r := range placed(b.Results) {
			require.LessOrEqual(t, int(r.Status), 3)
			require.False(t, strings.Contains(r.Output, "\x00"))
		}
	})
}

func TestNames(t *testing.T) {
	t.Parallel()
	n, err := nameFor(agentwire.EnrollRequest{Hostname: "Box 7.example.org"})
	require.NoError(t, err)
	require.Equal(t, "box-7.example.org", n)
	for _, bad := range []agentwire.EnrollRequest{{}, {Hostname: "..."}, {Name: "any"}, {Name: "server"}, {Name: "a\nb"}} {
		_, err := nameFor(bad)
		require.ErrorContains(t, err, "--name", bad.Name)
	}
}

func TestState(t *testing.T) {
	t.Parallel()
	now := time.Now()
	ago := func(d time.Duration) *time.Time { x := now.Add(-d); return &x }
	for _, c := range []struct {
		r      edgeRow
		behind bool
		want   string
	}{
		{edgeRow{}, false, StateWaiting},
		{edgeRow{LastSeenAt: ago(time.Minute)}, false, StateUp},
		{edgeRow{LastSeenAt: ago(time.Minute)}, true, StateCatching},
		{edgeRow{LastSeenAt: ago(2 * time.Minute)}, true, StateLate},
		{edgeRow{LastSeenAt: ago(time.Hour)}, false, StateOffline},
		{edgeRow{LastSeenAt: ago(0), RevokedAt: ago(0)}, false, StateRevoked},
	} {
		require.Equal(t, c.want, c.r.state(now, c.behind))
	}
}
