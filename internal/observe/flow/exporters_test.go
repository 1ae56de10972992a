package flow_test

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/core/config"
	"github.com/mainstay-ops/mainstay/internal/testkit"
	"github.com/mainstay-ops/mainstay/internal/testkit/apptest"
)

type exporter struct {
	Address, Item            string
	Versions                 []string
	Records, Skipped         uint64
	Sampling                 uint64
	Interfaces, Applications int
	Sources                  []struct {
		Version                           string
		Domain                            uint32
		Received, Lost, Restarts, Waiting uint64
		NoTemplate                        uint64 `json:"no_template"`
		Recovered                         uint64
		Templates                         int
		Sampling                          []int64
	}
}

func exporters(s *apptest.Server) map[string]exporter {
	var l list[exporter]
	s.Get("/api/v1/flows/exporters", &l)
	out := map[string]exporter{}
	for _, x := range l.Items {
		out[x.Address] = x
	}
	return out
}

// sendFrom sends from an address of this machine.
func sendFrom(t *testing.T, from, to string, datagrams ...[]byte) {
	t.Helper()
	local := net.UDPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(from), 0))
	remote, err := net.ResolveUDPAddr("udp", to)
	require.NoError(t, err)
	c, err := net.DialUDP("udp", local, remote)
	if err != nil {
		testkit.Missing(t, "no second loopback address: "+err.Error())
	}
	defer c.Close()
	for _, b := range datagrams {
		_, err := c.Write(b)
		require.NoError(t, err)
	}
}

// netflow9 writes a datagram of sets; uptime is in seconds.
func netflow9(seq, uptime, domain uint32, sets ...[]byte) []byte {
	be := binary.BigEndian
	b := make([]byte, 20)
	be.PutUint16(b, 9)
	be.PutUint16(b[2:], uint16(len(sets)))
	be.PutUint32(b[4:], uptime*1000)
	be.PutUint32(b[8:], uint32(time.Now().Unix()))
	be.PutUint32(b[12:], seq)
	be.PutUint32(b[16:], domain)
	return append(b, slices.Concat(sets...)...)
}

func set9(id uint16, words ...any) []byte {
	be := binary.BigEndian
	b := make([]byte, 4)
	for _, w := range words {
		switch w := w.(type) {
		case int:
			b = be.AppendUint16(b, uint16(w))
		case uint32:
			b = be.AppendUint32(b, w)
		case string:
			a := netip.MustParseAddr(w).As4()
			b = append(b, a[:]...)
		case []byte:
			b = append(b, w...)
		}
	}
	for len(b)%4 != 0 {
		b = append(b, 0)
	}
	be.PutUint16(b, id)
	be.PutUint16(b[2:], uint16(len(b)))
	return b
}

// Two shapes under one number: source, destination, ports, bytes; and the other way round.
func template(n int) []byte { return set9(0, n, 6, 8, 4, 12, 4, 7, 2, 11, 2, 1, 4, 2, 4) }
func turned(n int) []byte   { return set9(0, n, 6, 2, 4, 1, 4, 11, 2, 7, 2, 12, 4, 8, 4) }

func TestTwoExportersMayUseOneTemplateNumber(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t, listening)
	to := ports(s)["netflow"]
	// What comes before its template waits for it.
	sendFrom(t, "127.0.0.1", to, netflow9(1, 100, 7, set9(256, "10.0.0.1", "10.0.0.2", 40000, 443, uint32(1000), uint32(10))))
	sendFrom(t, "127.0.0.2", to,
		netflow9(1, 100, 7, turned(256)),
		netflow9(2, 100, 7, set9(256, uint32(20), uint32(2000), 443, 40000, "10.0.0.4", "10.0.0.3")))
	testkit.Eventually(t, 20*time.Second, "the second exporter is counted", func() bool { return exporters(s)["127.0.0.2"].Records == 1 })
	x := exporters(s)["127.0.0.1"]
	require.Zero(t, x.Records, "its record waits")
	require.EqualValues(t, 1, x.Sources[0].Waiting)
	sendFrom(t, "127.0.0.1", to, netflow9(2, 100, 7, template(256)))
	testkit.Eventually(t, 20*time.Second, "both are stored", func() bool { return topOf(s, "by=pair&source=records").Total.Flows == 2 })
	bytes := map[string]uint64{}
	for _, r := range topOf(s, "by=pair").Rows {
		bytes[r.Key[0]] = r.Bytes
	}
	require.Equal(t, map[string]uint64{"10.0.0.1>10.0.0.2": 1000, "10.0.0.3>10.0.0.4": 2000}, bytes)

	// It starts again, and loses two datagrams after that.
	sendFrom(t, "127.0.0.1", to, netflow9(1, 1, 7, template(256)), netflow9(4, 2, 7, template(256)))
	testkit.Eventually(t, 20*time.Second, "restart and loss are noticed", func() bool {
		src := exporters(s)["127.0.0.1"].Sources[0]
		return src.Restarts == 1 && src.Lost == 2 && src.Recovered == 1
	})
}

