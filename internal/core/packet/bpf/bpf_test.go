package bpf

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/bpf"
)

// frame makes an Ethernet frame with IP and ports.
func frame(src, dst string, proto byte, sport, dport uint16, frag uint16) []byte {
	a, b := netip.MustParseAddr(src), netip.MustParseAddr(dst)
	out := []byte{2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2}
	ports := binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16(nil, sport), dport)
	if a.Is4() {
		ip := make([]byte, 12, 24)
		ip[0], ip[9] = 0x46, proto // with options
		binary.BigEndian.PutUint16(ip[6:], frag)
		ip = append(append(ip, a.AsSlice()...), b.AsSlice()...)
		ip = append(ip, 1, 1, 1, 0)
		return append(append(append(out, 8, 0), ip...), ports...)
	}
	ip := make([]byte, 8, 40)
	ip[0], ip[6] = 0x60, proto
	ip = append(append(ip, a.AsSlice()...), b.AsSlice()...)
	return append(append(append(out, 0x86, 0xdd), ip...), ports...)
}

func takes(t *testing.T, src string, link Link, b []byte) bool {
	t.Helper()
	ins, err := compile(src, link, 100)
	require.NoError(t, err, src)
	vm, err := bpf.NewVM(ins)
	require.NoError(t, err, src)
	n, err := vm.Run(b)
	require.NoError(t, err)
	return n > 0
}

func TestFilters(t *testing.T) {
	t.Parallel()
	web := frame("192.0.2.1", "198.51.100.7", 6, 40000, 443, 0)
	dns := frame("192.0.2.1", "192.0.2.53", 17, 5353, 53, 0)
	six := frame("2001:db8::1", "2001:db8:1::2", 6, 40000, 8080, 0)
	part := frame("192.0.2.1", "198.51.100.7", 6, 40000, 443, 100)
	for _, c := range []struct {
		src                 string
		web, dns, six, part bool
	}{
		{"", true, true, true, true},
		{"tcp", true, false, true, true},
		{"udp", false, true, false, false},
		{"ip", true, true, false, true},
		{"ip6", false, false, true, false},
		{"port 443", true, false, false, false},
		{"tcp dst port 443", true, false, false, false},
		{"tcp src port 443", false, false, false, false},
		{"portrange 8000-8090", false, false, true, false},
		{"host 192.0.2.53", false, true, false, false},
		{"src host 192.0.2.1 and not udp", true, false, false, true},
		{"dst net 198.51.100.0/24 or ip6", true, false, true, true},
		{"net 2001:db8::/48", false, false, true, false},
		{"dst host 2001:db8::1", false, false, false, false},
		{"ether host 02:00:00:00:00:02", true, true, true, true},
		{"ether src host 02:00:00:00:00:01", false, false, false, false},
		{"!(tcp || udp port 53)", false, false, false, false},
		{"net 0.0.0.0/0", true, true, false, true},
		{"arp or icmp or icmp6", false, false, false, false},
	} {
		got := []bool{takes(t, c.src, Ethernet, web), takes(t, c.src, Ethernet, dns), takes(t, c.src, Ethernet, six), takes(t, c.src, Ethernet, part)}
		require.Equal(t, []bool{c.web, c.dns, c.six, c.part}, got, c.src)
		if !strings.Contains(c.src, "ether") {
			got = []bool{takes(t, c.src, Raw, web[14:]), takes(t, c.src, Raw, dns[14:]), takes(t, c.src, Raw, six[14:]), takes(t, c.src, Raw, part[14:])}
			require.Equal(t, []bool{c.web, c.dns, c.six, c.part}, got, c.src)
		}
	}
}

func TestMistakes(t *testing.T) {
	t.Parallel()
	for src, pos := range map[string]int{
		"tcp and": 7, "host nowhere": 5, "tcp port http": 9, "(tcp": 0, "tcp tcp": 4, "net 192.0.2.1": 4, "portrange 9-3": 10, "banana": 0, "src tcp": 4, "port 70000": 5,
		strings.Repeat("not ", 200) + "tcp": 400,
	} {
		err := Check(src)
		var e *Error
		require.True(t, errors.As(err, &e), src)
		require.Equal(t, pos, e.Pos, "%s: %s", src, e.Message)
	}
	require.Error(t, Check(strings.Repeat("host 2001:db8::1 or ", 200)+"tcp"), "more than the kernel takes")
}

// FuzzCompile: no text may crash, and what compiles is a program that ends.
func FuzzCompile(f *testing.F) {
	for _, s := range []string{"", "tcp port 80", "not (host 192.0.2.1 or net 2001:db8::/32)", "ether dst host 02:00:00:00:00:01", "udp portrange 1-9 && ip", "((("} {
		f.Add(s)
	}
	b := frame("192.0.2.1", "198.51.100.7", 6, 40000, 443, 0)
	f.Fuzz(func(t *testing.T, src string) {
		ins, err := compile(src, Ethernet, 64)
		if err != nil {
			var e *Error
			require.True(t, errors.As(err, &e))
			require.GreaterOrEqual(t, e.Pos, 0)
			return
		}
		vm, err := bpf.NewVM(ins)
		require.NoError(t, err, src)
		_, err = vm.Run(b)
		require.NoError(t, err)
	})
}
