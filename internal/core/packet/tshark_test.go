package packet

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/core/packet/capture"
	"github.com/mainstay-ops/mainstay/internal/testkit"
)

// dissectFile takes all packets of a capture apart and calls each with them.
func dissectFile(t testing.TB, name string, each func(*Packet)) {
	t.Helper()
	f, err := os.Open(name)
	require.NoError(t, err)
	defer f.Close()
	r, err := capture.NewReader(f)
	require.NoError(t, err)
	defer r.Close()
	d := NewDissector(Limits{})
	var p Packet
	for {
		c, err := r.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		require.NoError(t, err)
		d.Dissect(c, &p)
		each(&p)
	}
}

// compared are the fields that tshark and this package both have under one name.
var compared = strings.Fields(`
frame.number frame.len frame.cap_len
eth.src eth.dst eth.type vlan.id vlan.priority vlan.etype null.family
arp.opcode arp.src.hw_mac arp.src.proto_ipv4 arp.dst.proto_ipv4
lldp.tlv.type lldp.tlv.len lldp.chassis.id.mac lldp.port.id lldp.time_to_live lldp.tlv.system.name lldp.port.desc lldp.mgn.addr.ip4
ip.hdr_len ip.dsfield ip.dsfield.dscp ip.dsfield.ecn ip.len ip.id ip.flags.df ip.flags.mf ip.frag_offset ip.ttl ip.proto ip.checksum ip.src ip.dst
ipv6.version ipv6.flow ipv6.plen ipv6.nxt ipv6.hlim ipv6.src ipv6.dst
icmp.type icmp.code icmp.checksum icmp.ident icmp.seq icmpv6.type icmpv6.code icmpv6.checksum icmpv6.echo.sequence_number
udp.srcport udp.dstport udp.length udp.checksum udp.stream
tcp.srcport tcp.dstport tcp.stream tcp.len tcp.seq tcp.seq_raw tcp.nxtseq tcp.ack tcp.ack_raw tcp.hdr_len tcp.flags tcp.flags.fin tcp.flags.syn tcp.flags.reset
tcp.flags.push tcp.flags.ack tcp.window_size_value tcp.window_size tcp.checksum tcp.urgent_pointer tcp.options.mss_val tcp.options.wscale.shift
tcp.options.timestamp.tsval tcp.options.timestamp.tsecr tcp.options.sack_le tcp.options.sack_re tcp.payload
tcp.analysis.duplicate_ack_num tcp.analysis.acks_frame
tcp.analysis.retransmission tcp.analysis.fast_retransmission tcp.analysis.spurious_retransmission tcp.analysis.out_of_order tcp.analysis.lost_segment
tcp.analysis.duplicate_ack tcp.analysis.zero_window tcp.analysis.window_update tcp.analysis.keep_alive tcp.analysis.ack_lost_segment tcp.analysis.window_full
dns.id dns.flags dns.flags.response dns.flags.opcode dns.flags.authoritative dns.flags.truncated dns.flags.recdesired dns.flags.recavail dns.flags.rcode
dns.count.queries dns.count.answers dns.count.auth_rr dns.count.add_rr dns.qry.name dns.qry.type dns.qry.class dns.resp.name dns.resp.type
dns.resp.ttl dns.resp.len dns.a dns.aaaa dns.cname dns.ns dns.ptr.domain_name dns.mx.preference dns.mx.mail_exchange dns.txt dns.soa.mname dns.soa.serial_number
dns.srv.port dns.srv.target dns.caa.tag dns.caa.value
http.request.method http.request.uri http.request.version http.response.code http.response.version http.response.phrase http.host http.user_agent http.server
http.content_type http.content_length_header http.location http.referer http.transfer_encoding http.content_encoding http.authorization http.connection http.date http.accept
http.x_forwarded_for http.request.full_uri
tls.record.content_type tls.record.version tls.record.length tls.handshake.type tls.handshake.length tls.handshake.version tls.handshake.random tls.handshake.session_id
tls.handshake.ciphersuite tls.handshake.extension.type tls.handshake.extensions_server_name tls.handshake.extensions_alpn_str tls.handshake.extensions.supported_version
tls.handshake.extensions_supported_group tls.handshake.certificate
ssh.protocol ssh.packet_length ssh.padding_length ssh.message_code ssh.kex_algorithms ssh.server_host_key_algorithms
smtp.req.command smtp.req.parameter smtp.response.code smtp.rsp.parameter
snmp.version snmp.community snmp.request_id snmp.error_status snmp.name snmp.data
dhcp.type dhcp.id dhcp.secs dhcp.ip.client dhcp.ip.your dhcp.ip.server dhcp.ip.relay dhcp.hw.mac_addr dhcp.option.type dhcp.option.dhcp dhcp.option.subnet_mask
dhcp.option.requested_ip_address dhcp.option.ip_address_lease_time dhcp.option.dhcp_server_id dhcp.option.request_list_item dhcp.option.renewal_time_value
radius.code radius.id radius.length radius.authenticator radius.avp.type radius.avp.length radius.User_Name radius.NAS_IP_Address
mysql.packet_length mysql.packet_number mysql.protocol mysql.version mysql.thread_id mysql.user mysql.schema mysql.command mysql.query
pgsql.type pgsql.length pgsql.parameter_name pgsql.parameter_value pgsql.query pgsql.authtype pgsql.tag pgsql.col.name
`)

