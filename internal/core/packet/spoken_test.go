package packet

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/http2/hpack"

	"github.com/mainstay-ops/mainstay/internal/core/packet/capture"
	"github.com/mainstay-ops/mainstay/internal/testkit"
)

// TestNamesAreWiresharks: a filter that works there works here. The names here
// alone are listed, so that a new one is meant.
func TestNamesAreWiresharks(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("tshark"); err != nil {
		testkit.Missing(t, "tshark is not installed")
	}
	out, err := exec.Command("tshark", "-G", "fields").Output()
	require.NoError(t, err)
	theirs := map[string]bool{}
	for line := range strings.Lines(string(out)) {
		if f := strings.Split(strings.TrimSpace(line), "\t"); len(f) > 2 {
			theirs[f[2]] = true
		}
	}
	own := []string{
		"ip.checksum_bad", "ip.options", "ip.reassembled", "resp.array_length", "snmp.value.uint",
		"x509.dns_name", "x509.issuer", "x509.not_after", "x509.not_before", "x509.subject",
	}
	for _, d := range Defs() {
		if !theirs[d.Name] {
			require.Contains(t, own, d.Name)
		}
	}
}

// spoken are the fields compared in frames that are built here, for protocols
// that the recorded captures do not have.
var spoken = strings.Fields(`
arp.opcode arp.src.proto_ipv4 vlan.id mpls.label mpls.exp mpls.bottom mpls.ttl gre.proto gre.key vxlan.vni geneve.vni pppoe.session_id ppp.protocol
ipv6.fraghdr.offset ipv6.tclass igmp.type igmp.maddr icmp.type icmp.mtu icmpv6.nd.ns.target_address icmpv6.nd.na.target_address icmpv6.opt.linkaddr icmpv6.mtu
sctp.srcport sctp.verification_tag sctp.chunk_type sctp.chunk_length sctp.data_tsn_raw esp.spi esp.sequence
ntp.flags.vn ntp.flags.mode ntp.stratum ntp.ppoll ntp.refid syslog.facility syslog.level syslog.msg tftp.opcode tftp.source_file tftp.block stun.type stun.id
sip.Method sip.Status-Code sip.r-uri sip.Call-ID sip.User-Agent sip.CSeq sdp.media sdp.connection_info rtp.p_type rtp.seq rtp.timestamp rtp.ssrc
mqtt.msgtype mqtt.topic mqtt.clientid mqtt.username mqtt.kalive mqtt.ver mqtt.msgid mqtt.len mqtt.conack.val mqtt.msg mqtt.retain
ldap.messageID ldap.protocolOp ldap.name ldap.baseObject ldap.scope ldap.resultCode ldap.errorMessage
ftp.request.command ftp.request.arg ftp.response.code ftp.response.arg imap.request_tag imap.request.command imap.response.status pop.request.command pop.request.parameter pop.response.indicator
http2.type http2.length http2.streamid http2.header.name http2.header.value http2.headers.method http2.headers.path http2.headers.status
quic.version quic.long.packet_type quic.dcid quic.scid quic.packet_number quic.crypto.offset quic.crypto.length tls.handshake.extensions_server_name tls.handshake.type tls.handshake.ciphersuite tls.handshake.extensions.supported_version smb2.cmd smb2.msg_id smb2.sesid smb2.flags.response smb2.filename smb2.nt_status
cflow.version cflow.count cflow.sequence cflow.flowset_id kerberos.realm kerberos.msg_type kerberos.CNameString
tls.alert_message.level tls.alert_message.desc dns.soa.mname dns.soa.rname dns.soa.refresh_interval dns.srv.priority dns.srv.weight dns.srv.target dns.length
resp.string resp.error resp.integer resp.bulk_string.value
`)

func unhex(s string) []byte {
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		panic(err)
	}
	return b
}

// bits of frames that several use.
func soa() string {
	return "\x00\x09\x85\x80\x00\x01\x00\x01\x00\x00\x00\x00\x03foo\x00\x00\x06\x00\x01\xc0\x0c\x00\x06\x00\x01\x00\x00\x00\x05\x00\x20\x02ns\xc0\x0c\x04mail\xc0\x0c" +
		"\x00\x00\x00\x07\x00\x00\x00\x10\x00\x00\x00\x11\x00\x00\x00\x12\x00\x00\x00\x13"
}

// tlvOf is an element of ASN.1 of parts.
func tlvOf(tag byte, parts ...[]byte) []byte {
	body := slices.Concat(parts...)
	return append([]byte{tag, byte(len(body))}, body...)
}

