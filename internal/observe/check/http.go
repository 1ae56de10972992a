package check

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/httpapi"
	"github.com/mainstay-ops/mainstay/internal/observe"
	"github.com/mainstay-ops/mainstay/internal/observe/check/state"
)

type listIn struct {
	Q      string   `query:"q" maxLength:"200" doc:"Part of the name, item or target."`
	State  []string `query:"state" doc:"Only these states." enum:"ok,warning,critical,unknown,pending,unreachable"`
	Item   string   `query:"item"`
	Type   string   `query:"type"`
	From   string   `query:"from" maxLength:"200" doc:"Only those that run there now: the name of an edge, or server."`
	Sort   string   `query:"sort" enum:"name,state" default:"name" doc:"state puts the worst first."`
	Limit  int      `query:"limit" minimum:"1" maximum:"500" default:"50"`
	Cursor string   `query:"cursor" maxLength:"20" pattern:"^[0-9]*$"`
}

// NameIn names a check in the path.
type NameIn struct {
	Name string `path:"name"`
}

// Detail is one check with everything about it.
type Detail struct {
	View
	Item        string           `json:"item"`
	RetryEvery  observe.Duration `json:"retry_every"`
	Freshness   observe.Duration `json:"freshness,omitempty"`
	Parents     []string         `json:"parents,omitempty"`
	AnyParent   []string         `json:"any_parent,omitempty"`
	NoFlapping  bool             `json:"no_flapping,omitempty"`
	Volatile    bool             `json:"volatile,omitempty"`
	Probe       map[string]any   `json:"probe" doc:"Configuration of the probe, without secrets."`
	Why         []state.Rule     `json:"why" doc:"Rules of docs/spec/check-states.md that applied to the last result."`
	FlapPercent float64          `json:"flap_percent"`
	Places      []PlaceView      `json:"places,omitempty" doc:"What each edge found last, for a check that runs on edges."`
	Output      string           `json:"output,omitempty"`
	Detail      string           `json:"detail,omitempty"`
	Version     int64            `json:"version"`
}

type checkBody struct {
	Name       string           `json:"name,omitempty" maxLength:"200"`
	Item       string           `json:"item,omitempty" doc:"Name of the item it watches."`
	Type       string           `json:"type" doc:"A type of GET /api/v1/check-types, or passive."`
	Probe      json.RawMessage  `json:"probe,omitempty" doc:"Configuration of that type."`
	Every      observe.Duration `json:"every,omitempty"`
	RetryEvery observe.Duration `json:"retry_every,omitempty"`
	Attempts   int              `json:"attempts,omitempty" minimum:"0" maximum:"100"`
	Freshness  observe.Duration `json:"freshness,omitempty"`
	Disabled   bool             `json:"disabled,omitempty"`
	From       string           `json:"from,omitempty" maxLength:"200" doc:"Where it runs: the name of an edge, any (one that is up) or all; the server if empty."`
	Parents    []string         `json:"parents,omitempty"`
	AnyParent  []string         `json:"any_parent,omitempty"`
	NoFlapping bool             `json:"no_flapping,omitempty"`
	Volatile   bool             `json:"volatile,omitempty"`
}

func (b checkBody) spec(name string) (Spec, error) {
	cfg, err := decodeProbeJSON(b.Type, b.Probe, "probe")
	if err != nil {
		return Spec{}, err
	}
	return Spec{
		Name: name, Item: b.Item, Every: b.Every, RetryEvery: b.RetryEvery, Attempts: b.Attempts, Freshness: b.Freshness, Disabled: b.Disabled, From: b.From,
		Settings: Settings{Parents: b.Parents, AnyParent: b.AnyParent, NoFlapping: b.NoFlapping, Volatile: b.Volatile}, Type: b.Type, Probe: cfg,
	}, nil
}

type createIn struct{ Body checkBody }

type saveIn struct {
	NameIn
	IfMatch string `header:"If-Match"`
	Body    checkBody
}

type deleteIn struct {
	NameIn
	IfMatch string `header:"If-Match"`
}

