package sweep

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/core/icmp"
	"github.com/mainstay-ops/mainstay/internal/testkit"
)

type noDNS struct{}

func (noDNS) LookupAddr(context.Context, string) ([]string, error) {
	return nil, errors.New("no such host")
}

func (noDNS) LookupNetIP(context.Context, string, string) ([]netip.Addr, error) {
	return nil, errors.New("no such host")
}

// zone answers both ways; the second name of an address lies.
type zone struct{}

func (zone) LookupAddr(_ context.Context, a string) ([]string, error) {
	return []string{"Host-" + strings.ReplaceAll(a, ".", "-") + ".example.org.", "a-liar.example.org."}, nil
}

func (zone) LookupNetIP(_ context.Context, _, n string) ([]netip.Addr, error) {
	if rest, ok := strings.CutPrefix(strings.TrimSuffix(n, ".example.org"), "host-"); ok {
		a, err := netip.ParseAddr(strings.ReplaceAll(rest, "-", "."))
		return []netip.Addr{a}, err
	}
	return []netip.Addr{netip.MustParseAddr("192.0.2.99")}, nil
}

func loopback(t *testing.T) Net {
	t.Helper()
	var s icmp.Sockets
	if _, err := s.Of(netip.MustParseAddr("127.0.0.1")); err != nil {
		testkit.Missing(t, err.Error())
	}
	var d net.Dialer
	return Net{Ping: &s, Dial: d.DialContext, Resolver: noDNS{}}
}

type kept struct {
	sync.Mutex
	hosts map[string]*Host
	said  []string
}

func run(t *testing.T, n Net, p Plan) (*kept, Progress) {
	t.Helper()
	k := &kept{hosts: map[string]*Host{}}
	var s *Sweep
	p.Found = func(h *Host) {
		k.Lock()
		defer k.Unlock()
		k.hosts[h.Address.String()] = h
		s.Done(h)
	}
	p.Say = func(m string) { k.Lock(); defer k.Unlock(); k.said = append(k.said, m) }
	s = New(n, p)
	require.NoError(t, s.Run(t.Context()))
	pr := s.Progress()
	require.Equal(t, p.Targets.Count(), pr.Safe, "everything is done at the end")
	return k, pr
}

func targets(t *testing.T, in ...string) *Targets {
	t.Helper()
	ts, err := Parse(in, nil, 0)
	require.NoError(t, err)
	return ts
}

func TestLoopbackAnswers(t *testing.T) {
	t.Parallel()
	n := loopback(t)
	begin := time.Now()
	k, p := run(t, n, Plan{Targets: targets(t, "127.20.0.0/22"), Rate: 2000, Ping: true})
	took := time.Since(begin)
	require.Len(t, k.hosts, 1022)
	require.Equal(t, "icmp", k.hosts["127.20.3.254"].SeenBy)
	require.Positive(t, k.hosts["127.20.0.1"].RTT)
	require.GreaterOrEqual(t, p.Sent, int64(1022))
	// 1,022 packets at 2,000 a second take 0.51 s: not less, since a rate is a promise.
	require.Greater(t, took, 450*time.Millisecond)
	k, _ = run(t, n, Plan{Targets: targets(t, "127.20.0.0/22"), From: 1000, Rate: 2000, Ping: true})
	require.Len(t, k.hosts, 22, "a sweep that goes on asks only the rest")
}

