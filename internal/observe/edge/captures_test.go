package edge

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/core/edgewire"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
)

func packed(t testing.TB, v any) []byte {
	t.Helper()
	var buf bytes.Buffer
	z := gzip.NewWriter(&buf)
	require.NoError(t, json.NewEncoder(z).Encode(v))
	require.NoError(t, z.Close())
	return buf.Bytes()
}

func FuzzReadCaptured(f *testing.F) {
	f.Add(packed(f, edgewire.Captured{ID: "a", Seq: 1, Data: []byte("x"), Packets: 1}))
	f.Add([]byte("no gzip"))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := readCaptured(b)
		if err != nil {
			require.True(t, errs.Is(err, errs.Invalid))
			return
		}
		require.LessOrEqual(t, len(p.Why), 500)
		require.GreaterOrEqual(t, p.Packets, int64(0))
	})
}

func TestWhatAnEdgeReceivesIsChecked(t *testing.T) {
	t.Parallel()
	v, err := Receive{Listen: map[string]string{"netflow": "0.0.0.0:2055", "trap": ""}, Allowed: []string{"10.1.2.3/8", "10.0.0.0/8", "192.0.2.7"}}.parse()
	require.NoError(t, err)
	require.Equal(t, map[string]string{"netflow": "0.0.0.0:2055"}, v.Listen)
	require.Equal(t, []string{"10.0.0.0/8", "192.0.2.7/32"}, receiveView(v).Allowed)
	for path, in := range map[string]Receive{
		"listen.syslog":  {Listen: map[string]string{"syslog": ":514"}},
		"listen.netflow": {Listen: map[string]string{"netflow": "2055"}},
		"listen.trap":    {Listen: map[string]string{"trap": "localhost:162"}},
		"allowed":        {Allowed: []string{"everybody"}},
	} {
		_, err := in.parse()
		require.NotEmpty(t, errs.FieldsOf(err), path)
		require.Equal(t, path, errs.FieldsOf(err)[0].Path)
	}
}

func TestABatchOfASiteIsBounded(t *testing.T) {
	t.Parallel()
	now := time.Now().UTC()
	for what, b := range map[string]edgewire.Batch{
		"no exporter": {At: now, Flows: []edgewire.FlowBlock{{}}},
		"no sender":   {At: now, Traps: []edgewire.Trap{{At: now, OID: "1.3"}}},
		"too many":    {At: now, Traps: make([]edgewire.Trap, edgewire.MaxTraps+1)},
	} {
		_, err := readBatch(packed(t, b))
		require.True(t, errs.Is(err, errs.Invalid), what)
	}
	_, err := readBatch(packed(t, edgewire.Batch{At: now}))
	require.NoError(t, err)
}
