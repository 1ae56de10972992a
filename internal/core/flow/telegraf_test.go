package flow

import (
	"encoding/json"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/testkit"
)

// lineNames maps the names of another collector to ours. A name that is not
// here, and has no rule below, fails the test.
var lineNames = map[string]string{
	"src": "sourceIPv4Address|sourceIPv6Address", "dst": "destinationIPv4Address|destinationIPv6Address", "src_port": "sourceTransportPort",
	"dst_port": "destinationTransportPort", "in_bytes": "octetDeltaCount|ifInOctets", "in_packets": "packetDeltaCount",
	"in_total_bytes": "octetTotalCount", "in_total_packets": "packetTotalCount|samplePool", "src_tos": "ipClassOfService", "dst_tos": "postIpClassOfService",
	"tcp_flags": "tcpControlBits", "protocol": "protocolIdentifier", "flow_end_reason": "flowEndReason", "vlan_src": "vlanId|srcVlan", "vlan_dst": "dstVlan",
	"vlan_src_priority": "srcPriority", "vlan_dst_priority": "dstPriority", "flow_start_ms": "flowStartMilliseconds", "flow_end_ms": "flowEndMilliseconds",
	"flow_start": "flowStartSeconds", "flow_end": "flowEndSeconds", "app_id": "applicationId", "app_name": "applicationName", "app_desc": "applicationDescription",
	"in_snmp": "ingressInterface|ifIndex", "out_snmp": "egressInterface", "interface": "interfaceName|ifIndex", "interface_desc": "interfaceDescription",
	"src_mask": "sourceIPv4PrefixLength", "dst_mask": "destinationIPv4PrefixLength", "in_src_mac": "sourceMacAddress", "out_dst_mac": "postDestinationMacAddress|destinationMacAddress",
	"first_switched": "flowStartSysUpTime", "last_switched": "flowEndSysUpTime", "next_hop": "ipNextHopIPv4Address", "ip_version": "ipVersion",
	"bgp_src_as": "bgpSourceAsNumber", "bgp_dst_as": "bgpDestinationAsNumber", "direction": "flowDirection", "flows": "deltaFlowCount",
	"engine_type": "engineType", "engine_id": "engineId", "sys_uptime": "uptime_ms", "seq_number": "sequence", "sampling_interval": "samplingInterval|sampling",
	"fwd_status": "forwardingStatus", "agent_ip": "exporter", "agent_subid": "domain", "sampling_drops": "drops", "reason": "dropReason", "out_queue": "egressQueue",
	"interface_type": "ifType", "speed": "ifSpeed", "in_unicast_packets_total": "ifInUcastPkts", "in_mcast_packets_total": "ifInMulticastPkts",
	"in_broadcast_packets_total": "ifInBroadcastPkts", "in_dropped_packets": "ifInDiscards", "in_errors": "ifInErrors", "in_unknown_protocol": "ifInUnknownProtos",
	"out_bytes": "ifOutOctets|postOctetDeltaCount", "out_unicast_packets_total": "ifOutUcastPkts", "out_mcast_packets_total": "ifOutMulticastPkts",
	"out_broadcast_packets_total": "ifOutBroadcastPkts", "out_dropped_packets": "ifOutDiscards", "out_errors": "ifOutErrors", "promiscuous": "ifPromiscuousMode",
	"errors_alignment": "dot3StatsAlignmentErrors", "errors_fcs": "dot3StatsFCSErrors", "collision_frames_single": "dot3StatsSingleCollisionFrames",
	"collision_frames_multi": "dot3StatsMultipleCollisionFrames", "errors_sqetest": "dot3StatsSQETestErrors", "deferred": "dot3StatsDeferredTransmissions",
	"collisions_late": "dot3StatsLateCollisions", "collisions_excessive": "dot3StatsExcessiveCollisions", "errors_internal_mac_tx": "dot3StatsInternalMacTransmitErrors",
	"errors_carrier_sense": "dot3StatsCarrierSenseErrors", "errors_frame_too_long": "dot3StatsFrameTooLongs", "errors_internal_mac_rx": "dot3StatsInternalMacReceiveErrors",
	"errors_symbols": "dot3StatsSymbolErrors", "port_name": "portName", "ttl": "ipTTL", "ip_total_len": "", "ipv4_total_len": "ipTotalLength", "ipv4_id": "fragmentIdentification",
	"fragment_offset": "fragmentOffset", "l2_bytes": "dataLinkFrameSize", "ipv6_total_len": "payloadLengthIPv6",
	// What follows is made by that collector from other fields, or is text for a number that is compared as number elsewhere.
	"ipv4_inet_header_len": "", "datalink_frame_type": "", "l2_protocol": "", "fragment_flags": "", "status": "", "type": "", "fwd_reason": "", "icmp_type": "", "icmp_code": "", "flow_label": "",
	"dropped_packets_total": "droppedPacketTotalCount", "exporter": "exporterIPv4Address", "exporting_pid": "exportingProcessId",
	"ignored_packet_total": "ignoredPacketTotalCount", "notsent_packet_total": "notSentPacketTotalCount", "observation_domain_id": "observationDomainId",
	"system_init_ms": "systemInitTimeMilliseconds", "total_flows_exported": "exportedFlowRecordTotalCount", "event_time": "", "padding": "",
}