type resultIn struct {
	NameIn
	Body struct {
		State      string     `json:"state" enum:"ok,warning,critical,unknown"`
		Output     string     `json:"output,omitempty" maxLength:"16384"`
		At         *time.Time `json:"at,omitempty" doc:"When it was measured; now if not given."`
		DurationMS float64    `json:"duration_ms,omitempty" minimum:"0"`
		Measures   []struct {
			Name   string            `json:"name" pattern:"^[a-zA-Z_:][a-zA-Z0-9_:]*$" maxLength:"200"`
			Labels map[string]string `json:"labels,omitempty"`
			Value  float64           `json:"value"`
		} `json:"measures,omitempty" maxItems:"50"`
	}
}

type historyIn struct {
	NameIn
	httpapi.Page
}

type downtimesIn struct {
	Past  bool `query:"past" doc:"Also those that are over."`
	Limit int  `query:"limit" minimum:"1" maximum:"500" default:"100"`
}

type planIn struct {
	Body struct {
		Title      string    `json:"title" minLength:"1" maxLength:"200"`
		StartsAt   time.Time `json:"starts_at,omitzero"`
		EndsAt     time.Time `json:"ends_at"`
		Items      []string  `json:"items,omitempty" maxItems:"500"`
		Checks     []string  `json:"checks,omitempty" maxItems:"500"`
		Dependents bool      `json:"dependents,omitempty"`
	}
}

type idIn struct {
	ID string `path:"id"`
}

// Routes implements module.HasRoutes.
func (s *Service) Routes(api *httpapi.API) {
	const tag, base = "checks", "/api/v1/checks"
	httpapi.Handle(api, httpapi.Op{ID: "list-checks", Method: "GET", Path: base, Need: observe.ReadChecks, Tag: tag, Summary: "Checks with their present state"},
		func(ctx context.Context, in *listIn) (*httpapi.Body[httpapi.List[View]], error) {
			return s.listChecks(ctx, in), nil
		})
	httpapi.Handle(api, httpapi.Op{ID: "create-check", Method: "POST", Path: base, Need: observe.WriteChecks, Tag: tag, Summary: "Add a check", Status: http.StatusCreated},
		func(ctx context.Context, in *createIn) (*httpapi.Body[Detail], error) {
			return s.saveHTTP(ctx, in.Body.Name, in.Body, "", true)
		})
	httpapi.Handle(api, httpapi.Op{ID: "get-check", Method: "GET", Path: base + "/{name}", Need: observe.ReadChecks, Tag: tag, Summary: "One check with its configuration"},
		func(ctx context.Context, in *NameIn) (*httpapi.Body[Detail], error) { return s.detail(ctx, in.Name) })
	httpapi.Handle(api, httpapi.Op{ID: "save-check", Method: "PUT", Path: base + "/{name}", Need: observe.WriteChecks, Tag: tag, Summary: "Make a check or replace its configuration"},
		func(ctx context.Context, in *saveIn) (*httpapi.Body[Detail], error) {
			return s.saveHTTP(ctx, in.Name, in.Body, in.IfMatch, false)
		})
	httpapi.Handle(api, httpapi.Op{ID: "delete-check", Method: "DELETE", Path: base + "/{name}", Need: observe.WriteChecks, Tag: tag, Summary: "Remove a check", Status: http.StatusNoContent},
		func(ctx context.Context, in *deleteIn) (*struct{}, error) {
			return nil, s.Delete(ctx, in.Name, in.IfMatch)
		})
	httpapi.Handle(api, httpapi.Op{ID: "run-check", Method: "POST", Path: base + "/{name}/run", Need: observe.SendResults, Tag: tag, Summary: "Run a check now", Status: http.StatusAccepted},
		func(ctx context.Context, in *NameIn) (*struct{}, error) {
			e, err := s.entry(ctx, observe.SendResults, in.Name)
			if err != nil {
				return nil, err
			}
			if e.probe == nil && (e.from == "" || e.spec.Disabled) {
				return nil, errs.New(errs.Conflict, "This check is passive, switched off or broken, so it cannot be run.")
			}
			if away := s.engine.away(e); away != "" {
				return nil, errs.New(errs.Conflict, "%s The check runs when it is back.", away)
			}
			s.engine.schedule(e, dueRun, time.Now())
			return nil, nil
		})
	httpapi.Handle(api, httpapi.Op{ID: "send-check-result", Method: "POST", Path: base + "/{name}/result", Need: observe.SendResults, Tag: tag, Summary: "Send the result of a passive check", Status: http.StatusAccepted},
		func(ctx context.Context, in *resultIn) (*struct{}, error) {
			st, err := observe.ParseStatus(in.Body.State)
			if err != nil {
				return nil, errs.Fields(errs.Field{Path: "state", Value: in.Body.State, Message: err.Error()})
			}
			r := observe.Result{Status: st, Duration: time.Duration(in.Body.DurationMS * float64(time.Millisecond))}
			r.Output, r.Detail, _ = strings.Cut(in.Body.Output, "\n")
			if in.Body.At != nil {
				r.Start = *in.Body.At
			}
			for _, m := range in.Body.Measures {
				r.Measures = append(r.Measures, observe.Measure{Name: m.Name, Labels: m.Labels, Value: m.Value})
			}
			return nil, s.SendResult(ctx, in.Name, r)
		})
	httpapi.Handle(api, httpapi.Op{ID: "list-check-history", Method: "GET", Path: base + "/{name}/history", Need: observe.ReadChecks, Tag: tag, Summary: "Changes of state and notices, newest first"},
		func(ctx context.Context, in *historyIn) (*httpapi.Body[httpapi.List[Change]], error) {
			e, err := s.entry(ctx, observe.ReadChecks, in.Name)
			if err != nil {
				return nil, err
			}
			cs, err := history(ctx, s.d.DB.Reader(), e.id, in.Cursor, in.Limit)
			next := ""
			if len(cs) == in.Limit {
				next = cs[len(cs)-1].ID
			}
			return httpapi.NewList(cs, next), err
		})
	httpapi.Handle(api, httpapi.Op{ID: "list-check-types", Method: "GET", Path: "/api/v1/check-types", Need: observe.ReadChecks, Tag: tag, Summary: "Types of checks with the fields of their configuration"},
		func(context.Context, *struct{}) (*httpapi.Body[httpapi.List[TypeInfo]], error) {
			return httpapi.NewList(typeInfos(), ""), nil
		})
	httpapi.Handle(api, httpapi.Op{ID: "count-checks", Method: "GET", Path: "/api/v1/check-counts", Need: observe.ReadChecks, Tag: tag, Summary: "How many checks are in each state"},
		func(ctx context.Context, _ *struct{}) (*httpapi.Body[map[string]int], error) {
			m := map[string]int{"ok": 0, "warning": 0, "critical": 0, "unknown": 0, "pending": 0, "unreachable": 0}
			for _, e := range s.engine.list() {
				if visible(ctx, e) {
					m[state.Display(e.snapshot())]++
				}
			}
			return &httpapi.Body[map[string]int]{Body: m}, nil
		})
	s.downtimeRoutes(api)
}

