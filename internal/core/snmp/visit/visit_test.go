package visit

import (
	"context"
	"encoding/json"
	"net"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/core/snmp"
	"github.com/mainstay-ops/mainstay/internal/core/sweep"
	"github.com/mainstay-ops/mainstay/internal/testkit/snmpreplay"
)

func pace(context.Context) error { return nil }

// The credential that worked last time goes first; the first that works reads the
// device, and a reading survives its way as JSON.
func TestVisit(t *testing.T) {
	t.Parallel()
	address := snmpreplay.New(
		snmp.Var{OID: oidDescr, Kind: snmp.OctetString, Raw: []byte("A switch")},
		snmp.Var{OID: "1.3.6.1.2.1.1.5.0", Kind: snmp.OctetString, Raw: []byte("sw7")},
	).Serve(t, "right")
	_, port, err := net.SplitHostPort(address)
	require.NoError(t, err)
	type line struct {
		ok   bool
		text string
	}
	var notes []line
	v := &Visitor{
		Credentials: []Credential{
			{Name: "closed", Target: snmp.Target{Address: ":9", Community: "right"}},
			{Name: "good", Target: snmp.Target{Address: ":" + port, Community: "right"}},
			{Name: "late", Target: snmp.Target{Address: ":" + port, Community: "right"}},
		},
		Note: func(address string, ok bool, text string) {
			require.Equal(t, "127.0.0.1", address)
			notes = append(notes, line{ok, text})
		},
	}
	h := &sweep.Host{Address: netip.MustParseAddr("127.0.0.1")}
	require.True(t, v.Visit(t.Context(), h, pace))
	require.Len(t, notes, 2)
	require.False(t, notes[0].ok)
	require.Contains(t, notes[0].text, "Credential closed: ")
	require.True(t, notes[1].ok)
	rd, _ := h.Extra.(*Reading)
	require.Equal(t, []string{"good", "127.0.0.1", "sw7"}, []string{rd.Credential, rd.Address, rd.Device.Item.Name})
	b, err := json.Marshal(rd)
	require.NoError(t, err)
	var back Reading
	require.NoError(t, json.Unmarshal(b, &back))
	require.Equal(t, *rd, back)

	v.Worked = map[string]string{"127.0.0.1": "late"}
	notes = nil
	require.True(t, v.Visit(t.Context(), h, pace))
	require.Len(t, notes, 1)
	require.Contains(t, notes[0].text, "The credential late works.")
}

// A device that shows nothing of itself is not taken for one that was read.
func TestNarrowView(t *testing.T) {
	t.Parallel()
	address := snmpreplay.New(snmp.Var{OID: "1.3.6.1.2.1.99.1.0", Kind: snmp.Integer, Num: 1}).Serve(t, "c")
	_, err := Read(t.Context(), snmp.Target{Address: address, Community: "c"})
	require.ErrorContains(t, err, "too narrow")
}
