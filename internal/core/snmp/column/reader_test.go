package column_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/core/snmp"
	"github.com/mainstay-ops/mainstay/internal/core/snmp/column"
	"github.com/mainstay-ops/mainstay/internal/testkit/snmpreplay"
)

const entry = "1.3.6.1.2.1.31.1.1.1."

// table has rows 1, 127, 128, 70000 in three columns; row 128 is missing in one.
func table() *snmpreplay.Recording {
	vars := []snmp.Var{{OID: "1.3.6.1.2.1.1.3.0", Kind: snmp.TimeTicks, Unum: 4711}, {OID: "1.3.6.1.2.1.1.5.0", Kind: snmp.OctetString, Raw: []byte("sw-1")}}
	for _, i := range []string{"1", "127", "128", "70000"} {
		vars = append(vars, snmp.Var{OID: entry + "1." + snmp.OID(i), Kind: snmp.OctetString, Raw: []byte("port " + i)},
			snmp.Var{OID: entry + "6." + snmp.OID(i), Kind: snmp.Counter64, Unum: 1<<63 + 5})
		if i != "128" {
			vars = append(vars, snmp.Var{OID: entry + "15." + snmp.OID(i), Kind: snmp.Gauge32, Unum: 4_294_967_295})
		}
	}
	vars = append(vars, snmp.Var{OID: "1.3.6.1.2.1.99.1", Kind: snmp.Integer, Num: -129})
	return snmpreplay.New(vars...)
}

func open(t testing.TB, address string, v snmp.Version) *column.Reader {
	t.Helper()
	r, err := column.Open(t.Context(), snmp.Target{Address: address, Community: "public", Version: v, Timeout: 200 * time.Millisecond, Retries: 1}, nil)
	require.NoError(t, err)
	t.Cleanup(func() { _ = r.Close() })
	return r
}

func rows(t testing.TB, r *column.Reader) (map[string]string, error) {
	t.Helper()
	got := map[string]string{}
	cols := []snmp.OID{entry + "1", entry + "6", entry + "15", entry + "99"}
	err := r.Rows(t.Context(), cols, func(c int, index []byte, v *snmp.Var) {
		got[string(cols[c])+"."+column.Index(index)] = v.Text()
	})
	return got, err
}

func TestRows(t *testing.T) {
	t.Parallel()
	want := map[string]string{}
	for _, v := range table().Vars() {
		if _, ok := v.OID.Under("1.3.6.1.2.1.31"); ok {
			want[string(v.OID)] = v.Text()
		}
	}
	for name, opts := range map[string][]snmpreplay.Option{
		"plain": nil, "small packets": {snmpreplay.Size(60)},
		"a lost answer": {snmpreplay.Drop(func(n int) bool { return n == 1 })},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := rows(t, open(t, table().Serve(t, "public", opts...), snmp.V2c))
			require.NoError(t, err)
			require.Equal(t, want, got)
		})
	}
	t.Run("by way of the session", func(t *testing.T) {
		t.Parallel()
		r := open(t, table().Serve(t, "public"), snmp.V1)
		got := map[string]string{}
		require.NoError(t, r.Rows(t.Context(), []snmp.OID{entry + "1"}, func(_ int, index []byte, v *snmp.Var) { got[column.Index(index)] = v.Text() }))
		require.Equal(t, map[string]string{"1": "port 1", "127": "port 127", "128": "port 128", "70000": "port 70000"}, got)
	})
}

func TestGet(t *testing.T) {
	t.Parallel()
	for _, opts := range [][]snmpreplay.Option{nil, {snmpreplay.Size(40)}} {
		r := open(t, table().Serve(t, "public", opts...), snmp.V2c)
		got := map[int]string{}
		oids := []snmp.OID{"1.3.6.1.2.1.1.5.0", "1.3.6.1.2.1.1.3.0", "1.3.6.1.2.1.99.1", "1.3.6.1.9", entry + "6.70000"}
		require.NoError(t, r.Get(t.Context(), oids, func(i int, v *snmp.Var) { got[i] = v.Text() }))
		require.Equal(t, map[int]string{0: "sw-1", 1: "4711", 2: "-129", 3: "", 4: "9223372036854775813"}, got)
	}
}

func TestBadAgents(t *testing.T) {
	t.Parallel()
	_, err := rows(t, open(t, table().Serve(t, "secret"), snmp.V2c))
	require.ErrorContains(t, err, "the community may be wrong")
	_, err = rows(t, open(t, "127.0.0.1:9", snmp.V2c))
	require.ErrorContains(t, err, "no SNMP agent")
	_, err = rows(t, open(t, table().Serve(t, "public", snmpreplay.Circles(entry+"1", entry+"1.127")), snmp.V2c))
	require.ErrorContains(t, err, "in circles")
}

// Whatever an agent sends, the reader gives values or an error.
func FuzzAnswer(f *testing.F) {
	f.Add([]byte{0x30, 0x82, 0xff, 0xff}, uint8(0), uint16(0))
	f.Add([]byte{}, uint8(0xff), uint16(20))
	f.Add([]byte{}, uint8(0x84), uint16(60))
	f.Fuzz(func(t *testing.T, whole []byte, b uint8, at uint16) {
		address := table().Serve(t, "public", snmpreplay.Change(func(n int, answer []byte) []byte {
			if len(whole) > 0 && n%2 == 0 {
				return whole
			}
			if len(answer) > 0 {
				answer[int(at)%len(answer)] = b
			}
			return answer
		}))
		r, err := column.Open(t.Context(), snmp.Target{Address: address, Community: "public", Timeout: 3 * time.Millisecond, Retries: -1}, nil)
		require.NoError(t, err)
		defer r.Close()
		_, _ = rows(t, r)
		_ = r.Get(t.Context(), []snmp.OID{"1.3.6.1.2.1.1.5.0", "1.3.6.1.2.1.99.1"}, func(_ int, v *snmp.Var) { _ = v.Text() })
	})
}