func (s *Service) downtimeRoutes(api *httpapi.API) {
	const tag, base = "downtimes", "/api/v1/downtimes"
	httpapi.Handle(api, httpapi.Op{ID: "list-downtimes", Method: "GET", Path: base, Need: observe.ReadChecks, Tag: tag, Summary: "Maintenance windows"},
		func(ctx context.Context, in *downtimesIn) (*httpapi.Body[httpapi.List[Downtime]], error) {
			ds, err := s.Downtimes(ctx, in.Past, in.Limit)
			return httpapi.NewList(ds, ""), err
		})
	httpapi.Handle(api, httpapi.Op{ID: "plan-downtime", Method: "POST", Path: base, Need: observe.WriteChecks, Tag: tag, Summary: "Plan a maintenance window: checks go on, nobody is told", Status: http.StatusCreated},
		func(ctx context.Context, in *planIn) (*httpapi.Body[*Downtime], error) {
			d, err := s.Plan(ctx, Downtime{Title: in.Body.Title, StartsAt: in.Body.StartsAt, EndsAt: in.Body.EndsAt, Items: in.Body.Items, Checks: in.Body.Checks, Dependents: in.Body.Dependents})
			return &httpapi.Body[*Downtime]{Body: d}, err
		})
	httpapi.Handle(api, httpapi.Op{ID: "cancel-downtime", Method: "DELETE", Path: base + "/{id}", Need: observe.WriteChecks, Tag: tag, Summary: "End a maintenance window", Status: http.StatusNoContent},
		func(ctx context.Context, in *idIn) (*struct{}, error) { return nil, s.Cancel(ctx, in.ID) })
}

func visible(ctx context.Context, e *entry) bool {
	return access.From(ctx).CanFor(observe.ReadChecks, *e.team.Load())
}