func integer(n byte) []byte { return tlvOf(2, []byte{n}) }

func smbCreate() string {
	name := unhex("6100 6200 2e00 7400")
	b := unhex("fe534d42 4000 0000 00000000 0500 0100 00000000 00000000 0700000000000000 00000000 09000000 1122334455667788 00000000000000000000000000000000")
	body := make([]byte, 56)
	body[0] = 57
	binary.LittleEndian.PutUint16(body[44:], 64+56)
	binary.LittleEndian.PutUint16(body[46:], uint16(len(name)))
	b = append(append(b, body...), name...)
	return string(append(binary.BigEndian.AppendUint32(nil, uint32(len(b))), b...))
}

// quicHello is the first packet of a client, encrypted as RFC 9001 says; that
// tshark reads it too shows that the keys are right.
func quicHello(t testing.TB) string {
	hello := slices.Concat([]byte{3, 3}, make([]byte, 32), unhex("00 0002 1301 01 00 001d 0000 0011 000f 00 000c"), []byte("quic.example"), unhex("002b 0003 02 0304 002f 0000"))
	hello = hello[:len(hello)-4]
	binary.BigEndian.PutUint16(hello[2+32+1+4+2:], uint16(len(hello)-(2+32+1+4+2+2)))
	hello = slices.Concat([]byte{1, 0, 0, byte(len(hello))}, hello)
	half := len(hello) / 2
	plain := slices.Concat([]byte{6, byte(half), byte(len(hello) - half)}, hello[half:], []byte{6, 0, byte(half)}, hello[:half])
	plain = append(plain, make([]byte, 1162-len(plain))...)
	dcid := unhex("0102030405060708")
	head := slices.Concat(unhex("c0 00000001 08"), dcid, unhex("04 aabbccdd 00"))
	head = binary.BigEndian.AppendUint16(head, 0x4000|uint16(1+len(plain)+16))
	head = append(head, 0)
	key, iv, protect, err := quicKeys(dcid, "client in")
	require.NoError(t, err)
	block, err := aes.NewCipher(key)
	require.NoError(t, err)
	aead, err := cipher.NewGCM(block)
	require.NoError(t, err)
	out := aead.Seal(slices.Clone(head), iv, plain, head)
	block, err = aes.NewCipher(protect)
	require.NoError(t, err)
	var mask [16]byte
	pn := len(head) - 1
	block.Encrypt(mask[:], out[pn+4:pn+20])
	out[0] ^= mask[0] & 0x0f
	out[pn] ^= mask[1]
	return string(out)
}

func http2Says() (string, string) {
	frame := func(kind, flags byte, stream uint32, body []byte) []byte {
		b := []byte{0, byte(len(body) >> 8), byte(len(body)), kind, flags}
		return append(binary.BigEndian.AppendUint32(b, stream), body...)
	}
	head := func(pairs ...string) []byte {
		var b strings.Builder
		e := hpack.NewEncoder(&b)
		for i := 0; i < len(pairs); i += 2 {
			_ = e.WriteField(hpack.HeaderField{Name: pairs[i], Value: pairs[i+1]})
		}
		return []byte(b.String())
	}
	ask := slices.Concat([]byte(http2Preface), frame(4, 0, 0, nil), frame(1, 5, 1, head(":method", "GET", ":path", "/x", ":scheme", "http", ":authority", "h2.example")))
	answer := slices.Concat(frame(4, 0, 0, nil), frame(1, 4, 1, head(":status", "200", "server", "me")), frame(0, 1, 1, []byte("hello")))
	return string(ask), string(answer)
}

