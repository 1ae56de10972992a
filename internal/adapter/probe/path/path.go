// Package path is the check that judges a network path. It asks nobody: observe.path
// hands it the figures of the path.
package path

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/mainstay-ops/mainstay/internal/adapter/probe/internal/probekit"
	"github.com/mainstay-ops/mainstay/internal/observe"
)

// Config says what is too much.
type Config struct {
	Path string           `json:"path" yaml:"path" doc:"Name of the path." required:"true"`
	Over observe.Duration `json:"over,omitempty" yaml:"over,omitempty" doc:"The window that is judged, 30s to 1h."`

	Loss           float64          `json:"loss,omitempty" yaml:"loss,omitempty" doc:"Critical from this loss, percent."`
	LossWarning    float64          `json:"loss_warning,omitempty" yaml:"loss_warning,omitempty" doc:"Warning from this loss, percent."`
	Latency        observe.Duration `json:"latency,omitempty" yaml:"latency,omitempty" doc:"Critical from this mean round trip."`
	LatencyWarning observe.Duration `json:"latency_warning,omitempty" yaml:"latency_warning,omitempty" doc:"Warning from this mean round trip."`
	Jitter         observe.Duration `json:"jitter,omitempty" yaml:"jitter,omitempty" doc:"Critical from this jitter."`
	JitterWarning  observe.Duration `json:"jitter_warning,omitempty" yaml:"jitter_warning,omitempty" doc:"Warning from this jitter."`
	MOS            float64          `json:"mos,omitempty" yaml:"mos,omitempty" doc:"Critical below this voice quality, 1 to 4.4."`
	MOSWarning     float64          `json:"mos_warning,omitempty" yaml:"mos_warning,omitempty" doc:"Warning below this voice quality, 1 to 4.4."`

	Route    string           `json:"route,omitempty" yaml:"route,omitempty" doc:"How bad a change of the route is." enum:"warning,critical"`
	RouteFor observe.Duration `json:"route_for,omitempty" yaml:"route_for,omitempty" doc:"How long a change of the route is a problem."`
	Recovery float64          `json:"recovery,omitempty" yaml:"recovery,omitempty" doc:"A figure is well again only below this share of its limit, 0.1 to 1."`
}

func init() {
	observe.RegisterProbe(observe.ProbeType{
		Name: "path", Title: "Network path",
		New: func() observe.ProbeConfig { return newConfig() },
		FromTarget: func(t string) (observe.ProbeConfig, error) {
			c := newConfig()
			c.Path, c.Loss = t, 5
			return c, c.Validate()
		},
	})
}

func newConfig() *Config {
	return &Config{Over: observe.Duration(5 * time.Minute), RouteFor: observe.Duration(10 * time.Minute), Recovery: 0.8}
}

var _ observe.PathJudge = (*Config)(nil)

// Validate implements observe.ProbeConfig.
func (c *Config) Validate() error {
	var f probekit.FieldChecks
	f.Required("path", c.Path, "head office to provider")
	if c.Over.D() < 30*time.Second || c.Over.D() > time.Hour {
		f.Add("over", c.Over.String(), "must be between 30s and 1h")
	}
	for name, v := range map[string]float64{"loss": c.Loss, "loss_warning": c.LossWarning} {
		if v < 0 || v > 100 {
			f.Add(name, v, "must be a percentage, 0 to 100")
		}
	}
	for name, v := range map[string]float64{"mos": c.MOS, "mos_warning": c.MOSWarning} {
		if v != 0 && (v < 1 || v > 4.4) {
			f.Add(name, v, "must be between 1 and 4.4")
		}
	}
	for name, v := range map[string]observe.Duration{"latency": c.Latency, "latency_warning": c.LatencyWarning, "jitter": c.Jitter, "jitter_warning": c.JitterWarning, "route_for": c.RouteFor} {
		if v < 0 {
			f.Add(name, v.String(), "must not be negative")
		}
	}
	if c.Route != "" && c.Route != "warning" && c.Route != "critical" {
		f.Add("route", c.Route, "must be warning or critical")
	}
	if c.Recovery < 0.1 || c.Recovery > 1 {
		f.Add("recovery", c.Recovery, "must be between 0.1 and 1")
	}
	if c.Loss+c.LossWarning+c.MOS+c.MOSWarning == 0 && c.Latency+c.LatencyWarning+c.Jitter+c.JitterWarning == 0 && c.Route == "" {
		f.Add("loss", "", "must be given, or one of latency, jitter, mos, route")
	}
	return f.Err()
}

