// Package tls checks the certificate of a server: its chain, its name and how long
// it is still valid. It can ask for TLS in the protocols that begin without.
package tls

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"strings"
	"time"

	"github.com/mainstay-ops/mainstay/internal/adapter/probe/internal/probekit"
	"github.com/mainstay-ops/mainstay/internal/core/netguard"
	"github.com/mainstay-ops/mainstay/internal/core/netline"
	"github.com/mainstay-ops/mainstay/internal/observe"
)

// Config says which certificate to look at.
type Config struct {
	Address    string           `json:"address" yaml:"address" doc:"Host and port; 443 when no port is given."`
	ServerName string           `json:"server_name,omitempty" yaml:"server_name,omitempty" doc:"Name to ask for and to find in the certificate; the host of address when empty."`
	Warn       int              `json:"warn,omitempty" yaml:"warn,omitempty" doc:"Warning when valid for fewer days."`
	Crit       int              `json:"crit,omitempty" yaml:"crit,omitempty" doc:"Critical when valid for fewer days."`
	StartTLS   string           `json:"starttls,omitempty" yaml:"starttls,omitempty" doc:"smtp, imap, pop3, ftp, ldap or postgres: ask for TLS in this protocol first."`
	SkipVerify bool             `json:"tls_skip_verify,omitempty" yaml:"tls_skip_verify,omitempty" doc:"Do not judge chain and name, only the expiry."`
	Timeout    observe.Duration `json:"timeout,omitempty" yaml:"timeout,omitempty" doc:"Limit for the whole run."`
}

func init() {
	observe.RegisterProbe(observe.ProbeType{
		Name: "tls", Title: "TLS certificate",
		New: func() observe.ProbeConfig { return newConfig() },
		FromTarget: func(t string) (observe.ProbeConfig, error) {
			c := newConfig()
			c.Address = t
			return c, c.Validate()
		},
	})
}

func newConfig() *Config {
	return &Config{Warn: 21, Crit: 7, Timeout: observe.Duration(observe.DefaultProbeTimeout)}
}

// Validate implements observe.ProbeConfig.
func (c *Config) Validate() error {
	var f probekit.FieldChecks
	f.Address("address", probekit.WithPort(c.Address, "443"))
	f.DaysLimits("warn", c.Warn, "crit", c.Crit)
	if c.StartTLS != "" {
		f.OneOf("starttls", c.StartTLS, "smtp", "imap", "pop3", "ftp", "ldap", "postgres")
	}
	f.Timeout("timeout", c.Timeout)
	return f.Err()
}

// Target implements observe.ProbeConfig.
func (c *Config) Target() string { return probekit.WithPort(c.Address, "443") }

// TimeLimit implements observe.TimeLimited.
func (c *Config) TimeLimit() time.Duration { return c.Timeout.D() }

// Probe implements observe.ProbeConfig.
func (c *Config) Probe(env observe.ProbeEnv) (observe.Probe, error) {
	return &probe{cfg: *c, env: env}, nil
}

type probe struct {
	cfg Config
	env observe.ProbeEnv
}

// Run implements observe.Probe.
func (p *probe) Run(ctx context.Context) observe.Result {
	start := time.Now()
	ctx, cancel := p.env.Bound(ctx, p.cfg.Timeout)
	defer cancel()
	address := p.cfg.Target()
	fail := func(err error) observe.Result {
		return probekit.Report(start, observe.Critical, "%s: %s", address, netguard.Explain(err))
	}
	c, err := netline.Dial(ctx, netguard.Guard{AllowMetadata: p.env.AllowMetadata}, address, 0)
	if err != nil {
		return fail(err)
	}
	defer func() { _ = c.Close() }()
	if p.cfg.StartTLS != "" {
		if _, err := netline.Greet(c, p.cfg.StartTLS); err != nil {
			return fail(err)
		}
		if err := netline.RequestTLS(c, p.cfg.StartTLS); err != nil {
			return fail(err)
		}
	}
	name := p.cfg.ServerName
	if name == "" {
		name, _, _ = net.SplitHostPort(address)
	}
	began := time.Now()
	// The chain is judged after the handshake, so that the expiry of a bad
	// certificate is known too.
	if err := c.StartTLS(ctx, &tls.Config{ServerName: name, InsecureSkipVerify: true, MinVersion: tls.VersionTLS10}); err != nil {
		return fail(err)
	}
	shake := time.Since(began)
	chain := c.TLS().PeerCertificates
	if len(chain) == 0 {
		return probekit.Report(start, observe.Critical, "%s: the server shows no certificate", address)
	}
	notAfter := probekit.CertExpiry(chain)
	status, _, text := probekit.CertDays(notAfter, time.Now(), p.cfg.Warn, p.cfg.Crit)
	if !p.cfg.SkipVerify {
		if err := verify(chain, name); err != nil && !strings.Contains(text, "expired") {
			status, text = observe.Critical, netguard.Explain(err)+"; "+text
		}
	}
	r := probekit.Report(start, status, "%s: %s (%s)", address, text, tls.VersionName(c.TLS().Version))
	r.CertNotAfter = notAfter
	leaf := chain[0]
	r.Detail = probekit.Text("Subject: "+leaf.Subject.String()+"\nIssuer: "+leaf.Issuer.String()+"\nNames: "+strings.Join(leaf.DNSNames[:min(len(leaf.DNSNames), 50)], ", ")+
		"\nValid: "+leaf.NotBefore.UTC().Format(time.RFC3339)+" to "+leaf.NotAfter.UTC().Format(time.RFC3339), 4096)
	r.Measures = []observe.Measure{
		{Name: "probe_tls_days_left", Value: notAfter.Sub(start).Hours() / 24},
		{Name: "probe_tls_handshake_seconds", Value: shake.Seconds()},
	}
	return r
}

func verify(chain []*x509.Certificate, name string) error {
	pool := x509.NewCertPool()
	for _, c := range chain[1:] {
		pool.AddCert(c)
	}
	_, err := chain[0].Verify(x509.VerifyOptions{DNSName: name, Intermediates: pool})
	return err
}
