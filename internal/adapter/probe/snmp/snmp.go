// Package snmp reads one value of an SNMP agent and judges it.
package snmp

import (
	"context"
	"errors"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/mainstay-ops/mainstay/internal/adapter/probe/internal/probekit"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/netguard"
	"github.com/mainstay-ops/mainstay/internal/core/snmp"
	"github.com/mainstay-ops/mainstay/internal/observe"
)

// Config says what to read and what is right.
type Config struct {
	Address      string           `json:"address" yaml:"address" doc:"Host and, if it is not 161, port."`
	OID          string           `json:"oid" yaml:"oid" doc:"The value, with its index: 1.3.6.1.2.1.2.2.1.8.3 is ifOperStatus of interface 3."`
	Version      string           `json:"version,omitempty" yaml:"version,omitempty" doc:"1, 2c or 3."`
	Community    string           `json:"community,omitempty" yaml:"community,omitempty" secret:"true" doc:"Community of versions 1 and 2c."`
	User         string           `json:"user,omitempty" yaml:"user,omitempty" doc:"User of version 3."`
	AuthProtocol string           `json:"auth_protocol,omitempty" yaml:"auth_protocol,omitempty" doc:"MD5, SHA, SHA224, SHA256, SHA384 or SHA512."`
	AuthPassword string           `json:"auth_password,omitempty" yaml:"auth_password,omitempty" secret:"true" doc:"Authentication password of version 3."`
	PrivProtocol string           `json:"priv_protocol,omitempty" yaml:"priv_protocol,omitempty" doc:"DES, AES, AES192, AES256, AES192C or AES256C."`
	PrivPassword string           `json:"priv_password,omitempty" yaml:"priv_password,omitempty" secret:"true" doc:"Privacy password of version 3."`
	Context      string           `json:"context,omitempty" yaml:"context,omitempty" doc:"Context name of version 3."`
	Factor       float64          `json:"factor,omitempty" yaml:"factor,omitempty" doc:"Multiplies the value before it is judged; 0 is 1."`
	Warning      string           `json:"warning,omitempty" yaml:"warning,omitempty" doc:"Range that is right, as in Nagios plugins: 80 is 0 to 80, 10: is 10 or more, ~:5 is 5 or less, 10:20, @10:20 is outside of it. Otherwise warning."`
	Critical     string           `json:"critical,omitempty" yaml:"critical,omitempty" doc:"The same, otherwise critical."`
	Expect       string           `json:"expect,omitempty" yaml:"expect,omitempty" doc:"Regular expression that the value as text must match, else critical."`
	Timeout      observe.Duration `json:"timeout,omitempty" yaml:"timeout,omitempty" doc:"Limit for the whole run."`
}

func init() {
	observe.RegisterProbe(observe.ProbeType{
		Name: "snmp", Title: "SNMP value",
		New: func() observe.ProbeConfig { return newConfig() },
		FromTarget: func(t string) (observe.ProbeConfig, error) {
			c := newConfig()
			c.Address = t
			return c, c.Validate()
		},
	})
}

// sysUpTime is what is read when nothing else is asked for.
const sysUpTime = "1.3.6.1.2.1.1.3.0"

func newConfig() *Config {
	return &Config{OID: sysUpTime, Version: "2c", Community: "public", Timeout: observe.Duration(observe.DefaultProbeTimeout)}
}

func oidForm() *regexp.Regexp { return regexp.MustCompile(`^\.?[0-2](\.\d{1,10}){1,60}$`) }

// Validate implements observe.ProbeConfig.
func (c *Config) Validate() error {
	var f probekit.FieldChecks
	f.Address("address", probekit.WithPort(c.Address, "161"))
	if !oidForm().MatchString(c.OID) {
		f.Add("oid", c.OID, "must be an OID in numbers such as %s", sysUpTime)
	}
	f.OneOf("version", c.Version, "1", "2c", "3")
	if c.Version == "3" {
		if err := c.target("").CheckV3(); err != nil {
			for _, x := range errs.FieldsOf(err) {
				f.Secret(x.Path, "%s", x.Message)
			}
		}
	}
	for path, s := range map[string]string{"warning": c.Warning, "critical": c.Critical} {
		if _, err := parseRange(s); err != nil {
			f.Add(path, s, "%s", err.Error())
		}
	}
	f.Regexp("expect", c.Expect)
	f.Timeout("timeout", c.Timeout)
	return f.Err()
}

// Target implements observe.ProbeConfig.
func (c *Config) Target() string { return probekit.WithPort(c.Address, "161") }

// TimeLimit implements observe.TimeLimited.
func (c *Config) TimeLimit() time.Duration { return c.Timeout.D() }

func (c *Config) target(address string) snmp.Target {
	return snmp.Target{
		Address: address, Version: snmp.Version(c.Version), Community: c.Community, User: c.User,
		AuthProtocol: c.AuthProtocol, AuthPassword: c.AuthPassword, PrivProtocol: c.PrivProtocol, PrivPassword: c.PrivPassword,
		Context: c.Context,
	}
}