// speak builds the frames.
func speak(w *wire) {
	u := func(sport, dport uint16, body string) {
		w.eth(ethernetFrame(0x0800, ipv4Packet(clientIP, serverIP, 17, 1, 0, udpDatagram(sport, dport, []byte(body)))))
	}
	ip4 := func(proto byte, body []byte) {
		w.eth(ethernetFrame(0x0800, ipv4Packet(clientIP, serverIP, proto, 1, 0, body)))
	}
	ip6 := func(next byte, body []byte) {
		b := append([]byte{0x6a, 0xb0, 0, 0}, byte(len(body)>>8), byte(len(body)), next, 255)
		b = append(append(b, unhex("20010db8000000000000000000000001 20010db8000000000000000000000002")...), body...)
		w.eth(ethernetFrame(0x86dd, b))
	}
	inner := ipv4Packet("10.1.1.1", "10.2.2.2", 17, 1, 0, udpDatagram(1000, 2000, []byte("hello")))
	w.eth(ethernetFrame(0x0806, unhex("0001 0800 0604 0001 020000000001 c0000201 000000000000 c0000202")))
	w.eth(ethernetFrame(0x8100, append(unhex("6064 0800"), inner...)))
	w.eth(ethernetFrame(0x8847, append(unhex("00010a40 00020b3f"), inner...)))
	ip4(47, append(unhex("2000 0800 00000009"), inner...))
	ip4(50, unhex("11223344 00000005 aabbccddeeff00112233445566778899"))
	ip4(2, unhex("16 00 0000 e0000105"))
	ip4(1, append(unhex("03 04 0000 0000 05dc"), inner[:28]...))
	ip4(132, unhex("0b59 0b5a 01020304 00000000 00 03 0014 00000007 0001 0002 00000000 61626364"))
	u(5555, 4789, "\x08\x00\x00\x00\x00\x00\x2a\x00"+string(ethernetFrame(0x0800, inner)))
	u(5555, 6081, "\x00\x00\x65\x58\x00\x00\x2a\x00"+string(ethernetFrame(0x0800, inner)))
	w.eth(ethernetFrame(0x8864, append(unhex("1100 0042 0024 0021"), inner...)))
	ip6(58, unhex("87 00 0000 00000000 20010db8000000000000000000000009 0101 020000000001"))
	ip6(58, unhex("88 00 0000 60000000 20010db8000000000000000000000009 0201 020000000001"))
	ip6(58, append(unhex("02 00 0000 00000500"), unhex("60000000 0000 3b 40 20010db8000000000000000000000002 20010db8000000000000000000000001")...))
	ip6(44, append(unhex("11 00 0010 00000007"), make([]byte, 24)...))
	u(123, 123, string(unhex("1b 02 06 e9 00000000 00000000 c0000263 0000000000000000 0000000000000000 0000000000000000 e5e0f1b200000000")))
	u(5001, 514, "<165>1 2026-03-01T00:00:00Z host app - - - words")
	u(5002, 69, "\x00\x01boot.img\x00octet\x00")
	u(5003, 69, "\x00\x04\x00\x09")
	u(5004, 3478, string(unhex("0001 0000 2112a442 0102030405060708090a0b0c")))
	sdp := "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"
	sip := "INVITE sip:bob@example.com SIP/2.0\r\nVia: SIP/2.0/UDP a\r\nFrom: <sip:a@example.com>;tag=1\r\nTo: <sip:bob@example.com>\r\nCall-ID: abc@x\r\nCSeq: 1 INVITE\r\nUser-Agent: phone\r\nContent-Type: application/sdp\r\n"
	u(5060, 5060, fmt.Sprintf("%sContent-Length: %d\r\n\r\n%s", sip, len(sdp), sdp))
	w.eth(ethernetFrame(0x0800, ipv4Packet(serverIP, clientIP, 17, 1, 0, udpDatagram(7000, 4000, unhex("80 80 0007 00000064 deadbeef 0102030405060708")))))
	u(5060, 5060, "SIP/2.0 486 Busy Here\r\nCall-ID: abc@x\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n")
	u(4000, 53, soa())
	u(4001, 53, "\x00\x0a\x85\x80\x00\x01\x00\x01\x00\x00\x00\x00\x02_a\x00\x00\x21\x00\x01\xc0\x0c\x00\x21\x00\x01\x00\x00\x00\x05\x00\x0b\x00\x01\x00\x02\x13\x88\x01h\x01x\x00")
	u(5005, 443, quicHello(w.t))
	u(2055, 2055, string(unhex("0009 0001 00000001 65000000 00000007 00000001 0000 0010 0100 0002 0008 0004 000c 0004")))
	kdc := tlvOf(0x6a, tlvOf(0x30, tlvOf(0xa1, integer(5)), tlvOf(0xa2, integer(10)), tlvOf(0xa4, tlvOf(0x30,
		tlvOf(0xa0, unhex("0305004000 0010")), tlvOf(0xa1, tlvOf(0x30, tlvOf(0xa0, integer(1)), tlvOf(0xa1, tlvOf(0x30, tlvOf(0x1b, []byte("bob")))))),
		tlvOf(0xa2, tlvOf(0x1b, []byte("EX.TEST"))), tlvOf(0xa7, integer(7)), tlvOf(0xa8, tlvOf(0x30, integer(18)))))))
	u(5010, 88, string(kdc))
	search := tlvOf(0x30, integer(2), tlvOf(0x63, tlvOf(4, []byte("dc=ex")), tlvOf(10, []byte{2}), tlvOf(10, []byte{0}), integer(0), integer(0), tlvOf(1, []byte{0}),
		tlvOf(0x87, []byte("cn")), tlvOf(0x30)))
	done := tlvOf(0x30, integer(2), tlvOf(0x65, tlvOf(10, []byte{32}), tlvOf(4), tlvOf(4, []byte("no such object"))))
	type line struct {
		dir  int
		text string
	}
	ask2, answer2 := http2Says()
	dialogs := map[uint16][]line{
		21:   {{1, "220 hello\r\n"}, {0, "USER bob\r\n"}, {1, "331 word?\r\n"}, {0, "PASS x\r\n"}, {1, "230 in\r\n"}},
		110:  {{1, "+OK ready\r\n"}, {0, "USER bob\r\n"}, {1, "+OK\r\n"}},
		143:  {{1, "* OK ready\r\n"}, {0, "a1 SELECT INBOX\r\n"}, {1, "a1 OK done\r\n"}},
		1883: {{0, "\x10\x15\x00\x04MQTT\x04\x82\x00\x3c\x00\x04dev1\x00\x03bob"}, {1, "\x20\x02\x00\x00"}, {0, "\x31\x0a\x00\x05a/b/c123"}, {0, "\x82\x0a\x00\x07\x00\x05a/+/c\x00"}, {1, "\x90\x03\x00\x07\x00"}},
		389:  {{0, "0\x1a\x02\x01\x01\x60\x15\x02\x01\x03\x04\x0ccn=admin,o=x\x80\x02pw"}, {1, "0\x0c\x02\x01\x01\x61\x07\x0a\x01\x31\x04\x00\x04\x00"}, {0, string(search)}, {1, string(done)}},
		445:  {{0, smbCreate()}},
		443:  {{0, "\x16\x03\x01\x00\x2d\x01\x00\x00\x29\x03\x03" + strings.Repeat("r", 32) + "\x00\x00\x02\x13\x01\x01\x00"}, {1, "\x15\x03\x03\x00\x02\x02\x28"}},
		53:   {{0, "\x00\x15\x00\x09\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x03foo\x00\x00\x06\x00\x01"}, {1, "\x00" + string(rune(len(soa()))) + soa()}},
		6379: {{0, "*2\r\n$3\r\nGET\r\n$1\r\nk\r\n"}, {1, "$5\r\nvalue\r\n"}, {0, "*1\r\n$4\r\nPING\r\n"}, {1, "+PONG\r\n"}, {0, "*2\r\n$4\r\nINCR\r\n$1\r\nn\r\n"}, {1, ":42\r\n"}, {0, "*1\r\n$3\r\nFOO\r\n"}, {1, "-ERR what\r\n"}},
		80:   {{0, ask2}, {1, answer2}},
	}
	for _, port := range []uint16{21, 110, 143, 1883, 389, 445, 443, 53, 6379, 80} {
		c := w.connect(port)
		for _, l := range dialogs[port] {
			c.say(l.dir, l.text)
		}
	}
}

