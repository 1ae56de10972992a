package zabbix

import (
	"bytes"
	"compress/zlib"
	"context"
	"encoding/binary"
	"net"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/adapter/ingest/internal/ingesttest"
	"github.com/mainstay-ops/mainstay/internal/core/signal"
	"github.com/mainstay-ops/mainstay/internal/testkit"
)

func serve(t *testing.T, r *ingesttest.Recorder) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- stream(ctx, r.Env(), ln) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-done)
	})
	return ln.Addr().String()
}

const data = `{"request":"sender data","data":[
 {"host":"web-1","key":"vfs.fs.size[/,free]","value":"12.5","clock":1700000000,"ns":500000000},
 {"host":"web-1","key":"agent.version","value":"7.0.1"},
 {"host":"web-1","key":"load","value":3},
 {"host":"","key":"x","value":"1"}]}`

func TestValues(t *testing.T) {
	t.Parallel()
	r := &ingesttest.Recorder{}
	got := take(t.Context(), r.Env(), signal.Source{}, []byte(data))
	require.Equal(t, "success", got.Response)
	require.Contains(t, got.Info, "processed: 3; failed: 1; total: 4")
	require.Equal(t, map[string][]float64{"vfs_fs_size{host=web-1,key=/,free}": {12.5}, "load{host=web-1}": {3}}, r.Series())
	require.Equal(t, time.Unix(1700000000, 500000000), r.Samples()[0].At)
	require.Equal(t, "web-1", r.Samples()[0].Hints.Host)
	require.Equal(t, "7.0.1", r.Lines()[0].Message)
	require.Equal(t, "failed", take(t.Context(), r.Env(), signal.Source{}, []byte("{")).Response)
	require.Equal(t, "failed", take(t.Context(), r.Env(), signal.Source{}, []byte(`{"request":"proxy config"}`)).Response)
	require.Len(t, r.Malformed(), 2)
}

func TestCompressedAndBroken(t *testing.T) {
	t.Parallel()
	r := &ingesttest.Recorder{}
	at := serve(t, r)
	talk := func(b []byte) string {
		c, err := net.Dial("tcp", at)
		require.NoError(t, err)
		defer c.Close()
		_, err = c.Write(b)
		require.NoError(t, err)
		require.NoError(t, c.(*net.TCPConn).CloseWrite())
		out, err := readPacket(c)
		if err != nil {
			return ""
		}
		return string(out)
	}
	var z bytes.Buffer
	w := zlib.NewWriter(&z)
	_, _ = w.Write([]byte(data))
	_ = w.Close()
	head := append([]byte("ZBXD\x03"), make([]byte, 8)...)
	binary.LittleEndian.PutUint32(head[5:], uint32(z.Len()))
	binary.LittleEndian.PutUint32(head[9:], uint32(len(data)))
	require.Contains(t, talk(append(head, z.Bytes()...)), "processed: 3")
	for _, bad := range []string{"", "GET / HTTP/1.1\r\n\r\n", "ZBXD\x01\xff\xff\xff\xff\x00\x00\x00\x00", "ZBXD\x01\x10\x00\x00\x00\x00\x00\x00\x00short", "ZBXD\x03\x02\x00\x00\x00\x02\x00\x00\x00xx"} {
		require.Empty(t, talk([]byte(bad)), bad)
	}
	require.Len(t, r.Malformed(), 5)
}

// The real sender.
func TestSender(t *testing.T) {
	t.Parallel()
	bin, err := exec.LookPath("zabbix_sender")
	if err != nil {
		testkit.Missing(t, "zabbix_sender is not installed")
	}
	r := &ingesttest.Recorder{}
	host, port, err := net.SplitHostPort(serve(t, r))
	require.NoError(t, err)
	out, err := exec.CommandContext(t.Context(), bin, "-z", host, "-p", port, "-s", "db-1", "-k", "queue[mail]", "-o", "42").CombinedOutput()
	require.NoError(t, err, string(out))
	require.Contains(t, string(out), "processed: 1")
	require.Equal(t, map[string][]float64{"queue{host=db-1,key=mail}": {42}}, r.Series())
}

func FuzzTake(f *testing.F) {
	f.Add([]byte(data))
	f.Fuzz(func(t *testing.T, b []byte) {
		r := &ingesttest.Recorder{}
		_ = take(t.Context(), r.Env(), signal.Source{}, b)
		_, _ = readPacket(bytes.NewReader(b))
	})
}