// Target implements observe.ProbeConfig.
func (c *Config) Target() string { return c.Path }

// Waits implements observe.Waiting.
func (c *Config) Waits() {}

// PathName implements observe.PathJudge.
func (c *Config) PathName() string { return c.Path }

// Window implements observe.PathJudge.
func (c *Config) Window() time.Duration { return c.Over.D() }

// Probe implements observe.ProbeConfig: when somebody runs it by hand, it says why
// there is nothing to run.
func (c *Config) Probe(observe.ProbeEnv) (observe.Probe, error) { return idle{}, nil }

type idle struct{}

// Run implements observe.Probe.
func (idle) Run(context.Context) observe.Result {
	return observe.Result{Status: observe.Unknown, Output: "This check judges what is measured of a path all the time; it cannot be run.", Start: time.Now()}
}

// JudgePath implements observe.PathJudge.
func (c *Config) JudgePath(f observe.PathFigures, now time.Time, held map[string]observe.Status) (observe.Status, string) {
	if f.Problem != "" {
		return observe.Unknown, f.Problem
	}
	if f.Rounds == 0 {
		return observe.Unknown, "Nothing was measured in this window."
	}
	worst := observe.OK
	var bad []string
	say := func(name string, s observe.Status, format string, args ...any) {
		held[name] = s
		if s != observe.OK {
			bad = append(bad, fmt.Sprintf(format, args...))
		}
		worst = probekit.Worst(worst, s)
	}
	ms := func(d time.Duration) float64 { return d.Seconds() * 1000 }
	loss := f.Loss * 100
	say("loss", c.over(loss, c.LossWarning, c.Loss, held["loss"]), "%.1f %% of the probes are lost", loss)
	if f.Loss < 1 {
		say("latency", c.over(ms(f.Mean), ms(c.LatencyWarning.D()), ms(c.Latency.D()), held["latency"]), "the mean round trip is %.1f ms", ms(f.Mean))
		say("jitter", c.over(ms(f.Jitter), ms(c.JitterWarning.D()), ms(c.Jitter.D()), held["jitter"]), "the jitter is %.1f ms", ms(f.Jitter))
	}
	say("mos", mosState(f.MOS, c.MOSWarning, c.MOS, held["mos"]), "the voice quality is %.1f", f.MOS)
	if c.Route != "" && !f.ChangedAt.IsZero() && now.Sub(f.ChangedAt) < c.RouteFor.D() {
		s := observe.Warning
		if c.Route == "critical" {
			s = observe.Critical
		}
		say("route", s, "the route changed at %s: %s", f.ChangedAt.UTC().Format("15:04:05 UTC"), f.Changed)
	}
	text := fmt.Sprintf("%.1f %% loss, %.1f ms, jitter %.1f ms, MOS %.1f over %s", loss, ms(f.Mean), ms(f.Jitter), f.MOS, c.Over)
	if f.Loss == 1 {
		text = fmt.Sprintf("no answer over %s", c.Over)
	}
	if len(bad) == 0 {
		return worst, "The path is well: " + text + "."
	}
	first := strings.Join(bad, ", ")
	return worst, strings.ToUpper(first[:1]) + first[1:] + " (" + text + ")."
}

// over compares with limits, of which 0 is none. A state that was held ends only below
// a share of its limit, so that a figure at the limit does not raise and clear.
func (c *Config) over(v, warn, crit float64, was observe.Status) observe.Status {
	reached := func(limit float64, held bool) bool {
		if limit <= 0 {
			return false
		}
		if held {
			return v > limit*c.Recovery
		}
		return v >= limit
	}
	switch {
	case reached(crit, was == observe.Critical):
		return observe.Critical
	case reached(warn, was == observe.Warning || was == observe.Critical):
		return observe.Warning
	}
	return observe.OK
}

// mosStep is how much better than its limit MOS must be before it is well again.
const mosStep = 0.1

func mosState(v, warn, crit float64, was observe.Status) observe.Status {
	below := func(limit float64, held bool) bool {
		if limit <= 0 {
			return false
		}
		if held {
			limit += mosStep
		}
		return v < limit
	}
	switch {
	case below(crit, was == observe.Critical):
		return observe.Critical
	case below(warn, was == observe.Warning || was == observe.Critical):
		return observe.Warning
	}
	return observe.OK
}
