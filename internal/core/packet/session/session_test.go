package session

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/core/packet"
	"github.com/mainstay-ops/mainstay/internal/core/packet/capture"
	"github.com/mainstay-ops/mainstay/internal/testkit"
)

// side is one end of a session in the recorded answers.
type side struct {
	IP      string   `json:"ip"`
	Port    uint16   `json:"port"`
	MAC     []string `json:"mac"`
	Packets uint64   `json:"packets"`
	Bytes   uint64   `json:"bytes"`
}

type answer struct {
	Source      side `json:"source"`
	Destination side `json:"destination"`
	Client      struct {
		Bytes uint64 `json:"bytes"`
	} `json:"client"`
	Server struct {
		Bytes uint64 `json:"bytes"`
	} `json:"server"`
	TotalData uint64   `json:"totDataBytes"`
	First     int64    `json:"firstPacket"`
	Last      int64    `json:"lastPacket"`
	Protocol  []string `json:"protocol"`
	Network   struct {
		VLAN struct {
			ID []uint16 `json:"id"`
		} `json:"vlan"`
	} `json:"network"`
	DNS []struct {
		Host    string `json:"queryHost"`
		Type    string `json:"qt"`
		Status  string `json:"status"`
		Opcode  string `json:"opcode"`
		Answers []struct {
			Type  string `json:"type"`
			Name  string `json:"name"`
			IP    string `json:"ip"`
			CNAME string `json:"cname"`
			MX    string `json:"mx"`
			NS    string `json:"nameserver"`
			TTL   uint32 `json:"ttl"`
		} `json:"answers"`
	} `json:"dns"`
	HTTP struct {
		Method    []string `json:"method"`
		Host      []string `json:"host"`
		URI       []string `json:"uri"`
		Status    []int    `json:"statuscode"`
		UserAgent []string `json:"useragent"`
	} `json:"http"`
}

// read gives the sessions of a capture and all values of some fields.
func read(t testing.TB, file string, fields ...string) (rows []*Session, values map[string][]string, packets, bytes uint64) {
	t.Helper()
	f, err := os.Open(file)
	require.NoError(t, err)
	defer f.Close()
	r, err := capture.NewReader(f)
	require.NoError(t, err)
	defer r.Close()
	d := packet.NewDissector(packet.Limits{})
	table := NewTable(0)
	var p packet.Packet
	values = map[string][]string{}
	for {
		c, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		packets++
		bytes += uint64(c.Length)
		d.Dissect(c, &p)
		table.Add(&p)
		for _, name := range fields {
			values[name] = append(values[name], p.All(name)...)
		}
	}
	table.Flush()
	d.Rest(&p, func(p *packet.Packet) {
		for _, name := range fields {
			values[name] = append(values[name], p.All(name)...)
		}
	})
	return slices.Collect(table.All()), values, packets, bytes
}

// protocolNames are those of the answers where ours are others.
var protocolNames = map[string]string{"postgresql": "pgsql"}

func TestRecordedSessions(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join(testkit.Data(t, "captures"), "*.test"))
	require.NoError(t, err)
	require.Len(t, files, 40)
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".test"), func(t *testing.T) {
			t.Parallel()
			src, err := os.ReadFile(file)
			require.NoError(t, err)
			var want struct {
				Sessions []struct {
					Body answer `json:"body"`
				} `json:"sessions3"`
			}
			require.NoError(t, json.Unmarshal(src, &want))
			rows, values, packets, bytes := read(t, strings.TrimSuffix(file, ".test")+".pcap",
				"dns.qry.name", "dns.qry.type", "dns.a", "dns.aaaa", "dns.cname", "dns.ns", "dns.mx.mail_exchange", "dns.flags.rcode",
				"http.request.method", "http.host", "http.request.uri", "http.response.code", "http.user_agent")
			require.Len(t, rows, len(want.Sessions))
			var sumPackets, sumBytes uint64
			for _, s := range rows {
				sumPackets += s.SrcPackets + s.DstPackets
				sumBytes += s.SrcBytes + s.DstBytes
			}
			require.Equal(t, packets, sumPackets)
			require.Equal(t, bytes, sumBytes)
			for _, w := range want.Sessions {
				checkSession(t, rows, &w.Body)
				checkDetails(t, values, &w.Body)
			}
		})
	}
}