func TestServices(t *testing.T) {
	t.Parallel()
	page := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Server", "test/1")
		_, _ = w.Write([]byte("<html><title>\n Hello &amp; you\x07 </title>"))
	})
	webs := httptest.NewServer(page)
	t.Cleanup(webs.Close)
	tlss := httptest.NewTLSServer(page)
	t.Cleanup(tlss.Close)
	ssh, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = ssh.Close() })
	go func() {
		for {
			c, err := ssh.Accept()
			if err != nil {
				return
			}
			_, _ = c.Write([]byte("SSH-2.0-Test\r\n"))
			_ = c.Close()
		}
	}()
	// The well-known ports lead to the test's own servers.
	to := map[string]string{"22": ssh.Addr().String(), "80": webs.Listener.Addr().String(), "443": tlss.Listener.Addr().String()}
	n := loopback(t)
	real := n.Dial
	n.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		host, port, _ := net.SplitHostPort(address)
		if to[port] == "" || host != "127.30.0.1" {
			return real(ctx, network, net.JoinHostPort("127.0.0.1", "1"))
		}
		return real(ctx, network, to[port])
	}
	n.Resolver = zone{}
	n.ARP = func() map[netip.Addr][]string {
		return map[netip.Addr][]string{netip.MustParseAddr("127.30.0.2"): {"02:00:00:00:00:01"}}
	}
	k, _ := run(t, n, Plan{Targets: targets(t, "127.30.0.1-2", "gone.example.org", "203.0.113.1"), Rate: 5000, Ping: true, Names: true, Ports: []int{22, 80, 443, 5432}, Timeout: 200 * time.Millisecond})
	require.Len(t, k.hosts, 2+1, "two that answer, and the name, which the test's zone sends to an address that refuses")
	h := k.hosts["127.30.0.1"]
	require.Equal(t, "host-127-30-0-1.example.org", h.Name)
	require.Equal(t, []string{"host-127-30-0-1.example.org", "a-liar.example.org"}, sorted(h.Names))
	require.Len(t, h.Services, 3)
	require.Equal(t, Service{Port: 22, Speaks: "ssh", Banner: "SSH-2.0-Test"}, h.Services[0])
	require.Equal(t, Service{Port: 80, Speaks: "http", Title: "Hello & you", Server: "test/1"}, h.Services[1])
	require.Equal(t, "https", h.Services[2].Speaks)
	require.Contains(t, h.Services[2].Cert.Names, "example.com")
	require.Equal(t, "02:00:00:00:00:01", k.hosts["127.30.0.2"].MAC)
	require.Equal(t, "tcp", k.hosts["192.0.2.99"].SeenBy, "a refused connection shows that somebody is there")
}

func sorted(in []string) []string {
	if len(in) == 2 && in[0] < in[1] {
		return []string{in[1], in[0]}
	}
	return in
}

// Without the right to send echo requests, addresses are tried by TCP.
func TestPingRefused(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	port, _ := strconv.Atoi(l.Addr().String()[strings.LastIndexByte(l.Addr().String(), ':')+1:])
	var d net.Dialer
	k, _ := run(t, Net{Ping: refuse{}, Dial: d.DialContext, Resolver: noDNS{}}, Plan{Targets: targets(t, "127.0.0.1"), Rate: 100, Ping: true, Ports: []int{port}})
	require.Len(t, k.said, 1)
	require.Contains(t, k.said[0], "not permitted")
	require.Equal(t, []Service{{Port: port}}, k.hosts["127.0.0.1"].Services)
}

type refuse struct{}

func (refuse) Of(netip.Addr) (*icmp.Socket, error) { return nil, errors.New("ICMP is not permitted") }

func TestStop(t *testing.T) {
	t.Parallel()
	n := loopback(t)
	ctx, cancel := context.WithCancel(t.Context())
	var s *Sweep
	s = New(n, Plan{Targets: targets(t, "127.40.0.0/16"), Rate: 1000, Ping: true, Found: func(h *Host) {
		s.Done(h)
		if s.Progress().Done > 20 {
			cancel()
		}
	}})
	require.ErrorIs(t, s.Run(ctx), context.Canceled)
	p := s.Progress()
	require.Less(t, p.Safe, 2000)
	require.Positive(t, p.Safe)
}

func TestPace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPacer(1000)
		begin := time.Now()
		for range 3000 {
			require.NoError(t, p.wait(t.Context()))
		}
		require.InDelta(t, 3.0, time.Since(begin).Seconds(), 0.03)
		slow := newPacer(2)
		begin = time.Now()
		for range 5 {
			require.NoError(t, slow.wait(t.Context()))
		}
		require.Equal(t, 2*time.Second, time.Since(begin), "no burst at a slow rate")
		time.Sleep(time.Hour)
		begin = time.Now()
		for range 1000 {
			require.NoError(t, p.wait(t.Context()))
		}
		require.InDelta(t, 1.0, time.Since(begin).Seconds(), 0.03, "a rest is not made up for")
	})
}

func TestLedger(t *testing.T) {
	t.Parallel()
	l := newLedger(130, 3)
	for _, i := range []int{4, 3, 3, 2, 6, 129, 130} {
		l.mark(i)
	}
	done, low := l.state()
	require.Equal(t, 7, done, "those before the start, 3, 4, 6 and 129")
	require.Equal(t, 5, low)
}
