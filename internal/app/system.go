package app

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/account"
	"github.com/mainstay-ops/mainstay/internal/core/apply"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/event"
	"github.com/mainstay-ops/mainstay/internal/core/httpapi"
	"github.com/mainstay-ops/mainstay/internal/core/job"
	"github.com/mainstay-ops/mainstay/internal/core/module"
	"github.com/mainstay-ops/mainstay/internal/core/search"
)

var (
	readSystem  = access.Permission{Name: "system.read", Title: "See the state of Mainstay itself, search", Least: access.Viewer}
	applyConfig = access.Permission{Name: "system.apply", Title: "Apply and export ops.yaml", Least: access.Operator}
)

type searchIn struct {
	Q     string   `query:"q" maxLength:"200" doc:"Words; each is a prefix and all must occur."`
	Kinds []string `query:"kinds" maxItems:"20"`
	Limit int      `query:"limit" minimum:"1" maximum:"50" default:"20"`
}

type applyIn struct {
	DryRun  bool   `query:"dry_run" doc:"Show what would change and keep nothing."`
	RawBody []byte `contentType:"application/yaml"`
}

type applyBody struct {
	DryRun  bool           `json:"dry_run"`
	Changes []apply.Change `json:"changes"`
}

type exportOut struct {
	ContentType string `header:"Content-Type"`
	Body        []byte
}

type systemBody struct {
	Version  string           `json:"version"`
	Ready    bool             `json:"ready"`
	Problems []module.Problem `json:"problems" doc:"What is wrong with Mainstay itself."`
	Database string           `json:"database" enum:"sqlite,postgres"`
	Outbox   event.Stats      `json:"outbox"`
	// PublicURL is what links in messages begin with.
	PublicURL string `json:"public_url"`
}

func (a *App) routes(mux *http.ServeMux) {
	h := &account.HTTP{Service: a.accounts, DB: a.db, Set: a.set, Version: a.opts.Version, Secure: a.opts.Config.TLS.Cert != ""}
	h.Routes(a.api)
	httpapi.Handle(a.api, httpapi.Op{ID: "search", Method: "GET", Path: "/api/v1/search", Need: readSystem, Tag: "system", Summary: "Find items, checks and records by words"},
		func(ctx context.Context, in *searchIn) (*httpapi.Body[httpapi.List[search.Doc]], error) {
			ds, err := a.search.Find(ctx, in.Q, in.Kinds, in.Limit)
			return httpapi.NewList(ds, ""), err
		})
	httpapi.Handle(a.api, httpapi.Op{ID: "get-system", Method: "GET", Path: "/api/v1/system", Need: readSystem, Tag: "system", Summary: "How Mainstay itself is"},
		func(ctx context.Context, _ *struct{}) (*httpapi.Body[systemBody], error) {
			st, err := a.events.Stats(ctx)
			return &httpapi.Body[systemBody]{Body: systemBody{Version: a.opts.Version, Ready: a.ready.Load(), Problems: a.health.Problems(), Database: string(a.db.Dialect()), Outbox: st, PublicURL: a.URL()}}, err
		})
	httpapi.Handle(a.api, httpapi.Op{ID: "apply", Method: "POST", Path: "/api/v1/apply", Need: applyConfig, Tag: "system", MaxBody: 8 << 20, Summary: "Apply an ops.yaml: all of it or nothing"},
		func(ctx context.Context, in *applyIn) (*httpapi.Body[applyBody], error) {
			cs, err := a.engine.Run(ctx, in.RawBody, in.DryRun)
			if cs == nil {
				cs = []apply.Change{}
			}
			return &httpapi.Body[applyBody]{Body: applyBody{DryRun: in.DryRun, Changes: cs}}, err
		})
	httpapi.Handle(a.api, httpapi.Op{ID: "export", Method: "GET", Path: "/api/v1/export", Need: applyConfig, Tag: "system", Summary: "Everything that can be kept in files, as ops.yaml"},
		func(ctx context.Context, _ *struct{}) (*exportOut, error) {
			b, err := a.engine.Export(ctx)
			return &exportOut{ContentType: "application/yaml", Body: b}, err
		})
	mux.Handle("GET /api/v1/live", a.api.Guard(readSystem, a.live))
	mux.Handle("GET /metrics", a.api.Guard(readSystem, promhttp.HandlerFor(a.registry, promhttp.HandlerOpts{})))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = w.Write([]byte("ok\n"))
	})
	mux.HandleFunc("GET /readyz", a.readyz)
	mux.HandleFunc("/api/", func(w http.ResponseWriter, r *http.Request) {
		httpapi.WriteProblem(w, errs.New(errs.NotFound, "There is no operation %s %s.", r.Method, r.URL.Path))
	})
}

// readyz answers 200 when the server does its work, else 503 with what is wrong.
// It needs no sign-in, so it names no details.
func (a *App) readyz(w http.ResponseWriter, _ *http.Request) {
	ps := a.health.Problems()
	names := []string{}
	for _, p := range ps {
		names = append(names, p.Name)
	}
	ok := a.ready.Load() && len(ps) == 0
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	if !ok {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"ready": ok, "problems": names})
}

// teamEntry is a team in ops.yaml.
type teamEntry struct {
	Name    string   `yaml:"name" required:"true"`
	Title   string   `yaml:"title,omitempty"`
	Members []string `yaml:"members,omitempty,flow"`
}

func (a *App) coreResources() []apply.Resource {
	return []apply.Resource{{
		Key: "teams", Order: 10, Need: account.Write,
		New: func() any { return &teamEntry{} },
		Apply: func(ctx context.Context, tx *db.Tx, e any) (apply.Change, error) {
			t := e.(*teamEntry)
			_, outcome, err := a.accounts.SaveTeam(ctx, tx, t.Name, t.Title, t.Members)
			return apply.Change{Outcome: apply.Outcome(outcome)}, err
		},
		Export: func(ctx context.Context, q bun.IDB) ([]any, error) {
			ts, err := account.Teams(ctx, q)
			if err != nil {
				return nil, err
			}
			out := make([]any, 0, len(ts))
			for _, t := range ts {
				ms, err := account.Members(ctx, q, t.ID)
				if err != nil {
					return nil, err
				}
				e := teamEntry{Name: t.Name, Title: t.Title}
				for _, m := range ms {
					e.Members = append(e.Members, m.Email)
				}
				out = append(out, e)
			}
			return out, nil
		},
	}}
}

type pruneArgs struct{}

// Kind implements job.Args.
func (pruneArgs) Kind() string { return "core.prune" }

const keepFacts = 14 * 24 * time.Hour

func (a *App) coreJobs() {
	job.Handle(a.jobs, func(ctx context.Context, _ pruneArgs, _ job.Meta) error { return a.events.Prune(ctx, keepFacts) })
	job.Every(a.jobs, time.Hour, false, pruneArgs{})
	parked := prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "mainstay_outbox_parked", Help: "Facts that a module could not handle."}, func() float64 {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		st, err := a.events.Stats(ctx)
		if err != nil {
			return -1
		}
		return float64(st.Parked)
	})
	a.registry.MustRegister(parked)
}