// Probe implements observe.ProbeConfig.
func (c *Config) Probe(env observe.ProbeEnv) (observe.Probe, error) {
	p := &probe{cfg: *c, env: env}
	var err error
	if p.warn, err = parseRange(c.Warning); err != nil {
		return nil, err
	}
	if p.crit, err = parseRange(c.Critical); err != nil {
		return nil, err
	}
	if c.Expect != "" {
		if p.expect, err = regexp.Compile(c.Expect); err != nil {
			return nil, err
		}
	}
	return p, nil
}

type probe struct {
	cfg        Config
	env        observe.ProbeEnv
	warn, crit limits
	expect     *regexp.Regexp
}

// Run implements observe.Probe.
func (p *probe) Run(ctx context.Context) observe.Result {
	start := time.Now()
	ctx, cancel := p.env.Bound(ctx, p.cfg.Timeout)
	defer cancel()
	who := p.cfg.Target()
	v, err := p.read(ctx)
	switch {
	case ctx.Err() != nil || errors.Is(err, context.DeadlineExceeded):
		return probekit.Report(start, observe.Critical, "%s did not answer SNMP in time", who)
	case err != nil:
		return probekit.Report(start, observe.Critical, "%s", strings.TrimSuffix(errs.Message(err), "."))
	case v.Kind == snmp.Missing:
		return probekit.Report(start, observe.Critical, "%s has no value at %s", who, p.cfg.OID)
	}
	text := probekit.Line(v.Text(), 200)
	n, isNumber := v.Number()
	if p.cfg.Factor != 0 {
		n *= p.cfg.Factor
	}
	status := observe.OK
	if p.warn.set || p.crit.set {
		switch {
		case !isNumber:
			return probekit.Report(start, observe.Unknown, "%s: %s is %q, which is no number", who, p.cfg.OID, text)
		case p.crit.bad(n):
			status = observe.Critical
		case p.warn.bad(n):
			status = observe.Warning
		}
	}
	if isNumber && p.cfg.Factor != 0 {
		text = strconv.FormatFloat(n, 'g', 10, 64)
	}
	why := ""
	if p.expect != nil && !p.expect.MatchString(v.Text()) {
		status, why = observe.Critical, ", which is not as expected"
	}
	r := probekit.Report(start, status, "%s: %s is %s%s", who, p.cfg.OID, text, why)
	if isNumber {
		r.Measures = []observe.Measure{{Name: "probe_snmp_value", Value: n}}
	}
	return r
}

func (p *probe) read(ctx context.Context) (snmp.Var, error) {
	// The name is resolved once, by the guard, and SNMP goes to what it allowed.
	conn, err := netguard.Guard{AllowMetadata: p.env.AllowMetadata}.Dialer(0).DialContext(ctx, "udp", p.cfg.Target())
	if err != nil {
		return snmp.Var{}, errs.New(errs.Unavailable, "%s: %s.", p.cfg.Target(), netguard.Explain(err))
	}
	addr := conn.RemoteAddr().String()
	_ = conn.Close()
	s, err := snmp.Open(ctx, p.cfg.target(addr))
	if err != nil {
		return snmp.Var{}, err
	}
	defer func() { _ = s.Close() }()
	vars, err := s.Get(ctx, snmp.OID(strings.TrimPrefix(p.cfg.OID, ".")))
	if err != nil || len(vars) == 0 {
		return snmp.Var{}, err
	}
	return vars[0], nil
}

// limits is a range as the guidelines for Nagios plugins write it.
type limits struct {
	set, inside bool
	low, high   float64
}

func parseRange(s string) (limits, error) {
	l := limits{low: 0, high: math.Inf(1)}
	if s == "" {
		return l, nil
	}
	l.set = true
	rest, inside := strings.CutPrefix(s, "@")
	l.inside = inside
	low, high, both := strings.Cut(rest, ":")
	if !both {
		low, high = "", low
	}
	var err error
	parse := func(s string, into *float64) {
		n, e := strconv.ParseFloat(s, 64)
		if e != nil || math.IsNaN(n) || math.IsInf(n, 0) {
			err = fmt.Errorf("must be a range such as 80, 10:, ~:5 or 10:20")
		}
		*into = n
	}
	switch low {
	case "":
	case "~":
		l.low = math.Inf(-1)
	default:
		parse(low, &l.low)
	}
	if high != "" {
		parse(high, &l.high)
	} else if !both {
		parse(high, &l.high)
	}
	if err == nil && l.low > l.high {
		err = fmt.Errorf("must begin with the smaller number")
	}
	return l, err
}

func (l limits) bad(n float64) bool {
	within := n >= l.low && n <= l.high
	return l.set && within == l.inside
}
