// Package disk judges how full the file system of a path is.
package disk

import (
	"context"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/shirou/gopsutil/v4/disk"

	"github.com/mainstay-ops/mainstay/internal/adapter/probe/internal/probekit"
	"github.com/mainstay-ops/mainstay/internal/observe"
)

// Config says what to check.
type Config struct {
	Path string  `json:"path" yaml:"path" doc:"Any path on the file system."`
	Warn float64 `json:"warn,omitempty" yaml:"warn,omitempty" doc:"Warning when more than this percentage of space or inodes is used."`
	Crit float64 `json:"crit,omitempty" yaml:"crit,omitempty" doc:"Critical when more than this percentage of space or inodes is used."`

	Timeout observe.Duration `json:"timeout,omitempty" yaml:"timeout,omitempty" doc:"Limit for the whole run."`
}

func init() {
	observe.RegisterProbe(observe.ProbeType{
		Name: "disk", Title: "Disk space",
		New: func() observe.ProbeConfig { return newConfig() },
		FromTarget: func(t string) (observe.ProbeConfig, error) {
			c := newConfig()
			c.Path = t
			return c, c.Validate()
		},
	})
}

func newConfig() *Config {
	return &Config{Warn: 80, Crit: 90, Timeout: observe.Duration(observe.DefaultProbeTimeout)}
}

// Validate implements observe.ProbeConfig.
func (c *Config) Validate() error {
	var f probekit.FieldChecks
	if !filepath.IsAbs(c.Path) {
		f.Add("path", c.Path, "must be an absolute path, for example \"/var\"")
	}
	if !(c.Warn >= 0 && c.Warn <= 100) {
		f.Add("warn", c.Warn, "must be a percentage from 0 to 100")
	}
	if !(c.Crit >= 0 && c.Crit <= 100) {
		f.Add("crit", c.Crit, "must be a percentage from 0 to 100")
	}
	if c.Warn > 0 && c.Crit > 0 && c.Warn > c.Crit {
		f.Add("warn", c.Warn, "must not be above crit, which is %v", c.Crit)
	}
	f.Timeout("timeout", c.Timeout)
	return f.Err()
}

// Target implements observe.ProbeConfig.
func (c *Config) Target() string { return c.Path }

// TimeLimit implements observe.TimeLimited.
func (c *Config) TimeLimit() time.Duration { return c.Timeout.D() }

// Probe implements observe.ProbeConfig.
func (c *Config) Probe(env observe.ProbeEnv) (observe.Probe, error) {
	return &probe{cfg: *c, env: env}, nil
}

type probe struct {
	cfg  Config
	env  observe.ProbeEnv
	busy atomic.Bool
}

// Run implements observe.Probe.
func (p *probe) Run(ctx context.Context) observe.Result {
	start := time.Now()
	ctx, cancel := p.env.Bound(ctx, p.cfg.Timeout)
	defer cancel()
	// A network file system whose server is gone blocks the call for ever; one such
	// call at a time is enough.
	if !p.busy.CompareAndSwap(false, true) {
		return probekit.Report(start, observe.Unknown, "%s: the file system still does not answer", p.cfg.Path)
	}
	type answer struct {
		u   *disk.UsageStat
		err error
	}
	done := make(chan answer, 1)
	go func() {
		u, err := disk.Usage(p.cfg.Path)
		p.busy.Store(false)
		done <- answer{u, err}
	}()
	select {
	case <-ctx.Done():
		return probekit.Report(start, observe.Unknown, "%s: the file system does not answer", p.cfg.Path)
	case a := <-done:
		if a.err != nil {
			return probekit.Report(start, observe.Unknown, "%s: %v", p.cfg.Path, a.err)
		}
		u := a.u
		status := probekit.Worst(probekit.Over(u.UsedPercent, p.cfg.Warn, p.cfg.Crit), probekit.Over(u.InodesUsedPercent, p.cfg.Warn, p.cfg.Crit))
		r := probekit.Report(start, status, "%s: %.1f %% of %.1f GiB used, %.1f %% of inodes", p.cfg.Path, u.UsedPercent, float64(u.Total)/(1<<30), u.InodesUsedPercent)
		r.Measures = []observe.Measure{
			{Name: "probe_disk_used_percent", Value: u.UsedPercent},
			{Name: "probe_disk_free_bytes", Value: float64(u.Free)},
			{Name: "probe_disk_size_bytes", Value: float64(u.Total)},
			{Name: "probe_disk_inodes_used_percent", Value: u.InodesUsedPercent},
		}
		return r
	}
}
