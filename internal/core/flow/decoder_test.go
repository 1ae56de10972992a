package flow

import (
	"encoding/binary"
	"encoding/json"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/testkit"
)

// ipfixMessage makes a message of sets, each with its id and body.
func ipfixMessage(domain, seq uint32, sets ...[]byte) []byte {
	be := binary.BigEndian
	b := be.AppendUint16(nil, 10)
	b = be.AppendUint16(b, 0)
	b = be.AppendUint32(b, 1_700_000_000)
	b = be.AppendUint32(b, seq)
	b = be.AppendUint32(b, domain)
	b = append(b, slices.Concat(sets...)...)
	be.PutUint16(b[2:], uint16(len(b)))
	return b
}

func set(id uint16, words ...uint16) []byte {
	be := binary.BigEndian
	b := be.AppendUint16(nil, id)
	b = be.AppendUint16(b, uint16(4+2*len(words)))
	for _, w := range words {
		b = be.AppendUint16(b, w)
	}
	return b
}

// decode collects the records of one message.
func decode(t *testing.T, d *Decoder, b []byte) []*Record {
	t.Helper()
	var out []*Record
	require.NoError(t, d.Decode(exporter, time.Unix(1_700_000_000, 0), b, func(r *Record) { out = append(out, r.Clone()) }))
	return out
}

func TestSamplingIsLearnedFromOptions(t *testing.T) {
	t.Parallel()
	d := NewDecoder(Limits{})
	// Options template 256: scope selectorId(302), samplingPacketInterval(305), samplingPacketSpace(306).
	decode(t, d, ipfixMessage(7, 0, set(3, 256, 3, 1, 302, 2, 305, 4, 306, 4), set(256, 5, 0, 1, 0, 999)))
	// Template 257: addresses, octets, selectorId.
	got := decode(t, d, ipfixMessage(7, 1, set(2, 257, 4, 8, 4, 12, 4, 1, 4, 302, 2), set(257, 0xc000, 0x0201, 0xc000, 0x0202, 0, 100, 5)))
	require.Len(t, got, 1)
	require.EqualValues(t, 1000, got[0].Sampling)
	f, ok := got[0].Flow()
	require.True(t, ok)
	require.EqualValues(t, 100_000, f.Bytes)
	require.Equal(t, netip.MustParseAddr("192.0.2.1"), f.Src)
	// Another domain of the same exporter knows nothing of it.
	got = decode(t, d, ipfixMessage(8, 0, set(2, 257, 4, 8, 4, 12, 4, 1, 4, 302, 2), set(257, 0xc000, 0x0201, 0xc000, 0x0202, 0, 100, 5)))
	require.Zero(t, got[0].Sampling)
	// What was learned survives a restart, through JSON.
	b, err := json.Marshal(d.Snapshot())
	require.NoError(t, err)
	var s Snapshot
	require.NoError(t, json.Unmarshal(b, &s))
	after := NewDecoder(Limits{})
	after.Restore(s)
	require.Equal(t, d.Snapshot(), after.Snapshot())
	got = decode(t, after, ipfixMessage(7, 1, set(257, 0xc000, 0x0201, 0xc000, 0x0202, 0, 100, 5)))
	require.Len(t, got, 1)
	require.EqualValues(t, 1000, got[0].Sampling)
}

func TestTemplatesAreWithdrawnAndChanged(t *testing.T) {
	t.Parallel()
	d := NewDecoder(Limits{})
	data := set(300, 1, 2)
	decode(t, d, ipfixMessage(1, 0, set(2, 300, 1, 7, 2)))
	require.Len(t, decode(t, d, ipfixMessage(1, 0, data)), 2)
	decode(t, d, ipfixMessage(1, 0, set(2, 300, 2, 7, 2, 11, 2)))
	require.EqualValues(t, 1, d.Stats().Changed)
	require.Len(t, decode(t, d, ipfixMessage(1, 0, data)), 1)
	decode(t, d, ipfixMessage(1, 0, set(2, 300, 0)))
	require.Empty(t, decode(t, d, ipfixMessage(1, 0, data)))
	require.Zero(t, d.Stats().Templates)
}

func TestLimitsHold(t *testing.T) {
	t.Parallel()
	d := NewDecoder(Limits{Sources: 2, Templates: 3, WaitingSets: 2, WaitingBytes: 20, Fields: 4})
	for id := uint16(256); id < 266; id++ {
		decode(t, d, ipfixMessage(1, 0, set(2, id, 1, 7, 2)))
	}
	require.Equal(t, 3, d.Stats().Templates)
	decode(t, d, ipfixMessage(1, 0, set(2, 256, 5, 1, 1, 2, 1, 3, 1, 4, 1, 5, 1)))
	require.EqualValues(t, 8, d.Stats().Refused)
	for range 5 {
		decode(t, d, ipfixMessage(1, 0, set(999, 1, 2, 3, 4)))
	}
	require.LessOrEqual(t, d.Stats().Waiting, 2)
	require.LessOrEqual(t, d.Stats().WaitingByte, 20)
	for domain := range uint32(9) {
		decode(t, d, ipfixMessage(domain, 0, set(999, 1, 2, 3, 4)))
	}
	require.Equal(t, 2, d.Stats().Sources)
	require.LessOrEqual(t, d.Stats().WaitingByte, 20)
	// A template whose records have no bytes would never end.
	require.Empty(t, decode(t, d, ipfixMessage(1, 0, set(2, 400, 1, 7, 0), set(400, 1, 2))))
}

