package flow

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/testkit"
)

var exporter = netip.MustParseAddr("192.0.2.1")

// feed decodes files in order and gives the records.
func feed(t *testing.T, d *Decoder, dir string, files ...string) []*Record {
	t.Helper()
	var out []*Record
	for _, f := range files {
		b, err := os.ReadFile(filepath.Join(dir, f))
		require.NoError(t, err)
		require.NoError(t, d.Decode(exporter, time.Unix(1_700_000_000, 0), b, func(r *Record) { out = append(out, r.Clone()) }), f)
	}
	return out
}

// structure is a datagram taken apart by number by someone else.
type structure struct {
	File       string   `json:"file"`
	FeedBefore []string `json:"feed_before"`
	Version    int      `json:"version"`
	ByLength   int      `json:"recordsByLength"`
	Sets       []struct {
		ID        uint16 `json:"id"`
		Kind      string `json:"kind"`
		Records   *int   `json:"records"`
		Templates []struct {
			ID         uint16            `json:"id"`
			ScopeCount int               `json:"scopeFieldCount"`
			Fields     []json.RawMessage `json:"fields"`
		} `json:"templates"`
	} `json:"sets"`
	Records []struct {
		Set    uint16  `json:"set"`
		Fields [][]any `json:"fields"`
	} `json:"records"`
}

func TestStructures(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(testkit.Data(t, "flow"), "netflow")
	files, err := filepath.Glob(filepath.Join(dir, "*.structure.json"))
	require.NoError(t, err)
	require.Len(t, files, 42)
	for _, f := range files {
		t.Run(strings.TrimSuffix(filepath.Base(f), ".structure.json"), func(t *testing.T) {
			t.Parallel()
			src, err := os.ReadFile(f)
			require.NoError(t, err)
			var s structure
			require.NoError(t, json.Unmarshal(src, &s))
			d := NewDecoder(Limits{})
			feed(t, d, dir, s.FeedBefore...)
			before := d.Stats()
			got := feed(t, d, dir, s.File)
			checkTemplates(t, d, &s)
			if s.Version == 5 {
				require.Len(t, got, s.ByLength)
				return
			}
			require.Len(t, got, len(s.Records))
			missing := 0
			for _, set := range s.Sets {
				if strings.HasSuffix(set.Kind, "data") && set.Records == nil {
					missing++
				}
			}
			require.EqualValues(t, missing, d.Stats().NoTemplate-before.NoTemplate, "sets without a template")
			for i, want := range s.Records {
				require.Equal(t, want.Set, got[i].Template)
				require.Equal(t, wantFields(want.Fields), haveFields(got[i]), "record %d", i)
			}
		})
	}
}

func wantFields(fields [][]any) []string {
	var out []string
	for _, f := range fields {
		enterprise := 0.0
		if len(f) > 3 {
			enterprise = f[3].(float64)
		}
		out = append(out, fmt.Sprintf("%v.%v %v %v", enterprise, f[0], f[1], f[2]))
	}
	return out
}

func haveFields(r *Record) []string {
	var out []string
	for _, f := range r.Fields {
		out = append(out, fmt.Sprintf("%d.%d %d %s", f.Enterprise, f.ID, len(f.Bytes), hex.EncodeToString(f.Bytes)))
	}
	return out
}

// checkTemplates compares what the decoder keeps with the templates of the file.
func checkTemplates(t *testing.T, d *Decoder, s *structure) {
	t.Helper()
	kept := map[uint16]TemplateSnapshot{}
	for _, src := range d.Snapshot().Sources {
		for _, tpl := range src.Templates {
			kept[tpl.ID] = tpl
		}
	}
	for _, set := range s.Sets {
		for _, want := range set.Templates {
			got, there := kept[want.ID]
			require.True(t, there, "template %d", want.ID)
			require.Equal(t, strings.HasPrefix(set.Kind, "options"), got.Options)
			require.Equal(t, want.ScopeCount, got.Scope)
			require.Len(t, got.Fields, len(want.Fields))
			for i, raw := range want.Fields {
				var f []uint32
				require.NoError(t, json.Unmarshal(raw, &f))
				g := got.Fields[i]
				require.EqualValues(t, f[0], g.ID)
				require.EqualValues(t, f[1], g.Length)
				if len(f) > 2 {
					require.EqualValues(t, f[2], g.Enterprise)
				}
			}
		}
	}
}

