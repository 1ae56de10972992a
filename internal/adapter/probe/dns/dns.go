// Package dns asks a name server and judges the answer.
package dns

import (
	"context"
	"errors"
	"net"
	"sort"
	"strings"
	"time"

	"github.com/miekg/dns"

	"github.com/mainstay-ops/mainstay/internal/adapter/probe/internal/probekit"
	"github.com/mainstay-ops/mainstay/internal/core/netguard"
	"github.com/mainstay-ops/mainstay/internal/observe"
)

// Config says whom to ask for what.
type Config struct {
	Server  string           `json:"server,omitempty" yaml:"server,omitempty" doc:"Name server, host and port (53 if none); the first of /etc/resolv.conf when empty."`
	Name    string           `json:"name" yaml:"name" doc:"Name to ask for."`
	Type    string           `json:"type,omitempty" yaml:"type,omitempty" doc:"Record type, for example A, AAAA, MX, TXT, NS, SOA, PTR."`
	Expect  []string         `json:"expect,omitempty" yaml:"expect,omitempty" doc:"Values that must all be in the answer, for example an address."`
	RCode   string           `json:"rcode,omitempty" yaml:"rcode,omitempty" doc:"Expected response code, for example NOERROR or NXDOMAIN."`
	TCP     bool             `json:"tcp,omitempty" yaml:"tcp,omitempty" doc:"Ask over TCP instead of UDP."`
	Timeout observe.Duration `json:"timeout,omitempty" yaml:"timeout,omitempty" doc:"Limit for the whole run."`
	Warn    observe.Duration `json:"warn,omitempty" yaml:"warn,omitempty" doc:"Warning when the answer takes longer."`
	Crit    observe.Duration `json:"crit,omitempty" yaml:"crit,omitempty" doc:"Critical when the answer takes longer."`
}

func init() {
	observe.RegisterProbe(observe.ProbeType{
		Name: "dns", Title: "DNS",
		New: func() observe.ProbeConfig { return newConfig() },
		FromTarget: func(t string) (observe.ProbeConfig, error) {
			c := newConfig()
			// NAME, or NAME@SERVER as dig writes it.
			c.Name, c.Server, _ = strings.Cut(t, "@")
			return c, c.Validate()
		},
	})
}

func newConfig() *Config {
	return &Config{Type: "A", RCode: "NOERROR", Timeout: observe.Duration(5 * time.Second)}
}

// Validate implements observe.ProbeConfig.
func (c *Config) Validate() error {
	var f probekit.FieldChecks
	if c.Server != "" {
		f.Address("server", probekit.WithPort(c.Server, "53"))
	}
	if _, ok := dns.IsDomainName(c.Name); !ok || c.Name == "" {
		f.Add("name", c.Name, "must be a domain name, for example \"www.example.org\"")
	}
	if _, ok := dns.StringToType[c.Type]; !ok {
		f.Add("type", c.Type, "must be a record type in capitals, for example A, AAAA or MX")
	}
	if _, ok := dns.StringToRcode[c.RCode]; !ok {
		f.Add("rcode", c.RCode, "must be a response code in capitals, for example NOERROR or NXDOMAIN")
	}
	f.Timeout("timeout", c.Timeout)
	f.Limits("warn", c.Warn, "crit", c.Crit)
	return f.Err()
}

// Target implements observe.ProbeConfig.
func (c *Config) Target() string {
	if c.Server == "" {
		return c.Name
	}
	return c.Name + "@" + c.Server
}

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
	server := probekit.WithPort(p.cfg.Server, "53")
	if server == "" {
		rc, err := dns.ClientConfigFromFile("/etc/resolv.conf")
		if err != nil || len(rc.Servers) == 0 {
			return probekit.Report(start, observe.Unknown, "no name server is configured on this machine; name one in the field server")
		}
		server = net.JoinHostPort(rc.Servers[0], rc.Port)
	}
	in, err := p.exchange(ctx, server)
	if err != nil {
		return probekit.Report(start, observe.Critical, "%s: %s", server, explain(err))
	}
	took := time.Since(start)
	got := values(in.Answer)
	status := probekit.Over(took, p.cfg.Warn.D(), p.cfg.Crit.D())
	why := ""
	if rc := dns.RcodeToString[in.Rcode]; rc != p.cfg.RCode {
		status, why = observe.Critical, ", the server says "+rc
	} else if rc == "NOERROR" && len(got) == 0 {
		status, why = observe.Critical, ", no record"
	}
	for _, want := range p.cfg.Expect {
		if !holds(got, want) && why == "" {
			status, why = observe.Critical, ", "+probekit.Line(want, 80)+" is missing"
		}
	}
	r := probekit.Report(start, status, "%s %s: %d answers in %s%s: %s", p.cfg.Name, p.cfg.Type, len(got), probekit.Millis(took), why,
		probekit.Line(strings.Join(got, ", "), 200))
	r.Measures = []observe.Measure{{Name: "probe_dns_answers", Value: float64(len(got))}}
	return r
}

func (p *probe) exchange(ctx context.Context, server string) (*dns.Msg, error) {
	m := new(dns.Msg)
	m.SetQuestion(dns.Fqdn(p.cfg.Name), dns.StringToType[p.cfg.Type])
	m.SetEdns0(1232, false)
	d := netguard.Guard{AllowMetadata: p.env.AllowMetadata}.Dialer(0)
	network := "udp"
	if p.cfg.TCP {
		network = "tcp"
	}
	end, _ := ctx.Deadline()
	c := dns.Client{Net: network, Dialer: d, Timeout: max(time.Until(end), time.Millisecond), UDPSize: 4096}
	in, _, err := c.ExchangeContext(ctx, m, server)
	if err == nil && in.Truncated && !p.cfg.TCP {
		c.Net = "tcp"
		in, _, err = c.ExchangeContext(ctx, m, server)
	}
	return in, err
}

func explain(err error) string {
	var de *dns.Error
	if errors.As(err, &de) {
		return "the answer is not DNS (" + probekit.Line(de.Error(), 80) + ")"
	}
	return netguard.Explain(err)
}

// values are the answers without name, class and time to live, sorted.
func values(rrs []dns.RR) []string {
	out := make([]string, 0, len(rrs))
	for _, rr := range rrs {
		out = append(out, strings.TrimSpace(strings.TrimPrefix(rr.String(), rr.Header().String())))
	}
	sort.Strings(out)
	return out
}

func holds(got []string, want string) bool {
	for _, g := range got {
		if g == want || strings.EqualFold(strings.TrimSuffix(g, "."), strings.TrimSuffix(want, ".")) || strings.Trim(g, "\"") == want {
			return true
		}
	}
	return false
}
