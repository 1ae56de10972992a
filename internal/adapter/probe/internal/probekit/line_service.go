package probekit

import (
	"context"
	"crypto/tls"
	"net"
	"strings"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/netguard"
	"github.com/mainstay-ops/mainstay/internal/core/netline"
	"github.com/mainstay-ops/mainstay/internal/observe"
)

// LineService is the configuration of checks of servers that greet with a line:
// smtp, imap, pop3 and ftp.
type LineService struct {
	Address       string           `json:"address" yaml:"address" doc:"Host and, if it is not the usual one, port."`
	TLS           string           `json:"tls,omitempty" yaml:"tls,omitempty" doc:"none, starttls, or implicit for TLS from the first byte."`
	TLSSkipVerify bool             `json:"tls_skip_verify,omitempty" yaml:"tls_skip_verify,omitempty" doc:"Accept any certificate."`
	CertWarn      int              `json:"cert_warn,omitempty" yaml:"cert_warn,omitempty" doc:"Warning when the certificate is valid for fewer days."`
	CertCrit      int              `json:"cert_crit,omitempty" yaml:"cert_crit,omitempty" doc:"Critical when the certificate is valid for fewer days."`
	Expect        string           `json:"expect,omitempty" yaml:"expect,omitempty" doc:"Text that must be in the greeting."`
	Timeout       observe.Duration `json:"timeout,omitempty" yaml:"timeout,omitempty" doc:"Limit for the whole run."`
	Warn          observe.Duration `json:"warn,omitempty" yaml:"warn,omitempty" doc:"Warning when the run takes longer."`
	Crit          observe.Duration `json:"crit,omitempty" yaml:"crit,omitempty" doc:"Critical when the run takes longer."`

	protocol, port, tlsPort string
}

// LineServiceType makes the probe type of one protocol that netline.Greet knows,
// with its usual ports for plain and for implicit TLS.
func LineServiceType(protocol, title, port, tlsPort string) observe.ProbeType {
	fresh := func() *LineService {
		return &LineService{
			TLS: "none", CertWarn: 21, CertCrit: 7, Timeout: observe.Duration(observe.DefaultProbeTimeout),
			protocol: protocol, port: port, tlsPort: tlsPort,
		}
	}
	return observe.ProbeType{
		Name: protocol, Title: title,
		New: func() observe.ProbeConfig { return fresh() },
		FromTarget: func(t string) (observe.ProbeConfig, error) {
			c := fresh()
			c.Address = t
			if strings.HasSuffix(t, ":"+tlsPort) {
				c.TLS = "implicit"
			}
			return c, c.Validate()
		},
	}
}

// Validate implements ProbeConfig.
func (c *LineService) Validate() error {
	var f FieldChecks
	f.Address("address", c.address())
	f.OneOf("tls", c.TLS, "none", "starttls", "implicit")
	f.DaysLimits("cert_warn", c.CertWarn, "cert_crit", c.CertCrit)
	f.Timeout("timeout", c.Timeout)
	f.Limits("warn", c.Warn, "crit", c.Crit)
	return f.Err()
}

func (c *LineService) address() string {
	if c.TLS == "implicit" {
		return WithPort(c.Address, c.tlsPort)
	}
	return WithPort(c.Address, c.port)
}

// Target implements ProbeConfig.
func (c *LineService) Target() string { return c.address() }

// TimeLimit implements TimeLimited.
func (c *LineService) TimeLimit() time.Duration { return c.Timeout.D() }

// Probe implements ProbeConfig.
func (c *LineService) Probe(env observe.ProbeEnv) (observe.Probe, error) {
	return &lineProbe{cfg: *c, env: env}, nil
}

type lineProbe struct {
	cfg LineService
	env observe.ProbeEnv
}

// Run implements Probe.
func (p *lineProbe) Run(ctx context.Context) observe.Result {
	start := time.Now()
	ctx, cancel := p.env.Bound(ctx, p.cfg.Timeout)
	defer cancel()
	address := p.cfg.address()
	c, err := netline.Dial(ctx, netguard.Guard{AllowMetadata: p.env.AllowMetadata}, address, 0)
	if err != nil {
		return Report(start, observe.Critical, "%s: %s", address, netguard.Explain(err))
	}
	defer func() { _ = c.Close() }()
	connect := time.Since(start)
	banner, err := p.talk(ctx, c, address)
	if err != nil {
		return Report(start, observe.Critical, "%s: %s", address, netguard.Explain(err))
	}
	netline.Quit(c, p.cfg.protocol)
	took := time.Since(start)
	status, why := Over(took, p.cfg.Warn.D(), p.cfg.Crit.D()), ""
	if !strings.Contains(banner, p.cfg.Expect) {
		status, why = observe.Critical, ", the greeting does not hold \""+Line(p.cfg.Expect, 60)+"\""
	}
	var notAfter time.Time
	ms := []observe.Measure{{Name: "probe_" + p.cfg.protocol + "_connect_seconds", Value: connect.Seconds()}}
	if st := c.TLS(); st != nil {
		notAfter = CertExpiry(st.PeerCertificates)
		s, _, text := CertDays(notAfter, time.Now(), p.cfg.CertWarn, p.cfg.CertCrit)
		if s != observe.OK {
			status, why = Worst(status, s), why+", "+text
		}
		ms = append(ms, observe.Measure{Name: "probe_tls_days_left", Value: notAfter.Sub(start).Hours() / 24})
	}
	r := Report(start, status, "%s answered in %s%s: %s", address, Millis(took), why, Line(banner, 120))
	r.Measures, r.CertNotAfter = ms, notAfter
	return r
}

func (p *lineProbe) talk(ctx context.Context, c *netline.Conn, address string) (string, error) {
	host, _, _ := net.SplitHostPort(address)
	cfg := &tls.Config{ServerName: host, InsecureSkipVerify: p.cfg.TLSSkipVerify, MinVersion: tls.VersionTLS10}
	if p.cfg.TLS == "implicit" {
		if err := c.StartTLS(ctx, cfg); err != nil {
			return "", err
		}
	}
	banner, err := netline.Greet(c, p.cfg.protocol)
	if err != nil || p.cfg.TLS != "starttls" {
		return banner, err
	}
	if err := netline.RequestTLS(c, p.cfg.protocol); err != nil {
		return banner, err
	}
	return banner, c.StartTLS(ctx, cfg)
}