// v9Names maps the names of the source's own tests to those of IPFIX.
var v9Names = map[string]string{
	"ipv4_src_addr": "sourceIPv4Address", "ipv4_dst_addr": "destinationIPv4Address", "l4_src_port": "sourceTransportPort",
	"l4_dst_port": "destinationTransportPort", "in_bytes": "octetDeltaCount", "in_pkts": "packetDeltaCount", "out_bytes": "postOctetDeltaCount",
	"out_pkts": "postPacketDeltaCount", "protocol": "protocolIdentifier", "tcp_flags": "tcpControlBits", "src_tos": "ipClassOfService",
	"input_snmp": "ingressInterface", "output_snmp": "egressInterface", "first_switched": "flowStartMilliseconds", "last_switched": "flowEndMilliseconds",
	"src_as": "bgpSourceAsNumber", "dst_as": "bgpDestinationAsNumber", "src_mask": "sourceIPv4PrefixLength", "dst_mask": "destinationIPv4PrefixLength",
	"ipv4_next_hop": "ipNextHopIPv4Address", "direction": "flowDirection", "ip_protocol_version": "ipVersion", "sampling_algorithm": "samplingAlgorithm",
	"sampling_interval": "samplingInterval", "src_traffic_index": "srcTrafficIndex", "dst_traffic_index": "dstTrafficIndex",
	"forwarding_status": "forwardingStatus", "application_id": "applicationId", "application_name": "applicationName",
	"application_description": "applicationDescription", "scope_system": "scopeSystem", "flow_seq_num": "sequence", "flowset_id": "template",
	"xlate_src_addr_ipv4": "postNATSourceIPv4Address", "xlate_dst_addr_ipv4": "postNATDestinationIPv4Address", "xlate_src_port": "postNAPTSourceTransportPort",
	"xlate_dst_port": "postNAPTDestinationTransportPort", "flow_end_reason": "flowEndReason", "flow_sampler_id": "samplerId",
	"nprobe_proto": "ntopL7Proto", "netscalerUnknown330": "5951.330", "netscalerUnknown329": "5951.329", "netscalerUnknown331": "5951.331",
	"netscalerUnknown332": "5951.332", "netscalerSyslogPriority": "5951.267",
}

func nameOf(name string) string {
	if n := v9Names[name]; n != "" {
		return n
	}
	if rest, ok := strings.CutPrefix(name, "streamcore_"); ok {
		out := "streamcore"
		for _, p := range strings.Split(rest, "_") {
			out += strings.ToUpper(p[:1]) + p[1:]
		}
		return out
	}
	return name
}

func TestExpectedValues(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(testkit.Data(t, "flow"), "netflow")
	files, err := filepath.Glob(filepath.Join(dir, "*.expected.json"))
	require.NoError(t, err)
	require.Len(t, files, 16)
	for _, f := range files {
		t.Run(strings.TrimSuffix(filepath.Base(f), ".expected.json"), func(t *testing.T) {
			t.Parallel()
			src, err := os.ReadFile(f)
			require.NoError(t, err)
			var want struct {
				Feed    []string `json:"feed"`
				Total   int      `json:"records_total"`
				Records map[string]struct {
					Exported string         `json:"export_time"`
					Fields   map[string]any `json:"fields"`
				} `json:"records"`
				Values []struct {
					Record int    `json:"record"`
					Field  string `json:"field"`
					Value  any    `json:"value"`
				} `json:"values"`
			}
			require.NoError(t, json.Unmarshal(src, &want))
			got := feed(t, NewDecoder(Limits{}), dir, want.Feed...)
			require.Len(t, got, want.Total)
			for n, r := range want.Records {
				i, err := strconv.Atoi(n)
				require.NoError(t, err)
				at, err := time.Parse(time.RFC3339, r.Exported)
				require.NoError(t, err)
				require.True(t, got[i].Exported.Equal(at))
				o := object(t, got[i])
				for name, v := range r.Fields {
					requireValue(t, o, name, v)
				}
			}
			for _, v := range want.Values {
				requireValue(t, object(t, got[v.Record]), v.Field, v.Value)
			}
		})
	}
}

func object(t *testing.T, r *Record) map[string]any {
	t.Helper()
	b, err := json.Marshal(r)
	require.NoError(t, err)
	var o map[string]any
	require.NoError(t, json.Unmarshal(b, &o))
	return o
}