// listChecks answers from memory. The cursor is a position in the list as it is
// sorted now; a check that is added or removed meanwhile shifts it by one.
func (s *Service) listChecks(ctx context.Context, in *listIn) *httpapi.Body[httpapi.List[View]] {
	start, _ := strconv.Atoi(in.Cursor)
	q := strings.ToLower(strings.TrimSpace(in.Q))
	all := s.engine.list()
	hits := make([]*entry, 0, min(len(all), 1024))
	var shown []string
	byState := in.Sort == "state"
	for _, e := range all {
		if !visible(ctx, e) {
			continue
		}
		if in.From == observe.FromServer && e.from != "" || in.From != "" && in.From != observe.FromServer && !slices.Contains(s.engine.runsAt(e), in.From) {
			continue
		}
		if q != "" || in.Item != "" || in.Type != "" || len(in.State) > 0 || byState {
			e.mu.Lock()
			d, item, target, typ := state.Display(e.st), e.item, e.target, e.spec.Type
			e.mu.Unlock()
			if in.Item != "" && item != in.Item || in.Type != "" && typ != in.Type || len(in.State) > 0 && !slices.Contains(in.State, d) {
				continue
			}
			if q != "" && !strings.Contains(strings.ToLower(e.name), q) && !strings.Contains(strings.ToLower(item), q) && !strings.Contains(strings.ToLower(target), q) {
				continue
			}
			if byState {
				shown = append(shown, d)
			}
		}
		hits = append(hits, e)
	}
	if byState {
		idx := make([]int, len(hits))
		for i := range idx {
			idx[i] = i
		}
		sort.SliceStable(idx, func(i, j int) bool { return displayRank[shown[idx[i]]] > displayRank[shown[idx[j]]] })
		sorted := make([]*entry, len(hits))
		for i, k := range idx {
			sorted[i] = hits[k]
		}
		hits = sorted
	}
	total := len(hits)
	start = min(max(start, 0), total)
	end := min(start+in.Limit, total)
	out := make([]View, 0, end-start)
	for _, e := range hits[start:end] {
		out = append(out, s.engine.noteOf(e))
	}
	b := httpapi.NewList(out, "")
	b.Body.Total = &total
	if end < total {
		b.Body.Next = strconv.Itoa(end)
	}
	return b
}

// entry finds a check that whoever acts may do need with.
func (s *Service) entry(ctx context.Context, need access.Permission, name string) (*entry, error) {
	e := s.engine.get(name)
	if e == nil {
		return nil, errs.New(errs.NotFound, "There is no check named %q.", name)
	}
	return e, access.Check(ctx, need, *e.team.Load())
}

func (s *Service) detail(ctx context.Context, name string) (*httpapi.Body[Detail], error) {
	e, err := s.entry(ctx, observe.ReadChecks, name)
	if err != nil {
		return nil, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	d := Detail{
		View: s.engine.note(e), Item: e.item, RetryEvery: e.spec.RetryEvery, Freshness: e.spec.Freshness, Parents: e.spec.Parents, AnyParent: e.spec.AnyParent,
		NoFlapping: e.spec.NoFlapping, Volatile: e.spec.Volatile, Probe: map[string]any{}, Why: state.Explain(e.st), FlapPercent: state.FlapPercent(e.st.Flaps), Output: e.last.Output, Detail: e.last.Detail, Version: e.version,
	}
	if d.Why == nil {
		d.Why = []state.Rule{}
	}
	if e.from != "" {
		d.Places = s.engine.placeViews(e)
	}
	if e.spec.Probe != nil {
		d.Probe = redacted(e.spec.Probe)
	}
	return &httpapi.Body[Detail]{ETag: httpapi.ETag(e.version), Body: d}, nil
}

func (s *Service) saveHTTP(ctx context.Context, name string, b checkBody, ifMatch string, create bool) (*httpapi.Body[Detail], error) {
	spec, err := b.spec(name)
	if err != nil {
		return nil, err
	}
	err = s.d.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		if create {
			if _, err := rowByName(ctx, tx, name); err == nil {
				return errs.New(errs.Conflict, "There is a check named %q already.", name)
			}
		}
		_, _, err := s.Save(ctx, tx, spec, ifMatch)
		return err
	})
	if err != nil {
		return nil, err
	}
	return s.detail(ctx, name)
}
