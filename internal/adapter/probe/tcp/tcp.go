// Package tcp connects to a port, optionally over TLS, and may send a text and
// expect another in the answer.
package tcp

import (
	"bytes"
	"context"
	"crypto/tls"
	"net"
	"time"

	"github.com/mainstay-ops/mainstay/internal/adapter/probe/internal/probekit"
	"github.com/mainstay-ops/mainstay/internal/core/netguard"
	"github.com/mainstay-ops/mainstay/internal/core/netline"
	"github.com/mainstay-ops/mainstay/internal/observe"
)

// Config says where to connect and what to expect.
type Config struct {
	Address       string           `json:"address" yaml:"address" doc:"Host and port, for example db.example.org:5432."`
	Send          string           `json:"send,omitempty" yaml:"send,omitempty" doc:"Text to send after connecting."`
	Expect        string           `json:"expect,omitempty" yaml:"expect,omitempty" doc:"Text that must be in the first 64 KiB of the answer, else the check is critical."`
	TLS           bool             `json:"tls,omitempty" yaml:"tls,omitempty" doc:"Speak TLS; the certificate must be valid for the host."`
	TLSSkipVerify bool             `json:"tls_skip_verify,omitempty" yaml:"tls_skip_verify,omitempty" doc:"Accept any certificate."`
	Timeout       observe.Duration `json:"timeout,omitempty" yaml:"timeout,omitempty" doc:"Limit for the whole run."`
	Warn          observe.Duration `json:"warn,omitempty" yaml:"warn,omitempty" doc:"Warning when the run takes longer."`
	Crit          observe.Duration `json:"crit,omitempty" yaml:"crit,omitempty" doc:"Critical when the run takes longer."`
}

func init() {
	observe.RegisterProbe(observe.ProbeType{
		Name: "tcp", Title: "TCP port",
		New: func() observe.ProbeConfig { return newConfig() },
		FromTarget: func(t string) (observe.ProbeConfig, error) {
			c := newConfig()
			c.Address = t
			return c, c.Validate()
		},
	})
}

func newConfig() *Config { return &Config{Timeout: observe.Duration(observe.DefaultProbeTimeout)} }

// Validate implements observe.ProbeConfig.
func (c *Config) Validate() error {
	var f probekit.FieldChecks
	f.Address("address", c.Address)
	if len(c.Send) > netline.Budget {
		f.Add("send", "", "must be at most 64 KiB")
	}
	if len(c.Expect) > 4096 {
		f.Add("expect", "", "must be at most 4096 bytes")
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
	host, _, _ := net.SplitHostPort(c.Address)
	return &probe{
		cfg: *c, env: env,
		dialer: netguard.Guard{AllowMetadata: env.AllowMetadata}.Dialer(0),
		tls:    &tls.Config{ServerName: host, InsecureSkipVerify: c.TLSSkipVerify, MinVersion: tls.VersionTLS10},
	}, nil
}

type probe struct {
	cfg    Config
	env    observe.ProbeEnv
	dialer *net.Dialer
	tls    *tls.Config
}

// Run implements observe.Probe.
func (p *probe) Run(ctx context.Context) observe.Result {
	start := time.Now()
	ctx, cancel := p.env.Bound(ctx, p.cfg.Timeout)
	defer cancel()
	conn, err := p.dialer.DialContext(ctx, "tcp", p.cfg.Address)
	connect := time.Since(start)
	if err != nil {
		return probekit.Report(start, observe.Critical, "%s: %s", p.cfg.Address, netguard.Explain(err))
	}
	res := p.talk(ctx, conn, start)
	res.Measures = append(res.Measures, observe.Measure{Name: "probe_tcp_connect_seconds", Value: connect.Seconds()})
	return res
}

func (p *probe) talk(ctx context.Context, conn net.Conn, start time.Time) observe.Result {
	if !p.cfg.TLS && p.cfg.Send == "" && p.cfg.Expect == "" {
		_ = conn.Close()
		return p.judge(start, "connected")
	}
	c := netline.New(ctx, conn, netline.Budget)
	defer func() { _ = c.Close() }()
	var res observe.Result
	if p.cfg.TLS {
		if err := c.StartTLS(ctx, p.tls); err != nil {
			return probekit.Report(start, observe.Critical, "%s: TLS: %s", p.cfg.Address, netguard.Explain(err))
		}
		res.CertNotAfter = probekit.CertExpiry(c.TLS().PeerCertificates)
	}
	if p.cfg.Send != "" {
		if _, err := c.Write([]byte(p.cfg.Send)); err != nil {
			return probekit.Report(start, observe.Critical, "%s: %s while sending", p.cfg.Address, netguard.Explain(err))
		}
	}
	done := "connected"
	if p.cfg.Expect != "" {
		got, err := readUntil(c, []byte(p.cfg.Expect))
		if err != nil {
			return probekit.Report(start, observe.Critical, "%s: did not answer %q: %s; it sent %q", p.cfg.Address,
				probekit.Line(p.cfg.Expect, 60), netguard.Explain(err), probekit.Line(string(got), 80))
		}
		done = "answered as expected"
	}
	r := p.judge(start, done)
	r.CertNotAfter = res.CertNotAfter
	return r
}

func (p *probe) judge(start time.Time, done string) observe.Result {
	took := time.Since(start)
	s := probekit.Over(took, p.cfg.Warn.D(), p.cfg.Crit.D())
	return observe.Result{Status: s, Output: p.cfg.Address + " " + done + " in " + probekit.Millis(took), Start: start, Duration: took}
}

// readUntil reads until want was seen; it returns the beginning of what came.
func readUntil(c *netline.Conn, want []byte) ([]byte, error) {
	var all []byte
	buf := make([]byte, 2048)
	for {
		n, err := c.Read(buf)
		from := max(0, len(all)-len(want))
		all = append(all, buf[:n]...)
		if bytes.Contains(all[from:], want) {
			return all, nil
		}
		if err != nil {
			return all[:min(len(all), 320)], err
		}
	}
}
