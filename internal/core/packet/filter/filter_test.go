package filter

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/core/packet"
	"github.com/mainstay-ops/mainstay/internal/core/packet/capture"
	"github.com/mainstay-ops/mainstay/internal/testkit"
)

// filters are tried on every capture and must choose the same packets as tshark.
var filters = []string{
	"tcp", "udp", "dns", "http", "not tcp", "!udp", "arp or lldp", "ip.addr == 10.0.0.1", "ip.src == 10.0.0.0/8", "ip.addr != 10.0.0.0/8",
	"tcp.port == 80", "tcp.port != 80", "tcp.port in {80, 443}", "udp.port in {50..60}", "tcp.port in {1..1023, 5432}", "not tcp.port == 80",
	"tcp.flags.syn == 1", "tcp.flags.syn == 1 and tcp.flags.ack == 0", "tcp.flags & 0x02", "tcp.flags == 0x0018", "tcp.flags.reset", "tcp.len > 0",
	"frame.len > 200 && frame.len <= 600", "frame.len >= 100 or frame.number < 3", "http.request", "http.request.method == \"GET\"",
	"http.request.method == POST", "http.response.code >= 400", "http.host contains \"example\"", "http.user_agent matches \"mozilla\"", "http.user_agent matches \"^(curl|wget)\"",
	"http.request.uri contains \".\"", "dns.qry.name contains \"google\"", "dns.qry.name matches \"\\\\.com$\"", "dns.flags.response == 1", "dns.qry.type == 1",
	"dns.flags.rcode != 0", "dns.a", "dns.a == 216.58.0.0/16", "dns.count.answers > 1", "eth.src[0:3] == 00:00:5e", "eth.addr == ff:ff:ff:ff:ff:ff", "eth.dst[0] & 1", "ip.ttl < 64",
	"ipv6", "ipv6.addr == 2001:db8::/32", "ip && !(tcp || udp)", "tls.handshake.type == 1", "tls.handshake.extensions_server_name contains \"o\"", "ssh.protocol contains \"OpenSSH\"",
	"vlan.id == 500", "vlan", "snmp", "radius", "mysql.query", "pgsql.query contains \"select\"", "smtp.response.code in {220, 250}", "tcp.stream == 0", "tcp.window_size < 1000",
	"len(http.host) > 10", "lower(http.host) contains \"a\"", "upper(http.request.method) == \"GET\"", "ip.src == ip.dst", "tcp.srcport > tcp.dstport", "ip.dsfield.dscp == 0", "eth.type == 0x86dd",
	"tcp contains \"HTTP\"", "udp contains 01:00", "frame contains \"GET\"", "tcp[13] & 2", "ip[9] == 06", "all tcp.port > 1000", "any tcp.port > 1000", "tcp.port ~= 80", "tcp.port === 80",
	"tcp.analysis.retransmission", "tcp.analysis.duplicate_ack", "ip.flags.df == True", "tcp.payload[0:3] == 47:45:54", "tcp.payload[0:3] == \"GET\"", "dhcp.option.dhcp == 1",
	"http.content_type matches r\"text/.*\"", "frame.time >= \"2010-01-01 00:00:00\"", "tcp.options.mss_val == 1460", "ip.proto == 17", "icmpv6.type == 128", "http.request or http.response",
	"ip.len >= 0x40", "ip.id == 0", "tcp.ack > 1 and tcp.seq > 1",
}

