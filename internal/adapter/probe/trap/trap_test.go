package trap

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/snmp"
	snmptrap "github.com/mainstay-ops/mainstay/internal/core/snmp/trap"
	"github.com/mainstay-ops/mainstay/internal/observe"
)

func link(oid, name, index, state string) snmptrap.Notice {
	return snmptrap.Notice{Address: "192.0.2.1", OID: snmp.OID("1.3.6.1.6.3.1.1.5." + oid), Name: name, Vars: []snmptrap.Value{
		{OID: "1.3.6.1.2.1.2.2.1.1.3", Name: "ifIndex", Index: "3", Text: index},
		{OID: "1.3.6.1.2.1.2.2.1.8.3", Name: "ifOperStatus", Index: "3", Text: state},
		{OID: "1.3.6.1.4.1.9.2.2.1.1.20.3", Text: "Keepalive failed"},
	}}
}

func TestJudge(t *testing.T) {
	t.Parallel()
	down, up := link("3", "linkDown", "3", "down"), link("4", "linkUp", "3", "up")
	c := newConfig()
	c.Traps, c.Clear, c.Per = []string{"linkdown"}, []string{"1.3.6.1.6.3.1.1.5.4"}, "ifIndex"
	c.Text = "{ifIndex} of {address} is {ifOperStatus}: {1.3.6.1.4.1.9.2.2.1.1.20} ({trap}, {nothing})"
	require.NoError(t, c.Validate())
	st, key, said, ok := c.Judge(down)
	require.True(t, ok)
	require.Equal(t, observe.Critical, st)
	require.Equal(t, "3", key)
	require.Equal(t, "3 of 192.0.2.1 is down: Keepalive failed (linkDown, {nothing})", said)
	st, _, _, ok = c.Judge(up)
	require.True(t, ok)
	require.Equal(t, observe.OK, st)
	_, _, _, ok = c.Judge(link("1", "coldStart", "3", "up"))
	require.False(t, ok)

	for where, want := range map[string]bool{
		"ifIndex=3": true, "ifIndex=4": false, "ifOperStatus = /^do/": true, "1.3.6.1.4.1.9.2.2.1.1.20=Keepalive failed": true,
		"1.3.6.1.4.1.9.2.2.1.1.20.3=/Keep/": true, "ifName=x": false, ".1.3.6.1.2.1.2.2.1.1=3": true, "1.3.6.1.2.1.2.2.1=3": true,
	} {
		c.Where = []string{where}
		require.NoError(t, c.Validate())
		_, _, _, ok = c.Judge(down)
		require.Equal(t, want, ok, where)
	}
	c.Where, c.Traps, c.State, c.Text = nil, []string{"1.3.6.1.6.3.1.1.5.*"}, "warning", ""
	st, _, said, ok = c.Judge(down)
	require.True(t, ok)
	require.Equal(t, observe.Warning, st)
	require.Equal(t, "linkDown: ifIndex=3, ifOperStatus=down, 1.3.6.1.4.1.9.2.2.1.1.20.3=Keepalive failed", said)
}

func TestValidate(t *testing.T) {
	t.Parallel()
	c := &Config{Traps: []string{"not a name"}, Clear: []string{"1..2"}, State: "bad", Where: []string{"x", "a=/(/"}, Per: "a b", Reset: observe.Duration(time.Millisecond)}
	var paths []string
	for _, f := range errs.FieldsOf(c.Validate()) {
		paths = append(paths, f.Path)
	}
	require.ElementsMatch(t, []string{"traps[0]", "clear[0]", "state", "where[0]", "where[1]", "per", "reset_after"}, paths)
	require.Error(t, newConfig().Validate())
	require.True(t, observe.Waits(c))
}