func TestWhatAnExporterSaysOfItself(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t, listening)
	name := make([]byte, 16)
	copy(name, "Gi0/3\x00")
	send(t, ports(s)["ipfix"], netflow9(1, 100, 1,
		set9(0, 256, 7, 8, 4, 12, 4, 7, 2, 11, 2, 1, 4, 2, 4, 10, 4),
		set9(1, 257, 4, 4, 2, 4, 82, 16), // the scope is an interface
		set9(1, 258, 4, 4, 1, 4, 34, 4),  // of the system: one of n packets
		set9(1, 259, 4, 8, 1, 4, 95, 4, 96, 16),
		set9(257, uint32(3), name),
		set9(258, uint32(0), uint32(100)),
		set9(259, uint32(0), uint32(13<<24|5), append([]byte("webex-meeting"), 0, 0, 0)),
	), netflow9(2, 100, 1, set9(256, "10.0.0.1", "10.0.0.2", 40000, 443, uint32(1000), uint32(10), uint32(3))))
	testkit.Eventually(t, 20*time.Second, "the record is stored", func() bool { return topOf(s, "by=in&source=records").Total.Flows == 1 })
	v := topOf(s, "by=in")
	require.EqualValues(t, 100_000, v.Total.Bytes)
	require.Equal(t, "127.0.0.1 · Gi0/3", v.Rows[0].Labels[0].Text)
	x := exporters(s)["127.0.0.1"]
	require.EqualValues(t, 100, x.Sampling)
	require.Equal(t, []int64{100}, x.Sources[0].Sampling)
	require.Equal(t, 1, x.Applications)
}

// TestAnExporterThatLies sends amounts that cannot be.
func TestAnExporterThatLies(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t, listening)
	send(t, ports(s)["netflow"], netflow9(1, 100, 1,
		set9(0, 256, 5, 8, 4, 12, 4, 1, 8, 2, 8, 34, 4),
		set9(256, "10.0.0.1", "10.0.0.2", uint32(1<<31), uint32(5), uint32(0), uint32(10), uint32(1<<31),
			"10.0.0.3", "10.0.0.4", uint32(0), uint32(500), uint32(0), uint32(5), uint32(2)),
	))
	testkit.Eventually(t, 20*time.Second, "what can be is stored", func() bool { return topOf(s, "by=src&source=records").Total.Flows == 1 })
	require.EqualValues(t, 1000, topOf(s, "by=src").Total.Bytes)
	require.EqualValues(t, 1, exporters(s)["127.0.0.1"].Skipped)
}

func TestNobodyElseMaySend(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t, listening)
	st, b := s.Do("PUT", "/api/v1/ingest/settings", map[string]any{
		"limits":  map[string]int{"samples_per_second": 1000, "lines_per_second": 1000, "spans_per_second": 1000, "bytes_per_second": 1000000, "series_per_source": 1000},
		"allowed": map[string][]string{"netflow": {"192.0.2.0/24"}},
	})
	require.Equal(t, 200, st, string(b))
	send(t, ports(s)["netflow"], netflow5(1, 1, flow5{src: "10.0.0.1", dst: "10.0.0.2", packets: 1, bytes: 1}))
	type source struct {
		Protocol string
		Dropped  int
	}
	testkit.Eventually(t, 20*time.Second, "it is counted as not allowed", func() bool {
		var l list[source]
		s.Get("/api/v1/ingest/sources", &l)
		return slices.ContainsFunc(l.Items, func(x source) bool { return x.Protocol == "netflow" && x.Dropped == 1 })
	})
	require.Empty(t, exporters(s))
}

