package faults

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/gosnmp/gosnmp"
	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/testkit"
)

func freeUDP(t *testing.T) string {
	t.Helper()
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	defer c.Close()
	return c.LocalAddr().String()
}

// enrollEdge makes a folder an edge.
func enrollEdge(t *testing.T, p *program, name, dir string) {
	t.Helper()
	var tok struct{ Token string }
	p.must("POST", "/api/v1/agent-tokens", map[string]any{"kind": "edge"}, &tok)
	out, err := exec.Command(binary(t), "edge", "enroll", "--url", p.url, "--token", tok.Token, "--name", name, "--dir", dir).CombinedOutput()
	require.NoError(t, err, "%s", out)
}

func sendUDP(t *testing.T, to string, datagrams ...[]byte) {
	t.Helper()
	c, err := net.Dial("udp", to)
	require.NoError(t, err)
	defer c.Close()
	for _, b := range datagrams {
		_, err := c.Write(b)
		require.NoError(t, err)
	}
}

// portsOpen waits until the edge says that its ports are open.
func portsOpen(t *testing.T, p *program, edge string, n int) {
	t.Helper()
	var e struct {
		Ports []struct{ Name, Problem string }
	}
	eventually(t, "the ports of "+edge+" are open", func() bool {
		e.Ports = nil
		if !get(t, p, "/api/v1/edges/"+edge, &e) || len(e.Ports) != n {
			return false
		}
		for _, x := range e.Ports {
			require.Empty(t, x.Problem, x.Name)
		}
		return true
	})
}

// siteFlows is the traffic of a site.
func siteFlows(t *testing.T, p *program, site, source string) (v flowTotal) {
	t.Helper()
	get(t, p, "/api/v1/flows/top?from=1h&by=src&limit=1000&source="+source+"&filter=edge:"+url.QueryEscape(site), &v)
	return v
}

// Exporters of two sites with the same address report to two edges. What they say stays
// apart, and comes once and whole although the server and an edge are killed meanwhile.
func TestEdgesReceiveFlows(t *testing.T) {
	t.Parallel()
	onBoth(t, edgesReceiveFlows)
}

// onBoth runs a test with each database; env sets it.
func onBoth(t *testing.T, f func(t *testing.T, env string)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { t.Parallel(); f(t, "MAINSTAY_LOG__LEVEL=warn") })
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		f(t, "MAINSTAY_DATABASE__URL="+testkit.PostgresURL(t))
	})
}

