// Package process counts the processes of this machine that match.
package process

import (
	"context"
	"fmt"
	"regexp"
	"time"

	"github.com/shirou/gopsutil/v4/process"

	"github.com/mainstay-ops/mainstay/internal/adapter/probe/internal/probekit"
	"github.com/mainstay-ops/mainstay/internal/observe"
)

// Config says what to check.
type Config struct {
	Name    string `json:"name,omitempty" yaml:"name,omitempty" doc:"Regular expression (RE2) for the name of the program."`
	Cmdline string `json:"cmdline,omitempty" yaml:"cmdline,omitempty" doc:"Regular expression (RE2) for the command line."`
	Min     int    `json:"min" yaml:"min" doc:"Critical when fewer processes match."`
	Max     int    `json:"max,omitempty" yaml:"max,omitempty" doc:"Critical when more processes match; 0 for no limit."`

	Timeout observe.Duration `json:"timeout,omitempty" yaml:"timeout,omitempty" doc:"Limit for the whole run."`
}

func init() {
	observe.RegisterProbe(observe.ProbeType{
		Name: "process", Title: "Process",
		New: func() observe.ProbeConfig { return newConfig() },
		FromTarget: func(t string) (observe.ProbeConfig, error) {
			c := newConfig()
			c.Name = "^" + regexp.QuoteMeta(t) + "$"
			return c, c.Validate()
		},
	})
}

func newConfig() *Config {
	return &Config{Min: 1, Timeout: observe.Duration(observe.DefaultProbeTimeout)}
}

// Validate implements observe.ProbeConfig.
func (c *Config) Validate() error {
	var f probekit.FieldChecks
	if c.Name == "" && c.Cmdline == "" {
		f.Add("name", "", "name or cmdline is needed, for example \"^nginx$\"")
	}
	f.Regexp("name", c.Name)
	f.Regexp("cmdline", c.Cmdline)
	f.Between("min", c.Min, 0, 1000000)
	if c.Max != 0 && c.Max < c.Min {
		f.Add("max", c.Max, "must not be below min, which is %d; 0 for no limit", c.Min)
	}
	f.Timeout("timeout", c.Timeout)
	return f.Err()
}

// Target implements observe.ProbeConfig.
func (c *Config) Target() string {
	if c.Name != "" {
		return c.Name
	}
	return c.Cmdline
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
	name, err := regexp.Compile(p.cfg.Name)
	if err != nil {
		return probekit.Report(start, observe.Unknown, "name is not a regular expression")
	}
	cmdline, err := regexp.Compile(p.cfg.Cmdline)
	if err != nil {
		return probekit.Report(start, observe.Unknown, "cmdline is not a regular expression")
	}
	all, err := process.ProcessesWithContext(ctx)
	if err != nil {
		return probekit.Report(start, observe.Unknown, "the list of processes could not be read: %v", err)
	}
	n := 0
	for _, pr := range all {
		if ctx.Err() != nil {
			return probekit.Report(start, observe.Unknown, "the list of processes could not be read in time")
		}
		if p.cfg.Name != "" {
			// A process may be gone by now: then it does not count.
			if s, err := pr.NameWithContext(ctx); err != nil || !name.MatchString(s) {
				continue
			}
		}
		if p.cfg.Cmdline != "" {
			if s, err := pr.CmdlineWithContext(ctx); err != nil || !cmdline.MatchString(s) {
				continue
			}
		}
		n++
	}
	status, why := observe.OK, ""
	if n < p.cfg.Min {
		status, why = observe.Critical, fmt.Sprintf(", expected at least %d", p.cfg.Min)
	} else if p.cfg.Max > 0 && n > p.cfg.Max {
		status, why = observe.Critical, fmt.Sprintf(", expected at most %d", p.cfg.Max)
	}
	r := probekit.Report(start, status, "%d processes match %s%s", n, probekit.Line(p.cfg.Target(), 100), why)
	r.Measures = []observe.Measure{{Name: "probe_process_count", Value: float64(n)}}
	return r
}
