package packet_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/core/config"
	"github.com/mainstay-ops/mainstay/internal/core/packet/sniff"
	"github.com/mainstay-ops/mainstay/internal/testkit"
	"github.com/mainstay-ops/mainstay/internal/testkit/apptest"
)

type view struct {
	ID, Name, State, Note string
	Packets, Size         int64
}

type packets struct {
	Items []struct {
		Number       int
		Protocol     string
		Info         string
		Conversation uint64
	}
	Position, Total, Packets int
}

func each(t *testing.T, f func(t *testing.T, s *apptest.Server)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { t.Parallel(); f(t, apptest.Start(t)) })
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		dsn := testkit.PostgresURL(t)
		f(t, apptest.Start(t, func(c *config.Config) { c.Database.URL = dsn }))
	})
}

func get(s *apptest.Server, id string) (v view) {
	s.Get("/api/v1/captures/"+id, &v)
	return v
}

func ready(t *testing.T, s *apptest.Server, id string) view {
	t.Helper()
	testkit.Eventually(t, 20*time.Second, "the capture is ready", func() bool {
		st := get(s, id).State
		return st == "ready" || st == "failed"
	})
	return get(s, id)
}

// An uploaded file, packed or not, can be listed, filtered, opened, followed and
// taken out again; headers_only leaves out what was said.
func TestUpload(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile(filepath.Join(testkit.Data(t, "captures"), "http-simple-get.pcap"))
	require.NoError(t, err)
	each(t, func(t *testing.T, s *apptest.Server) {
		var packed bytes.Buffer
		z := gzip.NewWriter(&packed)
		_, err := z.Write(raw)
		require.NoError(t, err)
		require.NoError(t, z.Close())
		var v view
		require.Equal(t, http.StatusCreated, upload(t, s, "/api/v1/capture-uploads?name=web.pcap.gz", packed.Bytes(), &v))
		v = ready(t, s, v.ID)
		require.Equal(t, "ready", v.State, v.Note)
		require.Positive(t, v.Packets)

		base := "/api/v1/captures/" + v.ID
		var all, some packets
		s.Get(base+"/packets", &all)
		require.EqualValues(t, v.Packets, all.Total)
		s.Get(base+"/packets?filter="+url.QueryEscape("http.request"), &some)
		require.Positive(t, some.Total)
		require.Less(t, some.Total, all.Total)
		require.Equal(t, "http", some.Items[0].Protocol)

		var one struct {
			Number, Position int
			Tree             []struct{ Name string }
			Sources          []struct{ Data []byte }
		}
		s.Get(fmt.Sprintf("%s/packets/%d", base, some.Items[0].Number), &one)
		require.Equal(t, "frame", one.Tree[0].Name)
		require.Contains(t, string(one.Sources[0].Data), "GET ")

		var stream struct {
			Protocol string
			Pieces   []struct {
				Server bool
				Data   []byte
			}
		}
		s.Get(fmt.Sprintf("%s/streams/%d", base, some.Items[0].Conversation), &stream)
		require.Equal(t, "tcp", stream.Protocol)
		require.False(t, stream.Pieces[0].Server)
		require.Contains(t, string(stream.Pieces[0].Data), "GET ")
		for _, p := range []string{"conversations", "endpoints", "hierarchy", "findings", "finding-packets", "objects", "graph?filter=tcp&filter=http", fmt.Sprintf("streams/%d/timing", some.Items[0].Conversation)} {
			var out map[string]any
			s.Get(base+"/"+p, &out)
			require.NotEmpty(t, out, p)
		}

		var bare view
		require.Equal(t, http.StatusCreated, upload(t, s, "/api/v1/capture-uploads?name=bare&headers_only=true", raw, &bare))
		require.Equal(t, v.Packets, ready(t, s, bare.ID).Packets)
		s.Get("/api/v1/captures/"+bare.ID+"/packets?filter=http", &some)
		require.Zero(t, some.Total)

		require.Equal(t, http.StatusUnprocessableEntity, upload(t, s, "/api/v1/capture-uploads?name=x", []byte("this is no capture"), nil))
		var trail struct{ Items []struct{ Action string } }
		s.Get("/api/v1/audit?limit=100", &trail)
		actions := map[string]bool{}
		for _, a := range trail.Items {
			actions[a.Action] = true
		}
		require.True(t, actions["capture.start"] && actions["capture.open"], "%v", actions)
	})
}

func upload(t *testing.T, s *apptest.Server, path string, body []byte, out any) int {
	t.Helper()
	q, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+path, bytes.NewReader(body))
	require.NoError(t, err)
	q.Header.Set("Authorization", "Bearer "+s.TokenFor("operator"))
	r, err := http.DefaultClient.Do(q)
	require.NoError(t, err)
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	require.NoError(t, err)
	if out != nil {
		require.NoError(t, json.Unmarshal(b, out), string(b))
	}
	return r.StatusCode
}

// A capture on the loopback interface has the datagrams that were sent, and only
// those that its filter lets through.
func TestLive(t *testing.T) {
	t.Parallel()
	if err := sniff.Permitted(); err != nil {
		testkit.Missing(t, err.Error())
	}
	s := apptest.Start(t)
	in, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	defer in.Close()
	port := in.LocalAddr().(*net.UDPAddr).Port
	var v view
	code, b := s.Do(http.MethodPost, "/api/v1/captures", map[string]any{"interface": "lo", "filter": fmt.Sprintf("udp dst port %d", port), "packets": 20, "duration": "30s"})
	require.Equal(t, http.StatusCreated, code, string(b))
	require.NoError(t, json.Unmarshal(b, &v))
	require.Equal(t, "running", v.State)
	out, err := net.Dial("udp", in.LocalAddr().String())
	require.NoError(t, err)
	defer out.Close()
	sent := 0
	testkit.Eventually(t, 20*time.Second, "the packets are seen while it runs", func() bool {
		if sent < 10 {
			_, err = out.Write([]byte("hello"))
			require.NoError(t, err)
			sent++
		}
		var l packets
		s.Get("/api/v1/captures/"+v.ID+"/packets", &l)
		return l.Total > 0
	})
	for ; sent < 10; sent++ {
		_, err = out.Write([]byte("hello"))
		require.NoError(t, err)
	}
	testkit.Eventually(t, 10*time.Second, "all are counted", func() bool { return get(s, v.ID).Packets >= 10 })
	code, b = s.Do(http.MethodPost, "/api/v1/captures/"+v.ID+"/stop", nil)
	require.Equal(t, http.StatusNoContent, code, string(b))
	v = ready(t, s, v.ID)
	require.Equal(t, "ready", v.State, v.Note)
	require.Equal(t, "It was stopped.", v.Note)
	var l packets
	s.Get("/api/v1/captures/"+v.ID+"/packets?filter="+url.QueryEscape("udp contains \"hello\""), &l)
	require.Equal(t, sent, l.Total, "each datagram is there once")
	require.EqualValues(t, sent, v.Packets)
}
