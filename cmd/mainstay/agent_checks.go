package main

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"time"

	"github.com/mainstay-ops/mainstay/internal/agent"
	"github.com/mainstay-ops/mainstay/internal/agent/checks"
	"github.com/mainstay-ops/mainstay/internal/agent/local"
	"github.com/mainstay-ops/mainstay/internal/agent/update"
	"github.com/mainstay-ops/mainstay/internal/core/agentwire"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/observe"
)

// agentProbe lends the agent the probe of a check.
func agentProbe(c agentwire.Check, timeout time.Duration) (checks.Probe, error) {
	t, ok := observe.ProbeTypeByName(c.Type)
	if !ok {
		return nil, errs.New(errs.Invalid, "This agent has no check type %s. Is its version older than that of the server?", c.Type)
	}
	cfg := t.New()
	if err := json.Unmarshal(c.Probe, cfg); err != nil {
		return nil, errs.Wrap(errs.Invalid, err, "The agent cannot read the configuration of the check. Is its version older than that of the server?")
	}
	p, err := cfg.Probe(observe.ProbeEnv{Timeout: timeout})
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) agentwire.Result {
		r := p.Run(ctx)
		out := agentwire.Result{Status: uint8(r.Status & 3), Output: r.Output, Detail: r.Detail, Start: r.Start, DurationNS: r.Duration.Nanoseconds()}
		for _, m := range r.Measures {
			out.Measures = append(out.Measures, agentwire.Measure{Name: m.Name, Labels: m.Labels, Value: m.Value})
		}
		return out
	}, nil
}

// runAgent runs the agent of dir. An updated program takes the place of the installed
// one; a new one is tried when the server asks for it.
func runAgent(ctx context.Context, o agent.Options, config string, chosen bool) error {
	var err error
	if o.Local, err = local.Load(config, chosen); err != nil {
		return err
	}
	store := update.Open(o.Dir)
	self := os.Getenv(update.InPlace)
	if self == "" {
		if self, err = os.Executable(); err == nil {
			self, err = filepath.EvalSymlinks(self)
		}
		if err != nil {
			return errs.Wrap(errs.Unavailable, err, "The place of this program cannot be found.")
		}
		if path := store.Current(self); path != "" && update.Able && o.Local.MayUpdate() {
			err := update.Replace(path, self)
			o.Logger.Error("the updated program cannot be started; the installed one goes on", "error", err)
		}
	}
	if report := os.Getenv(update.Trial); report != "" {
		o.Report = func() {
			if err := update.Report(report); err != nil {
				o.Logger.Error("that this program works cannot be told", "error", err)
			}
		}
	}
	for {
		err := agent.Run(ctx, o)
		var next *agent.Next
		if !errors.As(err, &next) {
			return err
		}
		if err := store.Try(ctx, o.Logger, next.Path, next.Try, next.SHA256, self, update.TrialTime); err != nil {
			if ctx.Err() != nil {
				return nil
			}
			o.Logger.Error("the new program was given up; this one goes on", "reason", errs.Message(err), "error", err)
		}
	}
}
