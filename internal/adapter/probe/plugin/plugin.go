// Package plugin runs any Nagios plugin: its exit code is the status, its output
// and performance data are read as the Monitoring Plugins Development Guidelines
// describe them.
package plugin

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/mainstay-ops/mainstay/internal/adapter/probe/internal/probekit"
	"github.com/mainstay-ops/mainstay/internal/core/procrun"
	"github.com/mainstay-ops/mainstay/internal/observe"
)

// Config names the program. Mainstay runs it without a shell.
type Config struct {
	Command []string          `json:"command" yaml:"command" doc:"The program and its arguments, one list entry each. No shell is involved."`
	Env     map[string]string `json:"env,omitempty" yaml:"env,omitempty" doc:"Further environment variables for the program." secret:"true"`
	Timeout observe.Duration  `json:"timeout,omitempty" yaml:"timeout,omitempty" doc:"When the program and all its children are killed."`
}

func init() {
	observe.RegisterProbe(observe.ProbeType{
		Name: "plugin", Title: "Nagios plugin",
		New: func() observe.ProbeConfig { return newConfig() },
		FromTarget: func(t string) (observe.ProbeConfig, error) {
			c := newConfig()
			c.Command = strings.Fields(t)
			return c, c.Validate()
		},
	})
}

func newConfig() *Config { return &Config{Timeout: observe.Duration(observe.DefaultProbeTimeout)} }

// Validate implements observe.ProbeConfig.
func (c *Config) Validate() error {
	var f probekit.FieldChecks
	if len(c.Command) == 0 || strings.TrimSpace(c.Command[0]) == "" {
		f.Add("command", strings.Join(c.Command, " "), "is needed: a list that begins with a program, for example [\"/usr/lib/nagios/plugins/check_load\", \"-w\", \"5,4,3\"]")
	}
	for i, a := range c.Command {
		if strings.ContainsRune(a, 0) || len(a) > 16<<10 {
			f.Add(fmt.Sprintf("command[%d]", i), a, "must be a text without zero bytes of at most 16 KiB")
		}
	}
	for _, k := range slices.Sorted(maps.Keys(c.Env)) {
		if k == "" || strings.ContainsAny(k, "=\x00") || strings.ContainsRune(c.Env[k], 0) {
			f.Secret("env."+probekit.Line(k, 40), "the name of a variable must not be empty nor hold \"=\"; no zero bytes")
		}
	}
	f.Timeout("timeout", c.Timeout)
	return f.Err()
}

// Target is the program's name with its arguments left out, as they may hold secrets.
func (c *Config) Target() string {
	if len(c.Command) == 0 {
		return ""
	}
	return c.Command[0]
}

// TimeLimit implements observe.TimeLimited.
func (c *Config) TimeLimit() time.Duration { return c.Timeout.D() }

// Probe implements observe.ProbeConfig. The program is looked up at the first run.
func (c *Config) Probe(env observe.ProbeEnv) (observe.Probe, error) {
	return &probe{cfg: *c, env: env}, nil
}

type probe struct {
	cfg Config
	env observe.ProbeEnv
	cmd *procrun.Command
}

// Run implements observe.Probe.
func (p *probe) Run(ctx context.Context) observe.Result {
	start := time.Now()
	if p.cmd == nil {
		cmd, err := procrun.Prepare(p.cfg.Command, p.cfg.Env)
		if err != nil {
			return probekit.Report(start, observe.Unknown, "%v", err)
		}
		p.cmd = cmd
	}
	ctx, cancel := p.env.Bound(ctx, p.cfg.Timeout)
	defer cancel()
	var res observe.Result
	if err := p.cmd.Run(ctx, func(o procrun.Outcome) { res = probekit.PluginResult(start, o) }); err != nil {
		return probekit.Report(start, observe.Unknown, "%v", err)
	}
	return res
}