func requireValue(t *testing.T, o map[string]any, name string, want any) {
	t.Helper()
	key := nameOf(name)
	if name == "version" {
		require.Equal(t, map[float64]string{5: "netflow5", 9: "netflow9", 10: "ipfix"}[want.(float64)], o["version"])
		return
	}
	have, there := o[key]
	require.True(t, there, "%s is missing as %s", name, key)
	switch w := want.(type) {
	case map[string]any: // forwarding status in two
		n := int(have.(float64))
		require.EqualValues(t, w["status"], n>>6)
		require.EqualValues(t, w["reason"], n&63)
	case float64:
		s, isText := have.(string)
		if !isText {
			require.InDelta(t, w, have, 1e-9, key)
			return
		}
		if at, err := time.Parse(time.RFC3339Nano, s); err == nil {
			require.Contains(t, []int64{at.Unix(), at.UnixMilli()}, int64(w), key)
			return
		}
		n, err := strconv.ParseUint(s, 16, 64) // bytes without a name
		require.NoError(t, err)
		require.EqualValues(t, w, n, key)
	case string:
		at, err := time.Parse(time.RFC3339Nano, w)
		if err != nil {
			require.Equal(t, w, have, key)
			return
		}
		s, _ := have.(string)
		got, err := time.Parse(time.RFC3339Nano, s)
		require.NoError(t, err)
		if strings.HasSuffix(w, ".999Z") {
			// Two values of the data end so although the bytes of the datagram give
			// another fraction: they were filled in. The seconds must agree.
			at, got = at.Truncate(time.Second), got.Truncate(time.Second)
		}
		require.True(t, at.Equal(got), "%s: %s, not %s", key, s, w)
	default:
		t.Fatalf("a value of kind %T", want)
	}
}

func TestDataWaitsForItsTemplate(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(testkit.Data(t, "flow"), "netflow")
	d := NewDecoder(Limits{})
	require.Empty(t, feed(t, d, dir, "ipfix_test_netscaler_data.dat"))
	require.EqualValues(t, 4, d.Stats().NoTemplate)
	late := feed(t, d, dir, "ipfix_test_netscaler_tpl.dat")
	require.Len(t, late, 3, "what waited comes with its template")
	require.Equal(t, 1, d.Stats().Waiting, "one set has no template in any file")
	again := feed(t, NewDecoder(Limits{}), dir, "ipfix_test_netscaler_tpl.dat", "ipfix_test_netscaler_data.dat")
	var want, have [][]string
	for i := range again {
		want, have = append(want, haveFields(again[i])), append(have, haveFields(late[i]))
	}
	require.ElementsMatch(t, want, have)
}

func TestAnotherExporterHasOtherTemplates(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(testkit.Data(t, "flow"), "netflow")
	d := NewDecoder(Limits{})
	feed(t, d, dir, "netflow9_test_h3c_tpl3281.dat")
	b, err := os.ReadFile(filepath.Join(dir, "netflow9_test_h3c_data3281.dat"))
	require.NoError(t, err)
	count := 0
	at := time.Unix(1_700_000_000, 0)
	require.NoError(t, d.Decode(netip.MustParseAddr("192.0.2.2"), at, b, func(*Record) { count++ }))
	require.Zero(t, count)
	require.NoError(t, d.Decode(exporter, at, b, func(*Record) { count++ }))
	require.Equal(t, 16, count)
	b[19] ^= 1 // another source id
	require.NoError(t, d.Decode(exporter, at, b, func(*Record) { count++ }))
	require.Equal(t, 16, count)
}

// TestTruncatedAndAltered feeds every file cut at every byte and with bytes turned.
func TestTruncatedAndAltered(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join(testkit.Data(t, "flow"), "*", "*.dat"))
	require.NoError(t, err)
	more, err := filepath.Glob(filepath.Join(testkit.Data(t, "flow"), "telegraf", "*", "*.bin"))
	require.NoError(t, err)
	require.NotEmpty(t, more)
	for _, f := range slices.Concat(files, more) {
		b, err := os.ReadFile(f)
		require.NoError(t, err)
		d := NewDecoder(Limits{})
		read := func(*Record) {}
		for n := 0; n < len(b); n += 1 + len(b)/200 {
			_ = d.Decode(exporter, time.Unix(1, 0), b[:n], read)
			altered := slices.Clone(b)
			altered[n] ^= 0xff
			_ = d.Decode(exporter, time.Unix(1, 0), altered, read)
		}
	}
}
