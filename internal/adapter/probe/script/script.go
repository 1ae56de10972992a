// Package script runs a few lines of shell, or of another interpreter, as a check.
// Exit codes and output are those of Nagios plugins.
package script

import (
	"context"
	"strings"
	"time"

	"github.com/mainstay-ops/mainstay/internal/adapter/probe/internal/probekit"
	"github.com/mainstay-ops/mainstay/internal/core/procrun"
	"github.com/mainstay-ops/mainstay/internal/observe"
)

// Config holds the text of the script.
type Config struct {
	Shell       string            `json:"shell" yaml:"shell" doc:"The text of the script. Exit codes 0, 1, 2, 3 mean ok, warning, critical, unknown."`
	Interpreter []string          `json:"interpreter,omitempty" yaml:"interpreter,omitempty" doc:"The program that gets the text as its last argument."`
	Env         map[string]string `json:"env,omitempty" yaml:"env,omitempty" doc:"Further environment variables for the script." secret:"true"`
	Timeout     observe.Duration  `json:"timeout,omitempty" yaml:"timeout,omitempty" doc:"When the script and all its children are killed."`
}

func init() {
	observe.RegisterProbe(observe.ProbeType{
		Name: "script", Title: "Script",
		New: func() observe.ProbeConfig { return newConfig() },
		FromTarget: func(t string) (observe.ProbeConfig, error) {
			c := newConfig()
			c.Shell = t
			return c, c.Validate()
		},
	})
}

func newConfig() *Config {
	return &Config{Interpreter: []string{"/bin/sh", "-c"}, Timeout: observe.Duration(observe.DefaultProbeTimeout)}
}

// Validate implements observe.ProbeConfig.
func (c *Config) Validate() error {
	var f probekit.FieldChecks
	f.Required("shell", c.Shell, "test -f /run/ready || exit 2")
	if len(c.Shell) > 64<<10 || strings.ContainsRune(c.Shell, 0) {
		f.Add("shell", c.Shell, "must be a text without zero bytes of at most 64 KiB")
	}
	if len(c.Interpreter) == 0 || c.Interpreter[0] == "" {
		f.Add("interpreter", strings.Join(c.Interpreter, " "), "must name a program and its flags, for example [\"/usr/bin/python3\", \"-c\"]")
	}
	f.Timeout("timeout", c.Timeout)
	return f.Err()
}

// Target is the first line of the script.
func (c *Config) Target() string {
	first, _, _ := strings.Cut(strings.TrimSpace(c.Shell), "\n")
	return probekit.Line(first, 80)
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
	cmd *procrun.Command
}

// Run implements observe.Probe.
func (p *probe) Run(ctx context.Context) observe.Result {
	start := time.Now()
	if p.cmd == nil {
		argv := append(append([]string(nil), p.cfg.Interpreter...), p.cfg.Shell)
		cmd, err := procrun.Prepare(argv, p.cfg.Env)
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