func checkSession(t *testing.T, rows []*Session, w *answer) {
	t.Helper()
	i := slices.IndexFunc(rows, func(s *Session) bool {
		if w.Source.IP == "" {
			return slices.Equal(s.SrcMACs, w.Source.MAC)
		}
		return s.Src == w.Source.IP && s.SrcPort == w.Source.Port && s.Dst == w.Destination.IP && s.DstPort == w.Destination.Port &&
			s.First.UnixMilli() == w.First
	})
	require.GreaterOrEqual(t, i, 0, "no session from %+v to %+v", w.Source, w.Destination)
	s := rows[i]
	require.Equal(t, [4]uint64{w.Source.Packets, w.Source.Bytes, w.Destination.Packets, w.Destination.Bytes}, [4]uint64{s.SrcPackets, s.SrcBytes, s.DstPackets, s.DstBytes})
	if w.Source.IP != "" {
		require.Equal(t, w.TotalData, s.SrcData+s.DstData, "payload, counted once")
		require.Equal(t, [2]uint64{w.Client.Bytes, w.Server.Bytes}, [2]uint64{s.SrcData, s.DstData}, "payload each way")
	}
	require.Equal(t, w.First, s.First.UnixMilli())
	require.Equal(t, w.Last, s.Last.UnixMilli())
	for _, p := range w.Protocol {
		if n := protocolNames[p]; n != "" {
			p = n
		}
		require.Contains(t, s.Protocols, p)
	}
	for _, v := range w.Network.VLAN.ID {
		require.Contains(t, s.VLANs, v)
	}
	require.Subset(t, s.SrcMACs, w.Source.MAC)
	require.Subset(t, s.DstMACs, w.Destination.MAC)
}

var dnsTypes = map[string]string{"A": "1", "NS": "2", "CNAME": "5", "SOA": "6", "PTR": "12", "MX": "15", "TXT": "16", "AAAA": "28", "SRV": "33", "DNSKEY": "48", "HTTPS": "65", "CAA": "257"}

func checkDetails(t *testing.T, have map[string][]string, w *answer) {
	t.Helper()
	in := func(field, value string) {
		t.Helper()
		require.Contains(t, have[field], value, field)
	}
	for _, q := range w.DNS {
		if q.Host != "" && !strings.Contains(q.Host, "<") {
			if !isASCII(q.Host) {
				continue // the answers have it in Unicode
			}
			require.True(t, slices.ContainsFunc(have["dns.qry.name"], func(s string) bool { return strings.EqualFold(s, q.Host) }), q.Host)
		}
		if n := dnsTypes[q.Type]; n != "" {
			in("dns.qry.type", n)
		}
		for _, a := range q.Answers {
			switch {
			case a.IP != "" && a.Type == "A":
				in("dns.a", a.IP)
			case a.IP != "" && a.Type == "AAAA":
				in("dns.aaaa", a.IP)
			case a.CNAME != "":
				in("dns.cname", a.CNAME)
			case a.MX != "":
				in("dns.mx.mail_exchange", a.MX)
			case a.NS != "":
				in("dns.ns", a.NS)
			}
		}
	}
	for _, m := range w.HTTP.Method {
		in("http.request.method", m)
	}
	for _, u := range w.HTTP.UserAgent {
		in("http.user_agent", u)
	}
	if len(w.HTTP.Method) == 0 {
		return // the host is that of TLS
	}
	for _, h := range w.HTTP.Host {
		require.True(t, slices.ContainsFunc(have["http.host"], func(s string) bool { return strings.HasPrefix(s, h) }), h)
	}
	for _, u := range w.HTTP.URI {
		require.True(t, slices.ContainsFunc(have["http.request.uri"], func(s string) bool { return strings.HasSuffix(u, s) }), u)
	}
	for _, c := range w.HTTP.Status {
		b, err := json.Marshal(c)
		require.NoError(t, err)
		in("http.response.code", string(b))
	}
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}
