package snmp_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/snmp"
	"github.com/mainstay-ops/mainstay/internal/core/snmp/device"
	"github.com/mainstay-ops/mainstay/internal/testkit/snmpreplay"
)

// agent has a system group and a table of interfaces.
func agent() *snmpreplay.Recording {
	text := func(oid, s string) snmp.Var {
		return snmp.Var{OID: snmp.OID(oid), Kind: snmp.OctetString, Raw: []byte(s)}
	}
	return snmpreplay.New(
		text("1.3.6.1.2.1.1.1.0", "a switch"), text("1.3.6.1.2.1.1.5.0", "sw-1"),
		text("1.3.6.1.2.1.2.2.1.2.1", "port 1"), text("1.3.6.1.2.1.2.2.1.2.2", "port 2"), text("1.3.6.1.2.1.2.2.1.2.3", "port 3"),
		text("1.3.6.1.2.1.47.1.1.1.1.2.1", "chassis"), text("1.3.6.1.2.1.47.1.1.1.1.11.1", "S123"),
		snmp.Var{OID: "1.3.6.1.2.1.47.1.1.1.1.5.1", Kind: snmp.Integer, Num: 3},
	)
}

func open(t *testing.T, address string, change ...func(*snmp.Target)) snmp.Session {
	t.Helper()
	target := snmp.Target{Address: address, Community: "public", Timeout: 150 * time.Millisecond, Retries: -1}
	for _, c := range change {
		c(&target)
	}
	s, err := snmp.Open(t.Context(), target)
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func walk(t *testing.T, s snmp.Session, root snmp.OID) ([]string, error) {
	t.Helper()
	var got []string
	err := s.Walk(t.Context(), root, func(v snmp.Var) error { got = append(got, v.Text()); return nil })
	return got, err
}

func TestWrongCommunity(t *testing.T) {
	t.Parallel()
	s := open(t, agent().Serve(t, "secret"))
	_, err := s.Get(t.Context(), "1.3.6.1.2.1.1.5.0")
	require.ErrorContains(t, err, "the community may be wrong")
	require.Equal(t, errs.Unavailable, errs.CodeOf(err))
	require.NotContains(t, err.Error(), "public")
}

func TestWalksEnd(t *testing.T) {
	t.Parallel()
	const table = "1.3.6.1.2.1.2.2.1.2"
	for name, tc := range map[string]struct {
		opt  snmpreplay.Option
		max  int
		says string
	}{
		"endless":  {snmpreplay.Endless(table), 500, "more than 500 values"},
		"circles":  {snmpreplay.Circles(table, table+".2"), 0, "answers in circles"},
		"shuffled": {snmpreplay.Shuffled(), 0, "answers in circles"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t, agent().Serve(t, "public", tc.opt), func(x *snmp.Target) { x.MaxVars = tc.max; x.MaxRepetitions = 3 })
			got, err := walk(t, s, table)
			require.True(t, snmp.Limited(err), "%v", err)
			require.ErrorContains(t, err, tc.says)
			require.NotEmpty(t, got, "what was read until then is given")
		})
	}
}

// An agent with small packets cuts its answers and refuses large questions.
func TestSmallPackets(t *testing.T) {
	t.Parallel()
	s := open(t, agent().Serve(t, "public", snmpreplay.Size(60)))
	got, err := walk(t, s, "1.3.6.1.2.1.2.2.1.2")
	require.NoError(t, err)
	require.Equal(t, []string{"port 1", "port 2", "port 3"}, got)
	vars, err := s.Get(t.Context(), "1.3.6.1.2.1.1.1.0", "1.3.6.1.2.1.1.5.0", "1.3.6.1.2.1.2.2.1.2.3", "1.3.6.1.9.9")
	require.NoError(t, err)
	require.Equal(t, []string{"a switch", "sw-1", "port 3", ""}, []string{vars[0].Text(), vars[1].Text(), vars[2].Text(), vars[3].Text()})
}

// A lost answer is asked for again, one that comes late belongs to its request.
func TestLossAndDelay(t *testing.T) {
	t.Parallel()
	lossy := agent().Serve(t, "public", snmpreplay.Drop(func(n int) bool { return n%2 == 1 }))
	got, err := walk(t, open(t, lossy, func(x *snmp.Target) { x.Retries = 2 }), "1.3.6.1.2.1.2.2.1.2")
	require.NoError(t, err)
	require.Len(t, got, 3)
	late := agent().Serve(t, "public", snmpreplay.Delay(60*time.Millisecond))
	v, err := open(t, late).Get(t.Context(), "1.3.6.1.2.1.1.5.0")
	require.NoError(t, err)
	require.Equal(t, "sw-1", v[0].Text())
}