func edgesReceiveFlows(t *testing.T, env string) {
	address, data := freeAddress(t), t.TempDir()
	p := start(t, address, data, env)
	dirs, ports, edges := map[string]string{}, map[string]string{}, map[string]*exec.Cmd{}
	for _, name := range []string{"north", "south"} {
		dirs[name], ports[name] = t.TempDir(), freeUDP(t)
		enrollEdge(t, p, name, dirs[name])
		edges[name] = runEdge(t, dirs[name])
		p.must("PUT", "/api/v1/edges/"+name+"/receive", map[string]any{"listen": map[string]string{"netflow": ports[name]}, "allowed": []string{"10.0.0.0/8"}}, nil)
	}
	portsOpen(t, p, "north", 1)
	portsOpen(t, p, "south", 1)

	rate := append(words(0, 0), 0, 0, 0, 50)
	sendUDP(t, ports["north"], report9(1, 0, template9), report9(2, 1, words(257, 4, 4, 1, 4, 34, 4)), report9(3, 257, rate), report9(4, 256, traffic9(40)))
	// The same template number of the same address means the same here, without sampling.
	sendUDP(t, ports["south"], report9(1, 0, template9), report9(2, 256, traffic9(10)))
	testkit.Eventually(t, 60*time.Second, "both have delivered", func() bool {
		return siteFlows(t, p, "north", "records").Total.Flows == 40 && siteFlows(t, p, "south", "records").Total.Flows == 10
	})
	require.EqualValues(t, 40*1000*50, siteFlows(t, p, "north", "records").Total.Bytes, "sampled at one of fifty")
	require.EqualValues(t, 10*1000, siteFlows(t, p, "south", "records").Total.Bytes)
	var ex struct {
		Items []struct {
			Address, Edge, Value string
			Records              uint64
		}
	}
	p.must("GET", "/api/v1/flows/exporters", nil, &ex)
	require.Len(t, ex.Items, 2)
	for i, name := range []string{"north", "south"} {
		require.Equal(t, "127.0.0.1", ex.Items[i].Address)
		require.Equal(t, name, ex.Items[i].Edge)
		require.Equal(t, "127.0.0.1@"+name, ex.Items[i].Value)
	}

	// The server is killed; an edge goes on, is killed itself and comes back: no template
	// is sent again.
	p.kill()
	gone := time.Now()
	size := folderSize(t, dirs["north"])
	sendUDP(t, ports["north"], report9(5, 256, traffic9(7)))
	eventually(t, "the edge keeps them", func() bool { return folderSize(t, dirs["north"]) > size && time.Since(gone) > 12*time.Second })
	require.NoError(t, edges["north"].Process.Kill())
	_ = edges["north"].Wait()
	runEdge(t, dirs["north"])
	// The next minute begins, so that what waits belongs to one that is over.
	testkit.Eventually(t, 90*time.Second, "the minute is over", func() bool { return time.Now().Unix()/60 > gone.Unix()/60 && time.Now().Second() > 5 })
	p = start(t, address, data, env)
	portsOpen(t, p, "north", 1)
	sendUDP(t, ports["north"], report9(6, 256, traffic9(3)))
	for _, source := range []string{"records", "conversations"} {
		testkit.Eventually(t, 60*time.Second, source+" hold all", func() bool { return siteFlows(t, p, "north", source).Total.Flows >= 50 })
		require.EqualValues(t, 50, siteFlows(t, p, "north", source).Total.Flows, source)
		require.EqualValues(t, 50*1000*50, siteFlows(t, p, "north", source).Total.Bytes, source)
		require.EqualValues(t, 10, siteFlows(t, p, "south", source).Total.Flows, source)
	}
	var sites struct {
		Rows []struct {
			Key   []string
			Flows uint64
		}
	}
	p.must("GET", "/api/v1/flows/top?from=1h&by=edge&metric=flows", nil, &sites)
	require.Len(t, sites.Rows, 2)
	require.Equal(t, []string{"north"}, sites.Rows[0].Key)
	require.EqualValues(t, 50, sites.Rows[0].Flows, "in the sums of minutes, also of one that was over")
	// Killed and started again, nothing is counted twice.
	p.kill()
	p = start(t, address, data, env)
	require.EqualValues(t, 60, flowsOf(t, p, "sums").Total.Flows)
	require.EqualValues(t, 60, flowsOf(t, p, "records").Total.Flows)
	p.stop()
}

// An edge answers an inform when it is on its disk, also while the server is away, and
// delivers it with the name of the edge, once.
func TestEdgeReceivesTraps(t *testing.T) {
	t.Parallel()
	onBoth(t, edgeReceivesTraps)
}