// lineWords are numbers that the other collector writes as words.
var lineWords = map[string]map[string]float64{
	"protocol":        {"icmp": 1, "tcp": 6, "udp": 17, "hopopt": 0, "ipv6-icmp": 58, "esp": 50, "igmp": 2},
	"flow_end_reason": {"idle timeout": 1, "active timeout": 2, "end of flow": 3, "forced end": 4},
	"ip_version":      {"IPv4": 4, "IPv6": 6},
	"direction":       {"ingress": 0, "egress": 1},
	"fwd_status":      {"unknown": 0, "forwarded": 1},
}

func TestOtherCollector(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(testkit.Data(t, "flow"), "telegraf")
	cases, err := filepath.Glob(filepath.Join(dir, "*", "expected.out"))
	require.NoError(t, err)
	require.Len(t, cases, 12)
	for _, c := range cases {
		name := filepath.Base(filepath.Dir(c))
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var have []map[string]any
			d := NewDecoder(Limits{})
			files, err := filepath.Glob(filepath.Join(filepath.Dir(c), "*.bin"))
			require.NoError(t, err)
			for _, f := range files {
				b, err := os.ReadFile(f)
				require.NoError(t, err)
				// One of the datagrams is shorter than it says; its records are there.
				_ = d.Decode(netip.MustParseAddr("127.0.0.1"), time.Unix(1_700_000_000, 0), b, func(r *Record) {
					have = append(have, object(t, r))
				})
			}
			src, err := os.ReadFile(c)
			require.NoError(t, err)
			lines := strings.Split(strings.TrimSpace(string(src)), "\n")
			require.Len(t, have, len(lines))
			used := make([]bool, len(have))
			for _, line := range lines {
				kind, want := parseLine(t, line)
				best, why := -1, ""
				for i, o := range have {
					if used[i] {
						continue
					}
					if (o["kind"] == "options") != (kind == "netflow_options") {
						continue
					}
					if w := differs(t, o, want, strings.Contains(name, "pen_35632")); w == "" {
						best = i
						break
					} else if why == "" || len(w) < len(why) {
						why = w
					}
				}
				require.GreaterOrEqual(t, best, 0, "no record for the line %s\nnearest: %s", line, why)
				used[best] = true
			}
		})
	}
}

// parseLine reads a line of Influx protocol: kind, tags, fields.
func parseLine(t *testing.T, line string) (kind string, fields map[string]any) {
	t.Helper()
	head, rest, ok := strings.Cut(line, " ")
	require.True(t, ok)
	kind, tags, _ := strings.Cut(head, ",")
	fields = map[string]any{}
	for _, tag := range strings.Split(tags, ",") {
		if k, v, _ := strings.Cut(tag, "="); k == "version" {
			fields["version"] = v
		}
	}
	for rest != "" && rest[0] != ' ' {
		k, after, ok := strings.Cut(strings.TrimPrefix(rest, ","), "=")
		require.True(t, ok, rest)
		if after[0] == '"' {
			end := 1
			for after[end] != '"' || after[end-1] == '\\' {
				end++
			}
			fields[k] = strings.ReplaceAll(after[1:end], `\"`, `"`)
			rest = after[end+1:]
			continue
		}
		end := strings.IndexAny(after, ", ")
		if end < 0 {
			end = len(after)
		}
		n, err := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSuffix(after[:end], "u"), "i"), 64)
		require.NoError(t, err)
		fields[k] = n
		rest = after[end:]
	}
	return kind, fields
}