// A device that dies in the middle gives what it gave until then, and soon.
func TestHalfDead(t *testing.T) {
	t.Parallel()
	address := agent().Serve(t, "public", snmpreplay.Drop(func(n int) bool { return n > 5 }))
	begin := time.Now()
	d, err := device.Read(t.Context(), open(t, address), device.Options{})
	require.NoError(t, err)
	require.Equal(t, "sw-1", d.Item.Name)
	require.Len(t, d.Interfaces, 3)
	require.Contains(t, d.Limits, "The device stopped answering. The rest was not read.")
	require.Less(t, time.Since(begin), 5*time.Second)
}

// One table that goes wrong does not take the others with it.
func TestOneBadTable(t *testing.T) {
	t.Parallel()
	address := agent().Serve(t, "public", snmpreplay.Endless("1.3.6.1.2.1.2.2.1.2"))
	d, err := device.Read(t.Context(), open(t, address, func(x *snmp.Target) { x.MaxVars = 100 }), device.Options{})
	require.NoError(t, err)
	require.Equal(t, "S123", d.Item.Serial)
	require.Len(t, d.Limits, 1)
	require.Contains(t, d.Limits[0], "The interfaces were cut")
}

func TestReadingHasLimits(t *testing.T) {
	t.Parallel()
	d, err := device.Read(t.Context(), agent().Session(), device.Options{MaxVars: 4})
	require.NoError(t, err)
	require.Equal(t, []string{"The device has more than 4 values. What follows parts was not read."}, d.Limits)
	address := agent().Serve(t, "public", snmpreplay.Delay(40*time.Millisecond))
	d, err = device.Read(t.Context(), open(t, address), device.Options{Time: 100 * time.Millisecond})
	require.NoError(t, err)
	require.Len(t, d.Limits, 1)
	require.Contains(t, d.Limits[0], "took longer than 100ms")
	silent := agent().Serve(t, "public", snmpreplay.Drop(func(int) bool { return true }))
	_, err = device.Read(t.Context(), open(t, silent), device.Options{Time: 50 * time.Millisecond, Address: "sw-1"})
	require.ErrorContains(t, err, "sw-1 did not answer SNMP within 50ms.")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = device.Read(ctx, agent().Session(), device.Options{})
	require.ErrorIs(t, err, context.Canceled)
}

func TestNothingListens(t *testing.T) {
	t.Parallel()
	_, err := open(t, "127.0.0.1:9").Get(t.Context(), "1.3.6.1.2.1.1.5.0")
	require.ErrorContains(t, err, "no SNMP agent on that port")
}

// Whatever an agent sends, the session gives values or a sentence.
func FuzzAnswer(f *testing.F) {
	f.Add([]byte{0x30, 0x82, 0xff, 0xff}, uint8(0), uint16(0))
	f.Add([]byte{}, uint8(0xff), uint16(20))
	f.Add([]byte("HTTP/1.0 400 Bad Request"), uint8(0), uint16(0))
	f.Add([]byte{0x30, 0x80}, uint8(0x80), uint16(31))
	f.Fuzz(func(t *testing.T, whole []byte, b uint8, at uint16) {
		address := agent().Serve(t, "public", snmpreplay.Change(func(n int, answer []byte) []byte {
			// Either other bytes, or a right answer with one byte that is wrong.
			if len(whole) > 0 && n%2 == 0 {
				return whole
			}
			if len(answer) > 0 {
				answer[int(at)%len(answer)] = b
			}
			return answer
		}))
		s, err := snmp.Open(t.Context(), snmp.Target{Address: address, Community: "public", Timeout: 3 * time.Millisecond, Retries: -1, MaxVars: 50})
		require.NoError(t, err)
		defer s.Close()
		for range 2 {
			if _, err := s.Get(t.Context(), "1.3.6.1.2.1.1.1.0", "1.3.6.1.2.1.1.5.0"); err != nil {
				require.NotEmpty(t, errs.Message(err))
			}
			_ = s.Walk(t.Context(), "1.3.6.1.2.1", func(v snmp.Var) error { _, _, _ = v.Text(), v.MAC(), v.Kind; return nil })
		}
	})
}
