package snmp

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/core/snmp"
	"github.com/mainstay-ops/mainstay/internal/observe"
	"github.com/mainstay-ops/mainstay/internal/testkit/snmpreplay"
)

func TestRun(t *testing.T) {
	t.Parallel()
	addr := snmpreplay.New(
		snmp.Var{OID: "1.3.6.1.4.1.9.1", Kind: snmp.Gauge32, Unum: 235}, snmp.Var{OID: "1.3.6.1.4.1.9.2", Kind: snmp.OctetString, Raw: []byte("all well")},
	).Serve(t, "public")
	for name, tc := range map[string]struct {
		change func(*Config)
		status observe.Status
		says   string
	}{
		"plain":          {func(*Config) {}, observe.OK, "is 235"},
		"factor, right":  {func(c *Config) { c.Factor, c.Warning = 0.1, "30" }, observe.OK, "is 23.5"},
		"warning":        {func(c *Config) { c.Warning, c.Critical = "200", "300" }, observe.Warning, "is 235"},
		"critical":       {func(c *Config) { c.Critical = "300:" }, observe.Critical, "is 235"},
		"inside":         {func(c *Config) { c.Critical = "@200:300" }, observe.Critical, "is 235"},
		"text":           {func(c *Config) { c.OID, c.Expect = "1.3.6.1.4.1.9.2", "well$" }, observe.OK, "all well"},
		"other text":     {func(c *Config) { c.OID, c.Expect = "1.3.6.1.4.1.9.2", "ill" }, observe.Critical, "not as expected"},
		"no number":      {func(c *Config) { c.OID, c.Warning = "1.3.6.1.4.1.9.2", "5" }, observe.Unknown, "no number"},
		"missing":        {func(c *Config) { c.OID = "1.3.6.1.4.1.9.3" }, observe.Critical, "has no value"},
		"community":      {func(c *Config) { c.Community, c.Timeout = "secret", observe.Duration(200*time.Millisecond) }, observe.Critical, "did not answer"},
		"nobody listens": {func(c *Config) { c.Address = "127.0.0.1:9" }, observe.Critical, "no SNMP agent"},
		"metadata":       {func(c *Config) { c.Address = "169.254.169.254" }, observe.Critical, "metadata"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newConfig()
			c.Address, c.OID = addr, "1.3.6.1.4.1.9.1"
			tc.change(c)
			require.NoError(t, c.Validate())
			p, err := c.Probe(observe.ProbeEnv{})
			require.NoError(t, err)
			r := p.Run(t.Context())
			require.Equal(t, tc.status, r.Status, r.Output)
			require.Contains(t, r.Output, tc.says)
			require.NotContains(t, r.Output, "secret")
		})
	}
}

func TestValidate(t *testing.T) {
	t.Parallel()
	c := newConfig()
	c.Address, c.OID, c.Version, c.Warning, c.Critical, c.Expect = "sw-1", "ifInOctets", "3", "20:10", "many", "("
	err := c.Validate()
	for _, path := range []string{"oid", "user", "warning", "critical", "expect"} {
		require.ErrorContains(t, err, path)
	}
}
