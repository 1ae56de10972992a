package poll

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/core/snmp"
	"github.com/mainstay-ops/mainstay/internal/testkit/snmpreplay"
)

// A poll asks for what it needs and no more.
func TestPollIsLean(t *testing.T) {
	t.Parallel()
	v := []snmp.Var{{OID: sysUpTime, Kind: snmp.TimeTicks, Unum: 5}, {OID: ifNumber, Kind: snmp.Integer, Num: 100}}
	for i := 1; i <= 100; i++ {
		v = append(v, snmp.Var{OID: snmp.OID(fmt.Sprintf("%s1.%d", ifXTable, i)), Kind: snmp.OctetString, Raw: []byte("x")})
		for f := range figures {
			o := figureOf(f).wide
			if o == "" {
				o = figureOf(f).small
			}
			v = append(v, snmp.Var{OID: snmp.OID(fmt.Sprintf("%s.%d", o, i)), Kind: snmp.Gauge32, Unum: 1})
		}
	}
	s, _ := service(t)
	d := newDev(snmp.Target{Address: snmpreplay.New(v...).Serve(t, "public"), Community: "public", Timeout: time.Second})
	poll(t, s, d)
	s.survey(t.Context(), d)
	require.False(t, d.surveyed.IsZero())
	poll(t, s, d)
	require.NoError(t, d.err)
	require.Equal(t, 100*figures+3, d.values, "%v", d.gaugeOIDs)
}