func TestWaitingEnds(t *testing.T) {
	t.Parallel()
	d := NewDecoder(Limits{WaitingTime: time.Minute})
	at := time.Unix(1_700_000_000, 0)
	none := func(*Record) { t.Fatal("a record that came too late") }
	require.NoError(t, d.Decode(exporter, at, ipfixMessage(1, 0, set(300, 1)), none))
	require.NoError(t, d.Decode(exporter, at.Add(2*time.Minute), ipfixMessage(1, 0, set(301, 1)), none))
	require.NoError(t, d.Decode(exporter, at.Add(2*time.Minute), ipfixMessage(1, 0, set(2, 300, 1, 7, 2)), none))
	require.EqualValues(t, 1, d.Stats().Dropped)
}

func TestLossAndRestart(t *testing.T) {
	t.Parallel()
	d := NewDecoder(Limits{})
	v9 := func(uptime, seconds, seq uint32) {
		be := binary.BigEndian
		b := be.AppendUint16(nil, 9)
		b = be.AppendUint16(b, 0)
		for _, w := range []uint32{uptime, seconds, seq, 1} {
			b = be.AppendUint32(b, w)
		}
		decode(t, d, b)
	}
	v9(1_000_000, 1000, 10)
	v9(1_001_000, 1001, 11)
	v9(1_002_000, 1002, 15)
	require.EqualValues(t, 3, d.Stats().Lost)
	v9(1_002_000, 1002, 13) // late
	require.EqualValues(t, 3, d.Stats().Lost)
	v9(5_000, 1060, 0)
	require.EqualValues(t, 1, d.Stats().Restarts)
	v9(6_000, 1061, 1)
	require.EqualValues(t, 3, d.Stats().Lost)
}

func TestElementNames(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for k, e := range elements() {
		require.NotEmpty(t, e.Name)
		require.NotContains(t, headNames, e.Name)
		if k.enterprise == 0 {
			require.False(t, seen[e.Name], e.Name)
			seen[e.Name] = true
		}
	}
	require.Equal(t, "sourceIPv4Address", LookupElement(0, 8).Name)
	require.Equal(t, "reverseOctetTotalCount", LookupElement(29305, 85).Name)
	require.Nil(t, LookupElement(99999, 1))
}

func TestNTPTime(t *testing.T) {
	t.Parallel()
	require.Equal(t, 127768, ntpTime(548760).Nanosecond(), "cut, not rounded")
	require.Equal(t, "2016-11-11T12:09:19.000127768Z", ntpTime(0xdbd0336f00085f98).Format(time.RFC3339Nano))
}

func TestFlowOfSFlowIsScaled(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile(filepath.Join(testkit.Data(t, "flow"), "telegraf", "sflow_issue_15918", "message.bin"))
	require.NoError(t, err)
	for _, r := range decode(t, NewDecoder(Limits{}), b) {
		f, ok := r.Flow()
		if r.Kind != Traffic {
			require.False(t, ok)
			continue
		}
		require.True(t, ok)
		require.EqualValues(t, 200, f.Packets)
		require.EqualValues(t, 200*r.Field(312).Uint(), f.Bytes)
	}
}

func FuzzDecode(f *testing.F) {
	if files, err := filepath.Glob("../../../../shared/data/flow/*/*.dat"); err == nil {
		for _, name := range files {
			if b, err := os.ReadFile(name); err == nil {
				f.Add(b, []byte{})
			}
		}
	}
	f.Add(ipfixMessage(1, 0, set(2, 300, 1, 7, 2), set(300, 1)), ipfixMessage(1, 0, set(300, 1)))
	f.Fuzz(func(t *testing.T, first, second []byte) {
		d := NewDecoder(Limits{Sources: 4, Templates: 16, WaitingBytes: 4096})
		for _, b := range [][]byte{first, second, first} {
			_ = d.Decode(exporter, time.Unix(1_700_000_000, 0), b, func(r *Record) {
				if _, err := json.Marshal(r); err != nil {
					t.Fatal(err)
				}
				r.Flow()
				r.Clone()
			})
		}
		s := d.Snapshot()
		after := NewDecoder(Limits{Sources: 4, Templates: 16})
		after.Restore(s)
		if st := d.Stats(); st.WaitingByte < 0 || st.WaitingByte > 4096 || st.Sources > 4 || st.Templates < 0 {
			t.Fatalf("the limits do not hold: %+v", st)
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	dir := filepath.Join(testkit.Data(b, "flow"), "netflow")
	for _, c := range []struct{ name, template, data string }{
		{"netflow5", "", "netflow5_test_invalid02.dat"},
		{"netflow9", "", "netflow9_cisco_asr1001x_tpl259.dat"},
		{"ipfix", "ipfix_test_procera_tpl52935.dat", "ipfix_test_procera_data52935.dat"},
	} {
		b.Run(c.name, func(b *testing.B) {
			d := NewDecoder(Limits{})
			records := 0
			read := func(r *Record) { records++; r.Flow() }
			if c.template != "" {
				t, err := os.ReadFile(filepath.Join(dir, c.template))
				require.NoError(b, err)
				require.NoError(b, d.Decode(exporter, time.Unix(1, 0), t, read))
			}
			data, err := os.ReadFile(filepath.Join(dir, c.data))
			require.NoError(b, err)
			b.ReportAllocs()
			for b.Loop() {
				_ = d.Decode(exporter, time.Unix(1, 0), data, read)
			}
			b.ReportMetric(float64(records)/b.Elapsed().Seconds(), "records/s")
		})
	}
}