// TestRealDatagrams sends what real exporters sent, whole and damaged.
func TestRealDatagrams(t *testing.T) {
	t.Parallel()
	dir := testkit.Data(t, "flow")
	files, err := filepath.Glob(filepath.Join(dir, "*", "*.dat"))
	require.NoError(t, err)
	more, err := filepath.Glob(filepath.Join(dir, "*", "*", "*.bin"))
	require.NoError(t, err)
	files = append(files, more...)
	require.Greater(t, len(files), 40)
	s := apptest.Start(t, listening)
	p := ports(s)
	rnd := rand.New(rand.NewPCG(1, 2))
	for pass := range 2 {
		for _, f := range files {
			b, err := os.ReadFile(f)
			require.NoError(t, err)
			to := p["netflow"]
			if len(b) > 4 && b[1] == 0 {
				to = p["sflow"]
			}
			if pass == 1 { // hostile
				for range 5 {
					b[rnd.IntN(len(b))] ^= byte(1 << rnd.IntN(8))
				}
				b = b[:1+rnd.IntN(len(b))]
			}
			send(t, to, b)
		}
		// A slow reader would lose what the socket cannot hold: wait for each pass.
		send(t, p["netflow"], netflow5(1, 1, flow5{src: "10.9.9.9", dst: fmt.Sprintf("10.9.9.%d", pass+1), packets: 1, bytes: 77}))
		testkit.Eventually(t, 30*time.Second, "the last one is stored", func() bool {
			return topOf(s, fmt.Sprintf("by=dst&filter=dst:10.9.9.%d&source=records", pass+1)).Total.Bytes == 77
		})
	}
	xs := exporters(s)
	var versions []string
	for _, x := range xs {
		versions = append(versions, x.Versions...)
	}
	for _, v := range []string{"netflow5", "netflow9", "ipfix", "sflow5"} {
		require.Contains(t, versions, v)
	}
	v := topOf(s, "by=app&limit=200")
	require.Greater(t, v.Total.Flows, uint64(200))
	require.Equal(t, v.Total.Flows, topOf(s, "by=app&source=records").Total.Flows, "sums and records agree")
}

// TestSoftflowd lets a real exporter report what a real connection did.
func TestSoftflowd(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("softflowd"); err != nil {
		testkit.Missing(t, "softflowd is not installed")
	}
	if os.Geteuid() != 0 {
		testkit.Missing(t, "softflowd needs the right to capture packets")
	}
	for _, version := range []string{"5", "9", "10"} {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			s := apptest.Start(t, listening, func(c *config.Config) { c.Listen.HTTP = "127.0.0.1:0" })
			// Below the ports of clients, so that it is clear which end is the server.
			var ln net.Listener
			var err error
			for range 50 {
				if ln, err = net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", 10_000+rand.IntN(20_000))); err == nil {
					break
				}
			}
			require.NoError(t, err)
			defer ln.Close()
			port := ln.Addr().(*net.TCPAddr).Port
			ctl := filepath.Join(t.TempDir(), "ctl")
			c := exec.CommandContext(t.Context(), "softflowd", "-d", "-i", "lo", "-n", ports(s)["netflow"], "-v", version, "-c", ctl, "-p", ctl+".pid",
				"-t", "general=1s", "-t", "tcp=1s", "-t", "tcp.fin=1s", "-t", "expint=1s", fmt.Sprintf("tcp port %d", port))
			var log strings.Builder
			c.Stderr, c.Stdout = &log, &log
			require.NoError(t, c.Start())
			ended := make(chan error, 1)
			go func() { ended <- c.Wait() }()
			defer func() {
				_ = c.Process.Kill()
				<-ended
			}()
			const size = 300_000
			talk := func() {
				go func() {
					if a, err := ln.Accept(); err == nil {
						_, _ = a.Write(make([]byte, size))
						_ = a.Close()
					}
				}()
				d, err := net.Dial("tcp", ln.Addr().String())
				require.NoError(t, err)
				defer d.Close()
				buf := make([]byte, 1<<16)
				for n := 0; n < size; {
					got, err := d.Read(buf)
					require.NoError(t, err)
					n += got
				}
			}
			query := fmt.Sprintf("by=service&metric=bytes&source=records&filter=src_port:%d", port)
			testkit.Eventually(t, 40*time.Second, "softflowd reports the connection", func() bool {
				select {
				case err := <-ended:
					ended <- err
					t.Fatalf("softflowd ended: %v\n%s", err, log.String())
				default:
				}
				talk()
				return topOf(s, query).Total.Bytes >= size
			})
			v := topOf(s, query)
			per := float64(v.Total.Bytes) / float64(v.Total.Flows)
			require.InDelta(t, size, per, 0.2*size, "each connection is the bytes that were sent and their headers")
			require.Equal(t, fmt.Sprintf("tcp/%d", port), v.Rows[0].Key[0])
			want := map[string]string{"5": "netflow5", "9": "netflow9", "10": "ipfix"}[version]
			require.Equal(t, []string{want}, exporters(s)["127.0.0.1"].Versions)
		})
	}
}