func edgeReceivesTraps(t *testing.T, env string) {
	address, data, dir, port := freeAddress(t), t.TempDir(), t.TempDir(), freeUDP(t)
	p := start(t, address, data, env)
	enrollEdge(t, p, "plant", dir)
	p.must("PUT", "/api/v1/trap-credentials/site", map[string]any{"version": "3", "user": "plc", "auth_protocol": "SHA256", "auth_password": "correct-horse", "priv_protocol": "AES", "priv_password": "battery-staple"}, nil)
	p.must("PUT", "/api/v1/trap-credentials/old", map[string]any{"version": "2c", "community": "hush"}, nil)
	e := runEdge(t, dir)
	p.must("PUT", "/api/v1/edges/plant/receive", map[string]any{"listen": map[string]string{"trap": port}}, nil)
	portsOpen(t, p, "plant", 1)

	host, text, err := net.SplitHostPort(port)
	require.NoError(t, err)
	n, err := strconv.ParseUint(text, 10, 16)
	require.NoError(t, err)
	vars := func(oid, what string) []gosnmp.SnmpPDU {
		return []gosnmp.SnmpPDU{
			{Name: ".1.3.6.1.2.1.1.3.0", Type: gosnmp.TimeTicks, Value: uint32(5000)},
			{Name: ".1.3.6.1.6.3.1.1.4.1.0", Type: gosnmp.ObjectIdentifier, Value: oid},
			{Name: ".1.3.6.1.2.1.31.1.1.1.18.1", Type: gosnmp.OctetString, Value: what},
		}
	}
	// With an inform the error says whether it was answered.
	send := func(c *gosnmp.GoSNMP, oid, what string, inform bool) error {
		c.Target, c.Port, c.Timeout, c.Retries = host, uint16(n), 5*time.Second, 3
		require.NoError(t, c.Connect())
		defer c.Conn.Close()
		_, err := c.SendTrap(gosnmp.SnmpTrap{Variables: vars(oid, what), IsInform: inform})
		return err
	}
	old := func(community string) *gosnmp.GoSNMP {
		return &gosnmp.GoSNMP{Version: gosnmp.Version2c, Community: community}
	}
	v3 := &gosnmp.GoSNMP{Version: gosnmp.Version3, SecurityModel: gosnmp.UserSecurityModel, MsgFlags: gosnmp.AuthPriv, SecurityParameters: &gosnmp.UsmSecurityParameters{
		UserName: "plc", AuthenticationProtocol: gosnmp.SHA256, AuthenticationPassphrase: "correct-horse", PrivacyProtocol: gosnmp.AES, PrivacyPassphrase: "battery-staple",
	}}
	const linkDown, linkUp = ".1.3.6.1.6.3.1.1.5.3", ".1.3.6.1.6.3.1.1.5.4"
	require.NoError(t, send(v3, linkDown, "line 1", true), "informs of version 3 are answered")
	require.NoError(t, send(old("hush"), linkUp, "line 1", false))
	require.NoError(t, send(old("wrong"), linkUp, "forged", false))

	type list struct {
		Items []struct {
			Address, Edge, Name, Version, Credential string
			Inform                                   bool
			Count                                    int64
		}
	}
	events := func() (v list) {
		get(t, p, "/api/v1/traps?edge=plant&limit=100", &v)
		return v
	}
	testkit.Eventually(t, 60*time.Second, "both have come", func() bool { return len(events().Items) == 2 })
	v := events().Items
	require.Equal(t, "linkUp", v[0].Name)
	require.Equal(t, "linkDown", v[1].Name)
	require.Equal(t, "site", v[1].Credential)
	require.True(t, v[1].Inform)
	require.Equal(t, "3", v[1].Version)
	for _, x := range v {
		require.Equal(t, "127.0.0.1", x.Address)
		require.Equal(t, "plant", x.Edge)
	}
	var sources struct {
		Items []struct {
			Address, Why   string
			Taken, Refused int64
		}
	}
	testkit.Eventually(t, 60*time.Second, "the refused one is counted", func() bool {
		return get(t, p, "/api/v1/trap-sources", &sources) && len(sources.Items) == 1 && sources.Items[0].Refused == 1
	})
	require.Equal(t, "127.0.0.1@plant", sources.Items[0].Address)
	require.EqualValues(t, 2, sources.Items[0].Taken)
	require.Contains(t, sources.Items[0].Why, "community")

	// The server is away: the inform is answered, so its sender forgets it. The edge is
	// killed before it could deliver.
	p.kill()
	require.NoError(t, send(old("hush"), linkDown, "line 2", true), "it is on the disk of the edge")
	require.NoError(t, e.Process.Kill())
	_ = e.Wait()
	p = start(t, address, data, env)
	runEdge(t, dir)
	testkit.Eventually(t, 60*time.Second, "it has come", func() bool { return len(events().Items) == 3 })
	p.kill()
	p = start(t, address, data, env)
	portsOpen(t, p, "plant", 1)
	require.Len(t, events().Items, 3, "once")
	for _, x := range events().Items {
		require.EqualValues(t, 1, x.Count)
	}
	p.stop()
}

