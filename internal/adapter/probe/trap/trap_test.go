package trap

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/snmp"
	"github.com/mainstay-ops/mainstay/internal/observe"
)

func link(oid, name, index, state string) observe.Trap {
	return observe.Trap{Address: "192.0.2.1", OID: snmp.OID("1.3.6.1.6.3.1.1.5." + oid), Name: name, Vars: []observe.TrapVar{
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
	v, ok := c.Judge(down)
	require.True(t, ok)
	require.Equal(t, observe.TrapVerdict{Status: observe.Critical, Key: "3", Output: "3 of 192.0.2.1 is down: Keepalive failed (linkDown, {nothing})"}, v)
	v, ok = c.Judge(up)
	require.True(t, ok)
	require.Equal(t, observe.OK, v.Status)
	_, ok = c.Judge(link("1", "coldStart", "3", "up"))
	require.False(t, ok)

	for where, want := range map[string]bool{
		"ifIndex=3": true, "ifIndex=4": false, "ifOperStatus = /^do/": true, "1.3.6.1.4.1.9.2.2.1.1.20=Keepalive failed": true,
		"1.3.6.1.4.1.9.2.2.1.1.20.3=/Keep/": true, "ifName=x": false, ".1.3.6.1.2.1.2.2.1.1=3": true, "1.3.6.1.2.1.2.2.1=3": true,
	} {
		c.Where = []string{where}
		require.NoError(t, c.Validate())
		_, ok = c.Judge(down)
		require.Equal(t, want, ok, where)
	}
	c.Where, c.Traps, c.State, c.Text = nil, []string{"1.3.6.1.6.3.1.1.5.*"}, "warning", ""
	v, ok = c.Judge(down)
	require.True(t, ok)
	require.Equal(t, observe.Warning, v.Status)
	require.Equal(t, "linkDown: ifIndex=3, ifOperStatus=down, 1.3.6.1.4.1.9.2.2.1.1.20.3=Keepalive failed", v.Output)
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
