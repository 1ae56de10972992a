package agent

import (
	"context"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"time"

	"github.com/mainstay-ops/mainstay/internal/agent/update"
	"github.com/mainstay-ops/mainstay/internal/agent/uplink"
	"github.com/mainstay-ops/mainstay/internal/core/agentwire"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
)

const (
	configFile = "config.json"
	// maxResults wait to be kept; checks wait when there are more.
	maxResults = 500
	// gather joins results that come together into one batch.
	gather = time.Second
)

var platform = runtime.GOOS + "-" + runtime.GOARCH

// Next is a new program that lies ready to be tried in place of this one.
type Next struct {
	Path, Try, SHA256 string
}

// Error implements error.
func (n *Next) Error() string { return "a new program is ready to be tried" }

// heard takes over what the server answered.
func (a *agent) heard(out agentwire.Answer) {
	a.set(out.Settings)
	if out.Config != nil {
		a.take(*out.Config)
	}
	a.checks.Now(out.Run)
	a.mu.Lock()
	first := !a.reported
	a.reported = true
	a.order = out.Update
	a.mu.Unlock()
	if first && a.o.Report != nil {
		a.o.Report()
	}
}

// say is what the server hears with each batch.
func (a *agent) say() agentwire.State {
	a.mu.Lock()
	st := agentwire.State{Config: a.config.Revision, Program: a.self, Platform: platform, Updates: update.Able && a.o.Local.MayUpdate() && a.o.Report == nil}
	a.mu.Unlock()
	st.FailedTry, st.Why = a.updates.Failed()
	st.Problems = a.logs.State().Problems
	return st
}

// identify finds which program this is; it reads all of it, so it is done aside.
func (a *agent) identify() {
	sum := update.Self()
	a.mu.Lock()
	a.self = sum
	a.mu.Unlock()
}

func (a *agent) configPath() string { return filepath.Join(a.o.Dir, configFile) }

// loadConfig reads what the server wanted last, so that the agent works while the
// server is away.
func (a *agent) loadConfig() agentwire.Config {
	var c agentwire.Config
	b, err := os.ReadFile(a.configPath())
	if err == nil {
		err = json.Unmarshal(b, &c)
	}
	if err != nil {
		return agentwire.Config{} // the server gives it again
	}
	return c
}

// take takes over a configuration and keeps it.
func (a *agent) take(c agentwire.Config) {
	b, err := json.Marshal(c)
	if err == nil {
		if err = os.WriteFile(a.configPath()+".new", b, 0o600); err == nil {
			err = os.Rename(a.configPath()+".new", a.configPath())
		}
	}
	if err != nil {
		a.o.Logger.Error("what the server wants cannot be kept; it is asked again after a start", "error", err)
	}
	a.o.Logger.Info("the server gave a new configuration", "journal", c.Logs.Journal, "files", len(c.Logs.Files), "checks", len(c.Checks))
	a.work(c)
}

func (a *agent) work(c agentwire.Config) {
	a.mu.Lock()
	old := a.config
	a.config = c
	a.mu.Unlock()
	if !reflect.DeepEqual(old.Logs, c.Logs) {
		a.logs.Set(c.Logs)
	}
	if a.o.Build != nil {
		a.checks.Set(c.Checks)
	}
}

// keepLines writes a batch of lines to the buffer.
func (a *agent) keepLines(b *agentwire.Batch, note func(boot string, seq int64) error) error {
	b.Version = a.o.Version
	p, err := uplink.Pack(b)
	if err != nil {
		return err
	}
	return a.spool.AppendNoting(p, note)
}

// found hears a result of a check.
func (a *agent) found(r agentwire.Result) {
	select {
	case a.results <- r:
	case <-a.ended:
	}
}

// collect keeps results, several in a batch when they come together.
func (a *agent) collect(ctx context.Context) {
	for {
		var rs []agentwire.Result
		select {
		case <-ctx.Done():
			return
		case r := <-a.results:
			rs = append(rs, r)
		}
		t := time.NewTimer(gather)
	more:
		for len(rs) < agentwire.MaxChecks {
			select {
			case r := <-a.results:
				rs = append(rs, r)
			case <-t.C:
				break more
			case <-ctx.Done():
				break more
			}
		}
		t.Stop()
		a.keep(&agentwire.Batch{At: a.o.Now().UTC(), Results: rs})
	}
}

// updateLook is how often it is looked whether a new program is asked for, and tried
// again when it could not be loaded.
const (
	updateLook  = time.Second
	updateRetry = time.Minute
)

// update loads the program that the server wants and ends the agent when it is ready.
func (a *agent) update(ctx context.Context) {
	for ctx.Err() == nil {
		pause := updateLook
		a.mu.Lock()
		p, self := a.order, a.self
		a.mu.Unlock()
		if p != nil && self != "" && p.SHA256 != self && update.Able && a.o.Local.MayUpdate() {
			who := a.up.Identity()
			c := &http.Client{Transport: &http.Transport{TLSClientConfig: who.TLS(), Proxy: http.ProxyFromEnvironment, TLSHandshakeTimeout: 15 * time.Second}}
			path, err := a.updates.Fetch(ctx, c, who.URL, who.CA, platform, *p)
			c.CloseIdleConnections()
			switch {
			case err == nil:
				a.mu.Lock()
				a.next = &Next{Path: path, Try: p.Try, SHA256: p.SHA256}
				a.mu.Unlock()
				a.stop()
				return
			case errs.Is(err, errs.Forbidden) || errs.Is(err, errs.Invalid):
				a.o.Logger.Error("a new program is refused", "reason", errs.Message(err))
				if err := a.updates.Fail(p.Try, err); err != nil {
					a.o.Logger.Error("an update cannot be noted", "error", err)
				}
				pause = updateRetry
			case ctx.Err() == nil:
				a.o.Logger.Warn("a new program cannot be loaded; it is tried again", "reason", errs.Message(err), "error", err)
				pause = updateRetry
			}
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
}
