// Package redis sends PING to a Redis or Valkey server and may judge a value of INFO.
package redis

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/mainstay-ops/mainstay/internal/adapter/probe/internal/probekit"
	"github.com/mainstay-ops/mainstay/internal/core/netguard"
	"github.com/mainstay-ops/mainstay/internal/core/netline"
	"github.com/mainstay-ops/mainstay/internal/observe"
)

// Config says what to check.
type Config struct {
	Address  string `json:"address" yaml:"address" doc:"Host and, if it is not the usual one, port."`
	Username string `json:"username,omitempty" yaml:"username,omitempty" doc:"Name for AUTH."`
	Password string `json:"password,omitempty" yaml:"password,omitempty" doc:"Password for AUTH." secret:"true"`
	Info     string `json:"info,omitempty" yaml:"info,omitempty" doc:"Name of a value in INFO, for example role."`
	Expect   string `json:"expect,omitempty" yaml:"expect,omitempty" doc:"What the value named by info must be, for example master."`

	Timeout observe.Duration `json:"timeout,omitempty" yaml:"timeout,omitempty" doc:"Limit for the whole run."`
	Warn    observe.Duration `json:"warn,omitempty" yaml:"warn,omitempty" doc:"Warning when the run takes longer."`
	Crit    observe.Duration `json:"crit,omitempty" yaml:"crit,omitempty" doc:"Critical when the run takes longer."`
}

func init() {
	observe.RegisterProbe(observe.ProbeType{
		Name: "redis", Title: "Redis",
		New: func() observe.ProbeConfig { return newConfig() },
		FromTarget: func(t string) (observe.ProbeConfig, error) {
			c := newConfig()
			c.Address = t
			return c, c.Validate()
		},
	})
}

func newConfig() *Config {
	return &Config{Timeout: observe.Duration(observe.DefaultProbeTimeout)}
}

// Validate implements observe.ProbeConfig.
func (c *Config) Validate() error {
	var f probekit.FieldChecks
	f.Address("address", probekit.WithPort(c.Address, "6379"))
	if c.Expect != "" && c.Info == "" {
		f.Add("info", "", "is needed with expect, for example \"role\"")
	}
	if c.Username != "" && c.Password == "" {
		f.Secret("password", "is needed with username")
	}
	f.Timeout("timeout", c.Timeout)
	f.Limits("warn", c.Warn, "crit", c.Crit)
	return f.Err()
}

// Target implements observe.ProbeConfig.
func (c *Config) Target() string { return probekit.WithPort(c.Address, "6379") }

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
	c, err := netline.Dial(ctx, netguard.Guard{AllowMetadata: p.env.AllowMetadata}, p.cfg.Target(), 0)
	if err != nil {
		return fail(err)
	}
	defer func() { _ = c.Close() }()
	if p.cfg.Password != "" {
		args := []string{"AUTH", p.cfg.Password}
		if p.cfg.Username != "" {
			args = []string{"AUTH", p.cfg.Username, p.cfg.Password}
		}
		if _, err := command(c, args...); err != nil {
			return fail(err)
		}
	}
	pong, err := command(c, "PING")
	if err == nil && pong != "PONG" {
		err = fmt.Errorf("the answer to PING is %q", probekit.Line(pong, 60))
	}
	if err != nil {
		return fail(err)
	}
	took := time.Since(start)
	info, err := command(c, "INFO")
	if err != nil {
		return fail(err)
	}
	values := parseInfo(info)
	status, why := probekit.Over(took, p.cfg.Warn.D(), p.cfg.Crit.D()), ""
	if v, ok := values[p.cfg.Info]; p.cfg.Info != "" {
		switch {
		case !ok:
			status, why = observe.Critical, ", INFO has no value "+p.cfg.Info
		case p.cfg.Expect != "" && v != p.cfg.Expect:
			status, why = observe.Critical, fmt.Sprintf(", %s is %q, expected %q", p.cfg.Info, v, p.cfg.Expect)
		default:
			why = ", " + p.cfg.Info + " is " + v
		}
	}
	r := probekit.Report(start, status, "%s: Redis %s answered in %s%s", p.cfg.Target(), values["redis_version"], probekit.Millis(took), why)
	for _, m := range [...][2]string{
		{"connected_clients", "probe_redis_connected_clients"},
		{"used_memory", "probe_redis_used_memory_bytes"},
		{"uptime_in_seconds", "probe_redis_uptime_seconds"},
	} {
		if v, err := strconv.ParseFloat(values[m[0]], 64); err == nil {
			r.Measures = append(r.Measures, observe.Measure{Name: m[1], Value: v})
		}
	}
	return r
}

// command sends a request in RESP and reads a simple or bulk string.
func command(c *netline.Conn, args ...string) (string, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "*%d\r\n", len(args))
	for _, a := range args {
		fmt.Fprintf(&b, "$%d\r\n%s\r\n", len(a), a)
	}
	if _, err := c.Write([]byte(b.String())); err != nil {
		return "", err
	}
	line, err := c.ReadLine()
	if err != nil {
		return "", err
	}
	if line == "" {
		return "", errors.New("the target does not speak the Redis protocol")
	}
	switch line[0] {
	case '+':
		return line[1:], nil
	case '-':
		return "", errors.New("the server answered: " + probekit.Line(line[1:], 120))
	case '$':
		n, err := strconv.Atoi(line[1:])
		if err != nil || n < 0 || n > netline.Budget {
			return "", errors.New("the answer is larger than the limit or none")
		}
		body := make([]byte, n+2)
		_, err = io.ReadFull(c, body)
		return string(body[:n]), err
	}
	return "", errors.New("the target does not speak the Redis protocol")
}

func parseInfo(s string) map[string]string {
	m := map[string]string{}
	for line := range strings.Lines(s) {
		if k, v, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			m[k] = v
		}
	}
	return m
}