// differs tells which value of a line a record lacks or has otherwise.
func differs(t *testing.T, o, want map[string]any, ntop bool) string {
	t.Helper()
	for name, w := range want {
		if name == "version" {
			if v := map[string]string{"NetFlowV5": "netflow5", "NetFlowV9": "netflow9", "IPFIX": "ipfix", "sFlowV5": "sflow5"}[w.(string)]; v != o["version"] {
				return "version"
			}
			continue
		}
		if name == "seq_number" && o["version"] == "netflow5" || name == "flows" && o["version"] == "netflow5" {
			continue // of the header; the number of records is not repeated in each
		}
		if name == "sampling_interval" && w == 0.0 || name == "ip_version" && o["ipVersion"] == nil || name == "direction" && o["version"] == "sflow5" {
			continue
		}
		if name == "in_bytes" && o["kind"] == "options" {
			name = "scopeSystem" // that collector takes the number of the scope for a field
		}
		if name == "in_snmp" && o["sourceIdIndex"] != nil && o["kind"] == "flow" {
			name = "sourceIdIndex" // that collector shows where the sample was taken as where it came in
		}
		v, there := lookup(t, o, name, ntop)
		if !there {
			if lineNames[name] == "" && !strings.HasPrefix(name, "type_") {
				continue
			}
			return name + " is missing"
		}
		if !sameValue(name, v, w) {
			b, _ := json.Marshal(v)
			return name + " is " + string(b)
		}
	}
	return ""
}

func lookup(t *testing.T, o map[string]any, name string, ntop bool) (any, bool) {
	t.Helper()
	if name == "scopeSystem" || name == "sourceIdIndex" {
		v, there := o[name]
		return v, there
	}
	names, known := lineNames[name]
	if rest, ok := strings.CutPrefix(name, "type_"); ok {
		ent, num, _ := strings.Cut(rest, "_")
		rev := strings.HasPrefix(num, "rev_")
		n, err := strconv.ParseUint(strings.TrimPrefix(num, "rev_"), 10, 16)
		require.NoError(t, err)
		e, err := strconv.ParseUint(ent, 10, 32)
		require.NoError(t, err)
		if rev {
			n |= certReverse
		}
		n &= 0x7fff // in options templates that collector leaves the bit of the enterprise in
		names, known = fieldName(LookupElement(uint32(e), uint16(n)), uint32(e), uint16(n), false), true
	}
	if !known && ntop {
		parts := strings.Split(name, "_")
		names = "ntop"
		for _, p := range parts {
			names += strings.ToUpper(p[:1]) + p[1:]
		}
		known = true
	}
	require.True(t, known, "the name %s has no rule in this test", name)
	for _, n := range strings.Split(names, "|") {
		if v, there := o[n]; there {
			return v, true
		}
	}
	return nil, false
}

func sameValue(name string, have, want any) bool {
	s, isText := want.(string)
	switch {
	case s == "hopopt": // that collector stops at the first extension header of IPv6
		return have != nil
	case isText && lineWords[name] != nil:
		n, ok := lineWords[name][s]
		return ok && have == n
	case name == "tcp_flags":
		n := 0
		for i, c := range s {
			if c != '.' {
				n |= 1 << (7 - i)
			}
		}
		return have == float64(n)
	case name == "app_id":
		n, err := strconv.ParseUint(strings.TrimPrefix(s, "0x"), 16, 64)
		return err == nil && have == strconv.FormatUint(n>>24, 10)+".."+strconv.FormatUint(n&0xffffff, 10)
	case isText && strings.HasPrefix(s, "0x"):
		n, err := strconv.ParseUint(s[2:], 16, 64)
		if h, ok := have.(string); ok {
			return h == s[2:]
		}
		return err == nil && have == float64(n)
	case isText && name == "engine_type":
		n, err := strconv.ParseFloat(s, 64)
		return err == nil && have == n
	case isText:
		if a, err := netip.ParseAddr(s); err == nil {
			return have == a.String()
		}
		return have == s
	}
	if h, ok := have.(string); ok {
		at, err := time.Parse(time.RFC3339Nano, h)
		return err == nil && (float64(at.UnixMilli()) == want || float64(at.Unix()) == want && strings.HasSuffix(name, "flow_start") || float64(at.Unix()) == want && strings.HasSuffix(name, "flow_end"))
	}
	return have == want
}