// rawSockets skips where the program may not capture and measure paths.
func rawSockets(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("raw sockets need root")
	}
}

// A path that an edge measures: the rounds arrive, with a hole of nothing while the
// server was killed, since the edge kept them.
func TestEdgeMeasuresPaths(t *testing.T) {
	t.Parallel()
	rawSockets(t)
	address, data, dir := freeAddress(t), t.TempDir(), t.TempDir()
	p := start(t, address, data)
	enrollEdge(t, p, "ridge", dir)
	runEdge(t, dir)
	p.must("PUT", "/api/v1/paths/loop", map[string]any{"name": "loop", "host": "127.0.0.1", "proto": "icmp", "every": "1s", "from": "ridge"}, nil)
	type report struct {
		Address, Problem string
		Rounds           int64
		Distance         int
		End              struct{ Sent, Lost int64 }
	}
	began := time.Now().Add(-time.Minute).UTC().Format(time.RFC3339)
	ask := func() (v report) {
		get(t, p, "/api/v1/paths/loop?from="+url.QueryEscape(began), &v)
		return v
	}
	eventually(t, "rounds have come", func() bool { return ask().Rounds >= 5 })
	v := ask()
	require.Empty(t, v.Problem)
	require.Equal(t, "127.0.0.1", v.Address)
	require.Equal(t, 1, v.Distance)
	p.kill()
	gone, before := time.Now(), v.Rounds
	eventually(t, "time passes", func() bool { return time.Since(gone) > 20*time.Second })
	p = start(t, address, data)
	testkit.Eventually(t, 90*time.Second, "the rounds of the time between have come", func() bool {
		return ask().Rounds >= before+int64(time.Since(gone).Seconds())*3/4
	})
	v = ask()
	require.LessOrEqual(t, v.Rounds, before+int64(time.Since(gone).Seconds())+15, "each once")
	p.stop()
}

