// Package udp sends a datagram and expects an answer.
package udp

import (
	"context"
	"net"
	"strings"
	"time"

	"github.com/mainstay-ops/mainstay/internal/adapter/probe/internal/probekit"
	"github.com/mainstay-ops/mainstay/internal/core/netguard"
	"github.com/mainstay-ops/mainstay/internal/observe"
)

// Config says what to send and what to expect. UDP has no connection: without an
// answer nothing is known, so an answer is always needed.
type Config struct {
	Address string           `json:"address" yaml:"address" doc:"Host and port, for example syslog.example.org:514."`
	Send    string           `json:"send" yaml:"send" doc:"Text of the datagram."`
	Expect  string           `json:"expect,omitempty" yaml:"expect,omitempty" doc:"Text that must be in the answer; any answer does when empty."`
	Timeout observe.Duration `json:"timeout,omitempty" yaml:"timeout,omitempty" doc:"How long to wait for the answer."`
	Warn    observe.Duration `json:"warn,omitempty" yaml:"warn,omitempty" doc:"Warning when the answer takes longer."`
	Crit    observe.Duration `json:"crit,omitempty" yaml:"crit,omitempty" doc:"Critical when the answer takes longer."`
}

func init() {
	observe.RegisterProbe(observe.ProbeType{
		Name: "udp", Title: "UDP port",
		New: func() observe.ProbeConfig { return newConfig() },
		FromTarget: func(t string) (observe.ProbeConfig, error) {
			c := newConfig()
			c.Address = t
			return c, c.Validate()
		},
	})
}

func newConfig() *Config {
	return &Config{Send: "\n", Timeout: observe.Duration(5 * time.Second)}
}

// Validate implements observe.ProbeConfig.
func (c *Config) Validate() error {
	var f probekit.FieldChecks
	f.Address("address", c.Address)
	if len(c.Send) == 0 || len(c.Send) > 8192 {
		f.Add("send", len(c.Send), "must have 1 to 8192 bytes")
	}
	f.Timeout("timeout", c.Timeout)
	f.Limits("warn", c.Warn, "crit", c.Crit)
	return f.Err()
}

// Target implements observe.ProbeConfig.
func (c *Config) Target() string { return c.Address }

// TimeLimit implements observe.TimeLimited.
func (c *Config) TimeLimit() time.Duration { return c.Timeout.D() }

// Probe implements observe.ProbeConfig.
func (c *Config) Probe(env observe.ProbeEnv) (observe.Probe, error) {
	return &probe{cfg: *c, env: env, dialer: netguard.Guard{AllowMetadata: env.AllowMetadata}.Dialer(0)}, nil
}

type probe struct {
	cfg    Config
	env    observe.ProbeEnv
	dialer *net.Dialer
}

// maxDatagrams bounds how many answers without the expected text are looked at.
const maxDatagrams = 32

// Run implements observe.Probe.
func (p *probe) Run(ctx context.Context) observe.Result {
	start := time.Now()
	ctx, cancel := p.env.Bound(ctx, p.cfg.Timeout)
	defer cancel()
	fail := func(err error) observe.Result {
		return probekit.Report(start, observe.Critical, "%s: %s", p.cfg.Address, netguard.Explain(err))
	}
	conn, err := p.dialer.DialContext(ctx, "udp", p.cfg.Address)
	if err != nil {
		return fail(err)
	}
	defer func() { _ = conn.Close() }()
	if d, ok := ctx.Deadline(); ok {
		_ = conn.SetDeadline(d)
	}
	defer context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })()
	if _, err := conn.Write([]byte(p.cfg.Send)); err != nil {
		return fail(err)
	}
	buf := make([]byte, 4096)
	for range maxDatagrams {
		n, err := conn.Read(buf)
		if err != nil {
			return fail(err)
		}
		if strings.Contains(string(buf[:n]), p.cfg.Expect) {
			took := time.Since(start)
			r := probekit.Report(start, probekit.Over(took, p.cfg.Warn.D(), p.cfg.Crit.D()), "%s answered %d bytes in %s", p.cfg.Address, n, probekit.Millis(took))
			r.Measures = []observe.Measure{{Name: "probe_udp_response_bytes", Value: float64(n)}}
			return r
		}
	}
	return probekit.Report(start, observe.Critical, "%s: %d answers without %q", p.cfg.Address, maxDatagrams, probekit.Line(p.cfg.Expect, 60))
}