func TestSpokenAgainstTshark(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("tshark"); err != nil {
		testkit.Missing(t, "tshark is not installed")
	}
	file := filepath.Join(t.TempDir(), "spoken.pcap")
	f, err := os.Create(file)
	require.NoError(t, err)
	w := newWire(t, Limits{})
	w.keep = capture.NewPcap(f, capture.Ethernet)
	speak(w)
	require.NoError(t, f.Close())
	theirs := tshark(t, file, spoken)
	values := map[string]bool{}
	all, agree := 0, 0
	var wrong []string
	dissectFile(t, file, func(p *Packet) {
		for i, name := range spoken {
			have, want := strings.Join(p.All(name), "\x1f"), theirs[p.Number-1][i]
			if have == "" && want == "" {
				continue
			}
			all++
			values[name] = true
			if plain(have) == plain(want) {
				agree++
				continue
			}
			wrong = append(wrong, fmt.Sprintf("packet %d %s: %.200q, tshark has %.200q", p.Number, name, have, want))
		}
	})
	t.Logf("%d of %d values of %d fields are equal", agree, all, len(values))
	for _, line := range wrong {
		t.Log(line)
	}
	for _, name := range spoken {
		if !values[name] {
			t.Logf("%s is in no frame", name)
		}
	}
	require.GreaterOrEqual(t, float64(agree), 0.95*float64(all))
}