// A capture on an edge: begun, limited and stopped from the server, with the packets of
// a time in which the line was cut.
func TestEdgeCaptures(t *testing.T) {
	t.Parallel()
	rawSockets(t)
	address, data, dir := freeAddress(t), t.TempDir(), t.TempDir()
	hub := freeAddress(t)
	line := newRelay(t, hub)
	p := start(t, address, data, "MAINSTAY_EDGES__LISTEN="+hub, "MAINSTAY_EDGES__PUBLIC_URL=tls://"+line.address())
	enrollEdge(t, p, "gate", dir)
	runEdge(t, dir)
	var place struct {
		Problem    string
		Interfaces []struct{ Name string }
	}
	eventually(t, "the edge says what it can capture", func() bool {
		place.Problem = ""
		return get(t, p, "/api/v1/capture-interfaces?from=gate", &place) && place.Problem == "" && len(place.Interfaces) > 0
	})
	sink, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	defer sink.Close()
	to := sink.LocalAddr().String()
	_, port, _ := net.SplitHostPort(to)
	type capture struct {
		ID, State, Source, Edge, Note string
		Packets                       int64
	}
	var c capture
	begin := func(more map[string]any) {
		body := map[string]any{"from": "gate", "interface": "lo", "filter": "udp port " + port, "duration": "10m"}
		for k, v := range more {
			body[k] = v
		}
		p.must("POST", "/api/v1/captures", body, &c)
		require.Equal(t, "edge", c.Source)
		require.Equal(t, "gate", c.Edge)
	}
	now := func() capture {
		var v capture
		get(t, p, "/api/v1/captures/"+c.ID, &v)
		return v
	}
	secret := bytes.Repeat([]byte("secret"), 50)
	begin(map[string]any{"headers_only": true})
	eventually(t, "it takes packets", func() bool {
		sendUDP(t, to, secret)
		return now().Packets >= 3
	})
	p.must("POST", "/api/v1/captures/"+c.ID+"/stop", map[string]any{}, nil)
	eventually(t, "it is stopped", func() bool { return now().State == "ready" })
	require.Equal(t, "It was stopped.", now().Note)
	file := download(t, p, c.ID)
	require.NotContains(t, string(file), "secret", "headers only")
	require.Greater(t, len(file), 200)

	// The limit holds on the edge.
	begin(map[string]any{"packets": 5})
	eventually(t, "it reaches its limit", func() bool {
		sendUDP(t, to, secret)
		return now().State == "ready"
	})
	require.EqualValues(t, 5, now().Packets)
	require.Contains(t, now().Note, "5 packets")
	require.Contains(t, string(download(t, p, c.ID)), "secretsecret")

	// The line is cut while packets come; they wait in the memory of the edge.
	begin(nil)
	eventually(t, "it takes packets", func() bool {
		sendUDP(t, to, secret)
		return now().Packets >= 3
	})
	line.cut(true)
	during := make([][]byte, 0, 20)
	for i := range cap(during) {
		during = append(during, fmt.Appendf(nil, "while cut %02d.", i))
	}
	sendUDP(t, to, during...)
	time.AfterFunc(3*time.Second, func() { line.cut(false) })
	last := []byte("after the cut.")
	eventually(t, "it goes on", func() bool {
		sendUDP(t, to, last)
		return bytes.Contains(download(t, p, c.ID), last)
	})
	p.must("POST", "/api/v1/captures/"+c.ID+"/stop", map[string]any{}, nil)
	eventually(t, "it is stopped", func() bool { return now().State == "ready" })
	got := download(t, p, c.ID)
	for _, b := range during {
		require.Equal(t, 1, bytes.Count(got, b), "%s came once", b)
	}

	// What is not on that machine is refused.
	st := status(t, p, "POST", "/api/v1/captures", map[string]any{"from": "gate", "interface": "nothing0"})
	require.Equal(t, 422, st)
	st = status(t, p, "POST", "/api/v1/captures", map[string]any{"from": "nowhere", "interface": "lo"})
	require.Equal(t, 422, st)
	p.stop()
}

func download(t *testing.T, p *program, id string) []byte {
	t.Helper()
	st, b, err := p.try(t.Context(), "GET", "/api/v1/captures/"+id+"/file", nil)
	require.NoError(t, err)
	require.Equal(t, 200, st, "%s", b)
	return b
}

func status(t *testing.T, p *program, method, path string, body any) int {
	t.Helper()
	st, _, err := p.try(t.Context(), method, path, body)
	require.NoError(t, err)
	return st
}

// relay is a line between an edge and its server that can be cut.
type relay struct {
	l  net.Listener
	to string

	mu    sync.Mutex
	isCut bool
	conns map[net.Conn]bool
}

func newRelay(t *testing.T, to string) *relay {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	r := &relay{l: l, to: to, conns: map[net.Conn]bool{}}
	t.Cleanup(func() {
		_ = l.Close()
		r.cut(true)
	})
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go r.pass(c)
		}
	}()
	return r
}

func (r *relay) address() string { return r.l.Addr().String() }

func (r *relay) pass(in net.Conn) {
	defer in.Close()
	out, err := net.Dial("tcp", r.to)
	if err != nil {
		return
	}
	defer out.Close()
	r.mu.Lock()
	if r.isCut {
		r.mu.Unlock()
		return
	}
	r.conns[in] = true
	r.mu.Unlock()
	go func() {
		_, _ = io.Copy(out, in)
		_ = out.Close()
	}()
	_, _ = io.Copy(in, out)
	r.mu.Lock()
	delete(r.conns, in)
	r.mu.Unlock()
}

// cut ends all connections, and refuses new ones until it is mended.
func (r *relay) cut(yes bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.isCut = yes
	if yes {
		for c := range r.conns {
			_ = c.Close()
		}
	}
}