func TestAgainstTshark(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("tshark"); err != nil {
		testkit.Missing(t, "tshark is not installed")
	}
	files, err := filepath.Glob(filepath.Join(testkit.Data(t, "captures"), "*.pcap"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	// All captures in one, so that tshark starts once per filter.
	all := filepath.Join(t.TempDir(), "all.pcapng")
	join(t, all, files)
	var wrong []string
	chosen := 0
	for _, src := range filters {
		f, err := Compile(src)
		require.NoError(t, err, src)
		var have []string
		each(t, all, func(p *packet.Packet) {
			if f.Match(p) {
				have = append(have, strconv.Itoa(p.Number))
			}
		})
		var stderr bytes.Buffer
		cmd := exec.Command("tshark", "-n", "-r", all, "-Y", src, "-T", "fields", "-e", "frame.number")
		cmd.Env = append(os.Environ(), "TZ=UTC")
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		require.NoError(t, err, "%s: %s", src, stderr.String())
		want := strings.Fields(string(out))
		chosen += len(want)
		if diff := different(have, want); len(diff) > 0 {
			wrong = append(wrong, src+": "+strings.Join(diff[:min(len(diff), 8)], " "))
		}
	}
	t.Logf("%d of %d filters choose the same packets (%d in all)", len(filters)-len(wrong), len(filters), chosen)
	for _, w := range wrong {
		t.Log(w)
	}
	require.LessOrEqual(t, len(wrong), len(filters)/10)
}

func different(have, want []string) []string {
	set := map[string]int{}
	for _, h := range have {
		set[h]++
	}
	for _, w := range want {
		set[w]--
	}
	var out []string
	for k, n := range set {
		switch {
		case n > 0:
			out = append(out, "+"+k)
		case n < 0:
			out = append(out, "-"+k)
		}
	}
	return out
}

func join(t *testing.T, to string, files []string) {
	t.Helper()
	f, err := os.Create(to)
	require.NoError(t, err)
	w := capture.NewPcapNG(f)
	for _, name := range files {
		raw(t, name, func(c *capture.Packet) { require.NoError(t, w.Write(c)) })
	}
	require.NoError(t, f.Close())
}

func raw(t testing.TB, name string, f func(*capture.Packet)) {
	t.Helper()
	in, err := os.Open(name)
	require.NoError(t, err)
	defer in.Close()
	r, err := capture.NewReader(in)
	require.NoError(t, err)
	defer r.Close()
	for {
		c, err := r.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		require.NoError(t, err)
		f(c)
	}
}

func each(t testing.TB, name string, f func(*packet.Packet)) {
	t.Helper()
	d := packet.NewDissector(packet.Limits{})
	var p packet.Packet
	raw(t, name, func(c *capture.Packet) {
		d.Dissect(c, &p)
		f(&p)
	})
}

func TestErrorsSayWhere(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		src  string
		pos  int
		says string
	}{
		{"ip.sr == 1.2.3.4", 0, `there is no field "ip.sr"; did you mean ip.src?`},
		{"ip.src == 1.2.3", 10, `"1.2.3" is not an IPv4 address`},
		{"ip.src == 2001:db8::1", 10, "is not an IPv4 address"},
		{"tcp.port == eighty", 12, "is not a number"},
		{"tcp.port ==", 11, "ends where a field or a value should be"},
		{"(tcp.port == 80", 0, "this parenthesis is not closed"},
		{"tcp.port in {80, 443", 12, "this brace is not closed"},
		{"tcp.port in {}", 12, "the set is empty"},
		{"tcp.port == 80 udp", 15, "is too much here"},
		{"http.host matches \"(\"", 18, "regular expression is not right"},
		{"http.host == \"x", 13, "no closing quote"},
		{"ip.ttl contains 5", 7, "contains is for texts and bytes"},
		{"80 == 80", 3, "one side of == must be a field"},
		{"80", 0, "needs a field"},
		{"tcp.port == ip.src", 9, "cannot be compared"},
		{"eth.src[x] == 1", 8, "is not a place in the bytes"},
		{"ip.ttl[0] == 1", 6, "has no bytes"},
		{"ip.src == 10.0.0.0/99", 10, "is not a network"},
		{"size(ip.src) > 3", 0, "there is no function size()"},
		{"ip.ttl == 5 $ 3", 12, "has no meaning here"},
		{strings.Repeat("!", 500) + "tcp", 100, "nested more than"},
	} {
		_, err := Compile(c.src)
		var e *Error
		require.ErrorAs(t, err, &e, c.src)
		require.Contains(t, e.Message, c.says, c.src)
		require.Equal(t, c.pos, e.Pos, "%s: %s", c.src, e.Message)
	}
}

func TestMatchesItself(t *testing.T) {
	t.Parallel()
	frame := []byte{
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1, 8, 0,
		0x45, 0, 0, 32, 0, 1, 0, 0, 64, 17, 0, 0, 192, 0, 2, 1, 198, 51, 100, 9,
		0, 53, 0x80, 1, 0, 12, 0, 0, 'a', 'b', 'c', 'd',
	}
	d := packet.NewDissector(packet.Limits{})
	var p packet.Packet
	d.Dissect(&capture.Packet{Number: 7, Time: time.Unix(1_700_000_000, 0), Data: frame, Length: len(frame), Link: capture.Ethernet}, &p)
	for src, want := range map[string]bool{
		"": true, "udp.port == 53": true, "udp.srcport == 53 && udp.dstport == 32769": true, "udp.port != 53": false, "udp.port ~= 53": true,
		"ip.addr == 192.0.2.0/24": true, "ip.addr != 192.0.2.0/24": false, "ip.dst == 192.0.2.0/24": false, "ip.src in {192.0.2.0..192.0.2.9}": true,
		"eth.dst[0] & 1": true, "eth.src[0] & 1": false, "eth.src[-1] == 01": true, "eth.src[1-2] == 00:00": true, "eth.src[0:2,4:2] == 02:00:00:01": true,
		"count(ip.addr) == 2": true, "ip.ttl == 64 or dns": true, "udp contains \"bc\"": true, "tcp.port == 53": false, "not tcp.port == 53": true,
		"all udp.port < 100": false, "any udp.port < 100": true, "frame.time == \"2023-11-14 22:13:20\"": true, "frame.number == 0x7": true,
		"ip.proto == UDP": true, "ip.proto == tcp": false,
	} {
		f, err := Compile(src)
		require.NoError(t, err, src)
		require.Equal(t, want, f.Match(&p), src)
	}
}

func TestComplete(t *testing.T) {
	t.Parallel()
	got := Complete("ip.src == 1.2.3.4 && tcp.flags.s", 32, 5)
	require.NotEmpty(t, got)
	require.Equal(t, "tcp.flags.syn", got[0].Name)
	require.Equal(t, "boolean", got[0].Kind)
	require.Empty(t, Complete("", 0, 5))
	require.Len(t, Complete("t", 1, 5), 5)
}

func FuzzCompile(f *testing.F) {
	for _, src := range filters {
		f.Add(src)
	}
	f.Fuzz(func(t *testing.T, src string) {
		c, err := Compile(src)
		if err != nil {
			var e *Error
			if !errors.As(err, &e) || e.Pos < 0 || e.End < e.Pos || e.End > len(src) {
				t.Fatalf("%v has no place in %q", err, src)
			}
			return
		}
		d := packet.NewDissector(packet.Limits{})
		var p packet.Packet
		d.Dissect(&capture.Packet{Data: []byte("\xff\xff\xff\xff\xff\xff\x02\x00\x00\x00\x00\x01\x08\x06"), Length: 14, Link: capture.Ethernet}, &p)
		c.Match(&p)
		Complete(src, len(src), 3)
	})
}
