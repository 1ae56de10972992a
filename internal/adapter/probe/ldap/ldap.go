// Package ldap binds to an LDAP server and may read an entry.
package ldap

import (
	"context"
	"crypto/tls"
	"errors"
	"net/url"
	"strings"
	"time"

	"github.com/go-ldap/ldap/v3"

	"github.com/mainstay-ops/mainstay/internal/adapter/probe/internal/probekit"
	"github.com/mainstay-ops/mainstay/internal/core/netguard"
	"github.com/mainstay-ops/mainstay/internal/core/netline"
	"github.com/mainstay-ops/mainstay/internal/observe"
)

// Config says what to check.
type Config struct {
	URL           string `json:"url" yaml:"url" doc:"Address, ldap:// or ldaps://."`
	BindDN        string `json:"bind_dn,omitempty" yaml:"bind_dn,omitempty" doc:"Name to bind with; anonymous when empty."`
	Password      string `json:"password,omitempty" yaml:"password,omitempty" doc:"Password to bind with." secret:"true"`
	BaseDN        string `json:"base_dn,omitempty" yaml:"base_dn,omitempty" doc:"Entry to read; the root entry when empty."`
	Filter        string `json:"filter,omitempty" yaml:"filter,omitempty" doc:"Filter that the entry must meet."`
	TLSSkipVerify bool   `json:"tls_skip_verify,omitempty" yaml:"tls_skip_verify,omitempty" doc:"Accept any certificate."`

	Timeout observe.Duration `json:"timeout,omitempty" yaml:"timeout,omitempty" doc:"Limit for the whole run."`
	Warn    observe.Duration `json:"warn,omitempty" yaml:"warn,omitempty" doc:"Warning when the run takes longer."`
	Crit    observe.Duration `json:"crit,omitempty" yaml:"crit,omitempty" doc:"Critical when the run takes longer."`
}

func init() {
	observe.RegisterProbe(observe.ProbeType{
		Name: "ldap", Title: "LDAP",
		New: func() observe.ProbeConfig { return newConfig() },
		FromTarget: func(t string) (observe.ProbeConfig, error) {
			c := newConfig()
			if !strings.Contains(t, "://") {
				t = "ldap://" + t
			}
			c.URL = t
			return c, c.Validate()
		},
	})
}

func newConfig() *Config {
	return &Config{Filter: "(objectClass=*)", Timeout: observe.Duration(observe.DefaultProbeTimeout)}
}

// Validate implements observe.ProbeConfig.
func (c *Config) Validate() error {
	var f probekit.FieldChecks
	if u, err := url.Parse(c.URL); err != nil || u.Hostname() == "" || u.Scheme != "ldap" && u.Scheme != "ldaps" {
		f.Add("url", c.URL, "must be an address, for example \"ldaps://ldap.example.org\"")
	}
	if c.BindDN != "" && c.Password == "" {
		f.Secret("password", "is needed with bind_dn")
	}
	if _, err := ldap.CompileFilter(c.Filter); err != nil {
		f.Add("filter", c.Filter, "must be an LDAP filter, for example \"(objectClass=*)\"")
	}
	f.Timeout("timeout", c.Timeout)
	f.Limits("warn", c.Warn, "crit", c.Crit)
	return f.Err()
}

// Target implements observe.ProbeConfig.
func (c *Config) Target() string { return c.URL }

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
	fail := func(err error) observe.Result {
		return probekit.Report(start, observe.Critical, "%s: %s", p.cfg.Target(), netguard.Explain(err))
	}
	u, err := url.Parse(p.cfg.URL)
	if err != nil {
		return fail(err)
	}
	port := map[string]string{"ldap": "389", "ldaps": "636"}[u.Scheme]
	conn, err := netguard.Guard{AllowMetadata: p.env.AllowMetadata}.Dialer(0).DialContext(ctx, "tcp", probekit.WithPort(u.Host, port))
	if err != nil {
		return fail(err)
	}
	defer func() { _ = conn.Close() }()
	if d, ok := ctx.Deadline(); ok {
		_ = conn.SetDeadline(d)
	}
	raw := conn // conn is wrapped below while ctx may already end
	defer context.AfterFunc(ctx, func() { _ = raw.Close() })()
	conn = netline.Bounded(conn, netline.Budget)
	if u.Scheme == "ldaps" {
		t := tls.Client(conn, &tls.Config{ServerName: u.Hostname(), InsecureSkipVerify: p.cfg.TLSSkipVerify, MinVersion: tls.VersionTLS10})
		if err := t.HandshakeContext(ctx); err != nil {
			return fail(err)
		}
		conn = t
	}
	lc := ldap.NewConn(conn, u.Scheme == "ldaps")
	lc.Start()
	defer func() { _ = lc.Close() }()
	if end, ok := ctx.Deadline(); ok {
		lc.SetTimeout(max(time.Until(end), time.Millisecond))
	}
	if p.cfg.BindDN == "" {
		err = lc.UnauthenticatedBind("")
	} else {
		err = lc.Bind(p.cfg.BindDN, p.cfg.Password)
	}
	if err != nil {
		return probekit.Report(start, observe.Critical, "%s: bind: %s", p.cfg.Target(), explain(err))
	}
	res, err := lc.Search(ldap.NewSearchRequest(p.cfg.BaseDN, ldap.ScopeBaseObject, ldap.NeverDerefAliases, 1, 0, false, p.cfg.Filter, []string{"1.1"}, nil))
	if err != nil {
		return probekit.Report(start, observe.Critical, "%s: search: %s", p.cfg.Target(), explain(err))
	}
	took := time.Since(start)
	status, why := probekit.Over(took, p.cfg.Warn.D(), p.cfg.Crit.D()), ""
	if len(res.Entries) == 0 {
		status, why = observe.Critical, ", no entry matches"
	}
	return probekit.Report(start, status, "%s answered in %s%s", p.cfg.Target(), probekit.Millis(took), why)
}

func explain(err error) string {
	var le *ldap.Error
	if errors.As(err, &le) {
		if le.ResultCode == ldap.ErrorNetwork && le.Err != nil {
			return netguard.Explain(le.Err)
		}
		return ldap.LDAPResultCodeMap[le.ResultCode]
	}
	return netguard.Explain(err)
}