// TestAgainstTshark compares each value of each field in each packet.
func TestAgainstTshark(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("tshark"); err != nil {
		testkit.Missing(t, "tshark is not installed")
	}
	files, err := filepath.Glob(filepath.Join(testkit.Data(t, "captures"), "*.pcap"))
	require.NoError(t, err)
	require.Len(t, files, 40)
	for _, f := range compared {
		require.NotNil(t, Lookup(f), f)
	}
	values, same := map[string]int{}, map[string]int{}
	var all, agree int
	var wrong []string
	for _, file := range files {
		theirs := tshark(t, file, compared)
		dissectFile(t, file, func(p *Packet) {
			row := theirs[p.Number-1]
			for i, name := range compared {
				have := strings.Join(p.All(name), "\x1f")
				want := row[i]
				if Lookup(name).Kind == Label { // it is there or not
					have, want = there(p.Find(name) != nil), there(want != "")
				}
				if have == "" && want == "" {
					continue
				}
				all++
				values[name]++
				if have == want || plain(have) == plain(want) {
					agree++
					same[name]++
				} else {
					wrong = append(wrong, fmt.Sprintf("%s packet %d %s: %.200q, tshark has %.200q", filepath.Base(file), p.Number, name, have, want))
				}
			}
		})
	}
	var names []string
	for n := range values {
		names = append(names, n)
	}
	sort.Strings(names)
	t.Logf("%d of %d values of %d fields are equal", agree, all, len(names))
	for _, w := range wrong {
		t.Log(w)
	}
	require.GreaterOrEqual(t, float64(agree), 0.995*float64(all))
}

func there(yes bool) string {
	if yes {
		return "there"
	}
	return ""
}

// plain leaves out how zeros before a number are written.
func plain(s string) string {
	s = strings.ReplaceAll(s, "\\r\\n", "")
	parts := strings.Split(s, "\x1f")
	for i, p := range parts {
		if rest, ok := strings.CutPrefix(p, "0x"); ok {
			parts[i] = "0x" + strings.TrimLeft(rest, "0")
		}
	}
	return strings.Join(parts, "\x1f")
}

// tshark gives a row of values per packet.
func tshark(t testing.TB, file string, fields []string) [][]string {
	t.Helper()
	args := []string{"-n", "-r", file, "-T", "fields", "-E", "occurrence=a", "-E", "aggregator=\x1f", "-E", "separator=/t"}
	for _, f := range fields {
		args = append(args, "-e", f)
	}
	var stderr bytes.Buffer
	cmd := exec.Command("tshark", args...)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	require.NoError(t, err, stderr.String())
	var rows [][]string
	for line := range strings.Lines(string(out)) {
		rows = append(rows, strings.Split(strings.TrimSuffix(line, "\n"), "\t"))
		require.Len(t, rows[len(rows)-1], len(fields))
	}
	return rows
}
