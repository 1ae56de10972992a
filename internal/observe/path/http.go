package path

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/httpapi"
	"github.com/mainstay-ops/mainstay/internal/core/netpath"
	"github.com/mainstay-ops/mainstay/internal/observe"
)

// NameIn is the name of a path in the address.
type NameIn struct {
	Name string `path:"name" maxLength:"200" doc:"Name of the path."`
}

// WindowIn is a window of time.
type WindowIn struct {
	From time.Time `query:"from" doc:"Ten minutes before the end when not given."`
	To   time.Time `query:"to" doc:"Now when not given."`
}

type reportIn struct {
	NameIn
	WindowIn
}

type pdfIn struct {
	NameIn
	WindowIn
	Zone string `query:"zone" maxLength:"60" doc:"Time zone of the report, for example Europe/Berlin; UTC when not given."`
}

type putIn struct {
	NameIn
	IfMatch string `header:"If-Match"`
	Body    Spec
}

type sayIn struct {
	NameIn
	Body struct {
		At   time.Time `json:"at,omitempty" doc:"The moment it is about; now when not given."`
		Text string    `json:"text" minLength:"1" maxLength:"2000"`
	}
}

type unsayIn struct {
	NameIn
	ID string `path:"id" maxLength:"100"`
}

type settingsIn struct{ Body Settings }

type listIn struct {
	httpapi.Page
	Q    string `query:"q" maxLength:"200" doc:"Part of the name or the host."`
	Over string `query:"over" enum:"5m,10m,30m,1h" doc:"Window of the figures; 10m when not given."`
}

// Summary is a path in the list, with figures of the last minutes.
type Summary struct {
	ID      string           `json:"id" doc:"The name; what notes of changes carry."`
	Name    string           `json:"name"`
	Host    string           `json:"host"`
	Address string           `json:"address,omitempty"`
	Item    string           `json:"item,omitempty"`
	Proto   string           `json:"proto" enum:"icmp,udp,tcp"`
	Port    uint16           `json:"port,omitempty"`
	From    string           `json:"from" doc:"Name of the edge, or server."`
	Every   observe.Duration `json:"every"`
	State   string           `json:"state" enum:"ok,warning,critical,unknown,off,waiting" doc:"The worst of the checks that judge the path. Without one: ok when the target answered half of the probes or more, else critical; waiting before the first round."`
	Judged  bool             `json:"judged" doc:"A check judges the path."`
	Problem string           `json:"problem,omitempty" doc:"Why nothing is measured."`
	Hops    int              `json:"hops"`
	End     Figures          `json:"end"`
	MOS     float64          `json:"mos"`
	Changed *time.Time       `json:"route_changed_at,omitempty"`
	HeardAt *time.Time       `json:"heard_at,omitempty" doc:"Of the last round."`
	Spark   Timeline         `json:"timeline" doc:"60 parts of the window."`
}

const tag = "paths"

// Routes implements module.HasRoutes.
func (s *Service) Routes(api *httpapi.API) {
	const base = "/api/v1/paths"
	httpapi.Handle(api, httpapi.Op{ID: "list-paths", Method: "GET", Path: base, Need: observe.ReadPaths, Tag: tag, Summary: "Network paths with figures of the last minutes, by name"},
		func(ctx context.Context, in *listIn) (*httpapi.Body[httpapi.List[Summary]], error) {
			out, next, err := s.list(ctx, in)
			return httpapi.NewList(out, next), err
		})
	httpapi.Handle(api, httpapi.Op{ID: "get-path", Method: "GET", Path: base + "/{name}", Need: observe.ReadPaths, Tag: tag, Summary: "A network path in a window of time: hops, timelines, changes of the route, findings", Description: "Every figure is computed from the single answers of the window."},
		func(ctx context.Context, in *reportIn) (*httpapi.Body[*Report], error) {
			r, err := s.report(ctx, in.Name, in.From, in.To)
			if err != nil {
				return nil, err
			}
			row, err := byName(ctx, s.d.DB.Reader(), in.Name)
			if err != nil {
				return nil, err
			}
			return &httpapi.Body[*Report]{ETag: httpapi.ETag(row.Version), Body: r}, nil
		})
	httpapi.Handle(api, httpapi.Op{ID: "get-path-report", Method: "GET", Path: base + "/{name}/report", Need: observe.ReadPaths, Tag: tag, Summary: "The report of a network path for its provider, as PDF"},
		func(ctx context.Context, in *pdfIn) (*huma.StreamResponse, error) { return s.pdf(ctx, in) })
	httpapi.Handle(api, httpapi.Op{ID: "set-path", Method: http.MethodPut, Path: base + "/{name}", Need: observe.WritePaths, Tag: tag, Summary: "Make or change a network path"},
		func(ctx context.Context, in *putIn) (*httpapi.Body[Spec], error) {
			if in.Body.Name != in.Name {
				return nil, errs.Fields(errs.Field{Path: "body.name", Value: in.Body.Name, Message: "must be the name in the address"})
			}
			if err := s.d.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
				_, err := s.Save(ctx, tx, in.Body, func(v int64) error { return httpapi.CheckMatch(in.IfMatch, v) })
				return err
			}); err != nil {
				return nil, err
			}
			r, err := byName(ctx, s.d.DB.Reader(), in.Name)
			if err != nil {
				return nil, err
			}
			spec, err := r.spec()
			return &httpapi.Body[Spec]{ETag: httpapi.ETag(r.Version), Body: spec}, err
		})
	httpapi.Handle(api, httpapi.Op{ID: "delete-path", Method: http.MethodDelete, Path: base + "/{name}", Need: observe.WritePaths, Tag: tag, Summary: "End a network path and remove what was measured", Status: http.StatusNoContent},
		func(ctx context.Context, in *NameIn) (*struct{}, error) {
			return nil, s.d.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error { return s.Delete(ctx, tx, in.Name) })
		})
	httpapi.Handle(api, httpapi.Op{ID: "comment-on-path", Method: http.MethodPost, Path: base + "/{name}/comments", Need: observe.SayOnPaths, Tag: tag, Summary: "Comment on a moment of a network path", Status: http.StatusCreated},
		func(ctx context.Context, in *sayIn) (*httpapi.Body[Comment], error) {
			c, err := s.say(ctx, in.Name, in.Body.At, in.Body.Text)
			return &httpapi.Body[Comment]{Body: c}, err
		})
	httpapi.Handle(api, httpapi.Op{ID: "delete-path-comment", Method: http.MethodDelete, Path: base + "/{name}/comments/{id}", Need: observe.SayOnPaths, Tag: tag, Summary: "Remove a comment on a network path", Status: http.StatusNoContent},
		func(ctx context.Context, in *unsayIn) (*struct{}, error) { return nil, s.unsay(ctx, in.Name, in.ID) })
	httpapi.Handle(api, httpapi.Op{ID: "get-path-settings", Method: "GET", Path: "/api/v1/path-settings", Need: observe.ReadPaths, Tag: tag, Summary: "How network paths are kept and what is looked up"},
		func(ctx context.Context, _ *struct{}) (*httpapi.Body[Settings], error) {
			set, err := readSettings(ctx, s.d.DB.Reader())
			return &httpapi.Body[Settings]{Body: set}, err
		})
	httpapi.Handle(api, httpapi.Op{ID: "set-path-settings", Method: http.MethodPut, Path: "/api/v1/path-settings", Need: observe.WritePaths, Tag: tag, Summary: "Set how network paths are kept and what is looked up"},
		func(ctx context.Context, in *settingsIn) (*httpapi.Body[Settings], error) {
			if err := access.Check(ctx, observe.WritePaths, ""); err != nil {
				return nil, err
			}
			set, err := s.saveSettings(ctx, in.Body)
			return &httpapi.Body[Settings]{Body: set}, err
		})
}

func (s *Service) list(ctx context.Context, in *listIn) ([]Summary, string, error) {
	over, err := time.ParseDuration(in.Over)
	if err != nil {
		over = 10 * time.Minute
	}
	where, args := access.Where(ctx, observe.ReadPaths, "team_id")
	q := s.d.DB.Reader()
	var rows []row
	sel := q.NewSelect().Model(&rows).Where("name > ?", in.Cursor).Where(where, args...)
	if in.Q != "" {
		p := "%" + like.Replace(lower(in.Q)) + "%"
		sel = sel.Where("(LOWER(name) LIKE ? ESCAPE '!' OR LOWER(spec) LIKE ? ESCAPE '!')", p, "%\"host\":\""+p)
	}
	if err := sel.OrderExpr("name").Limit(int64(in.Limit) + 1).Scan(ctx); err != nil {
		return nil, "", err
	}
	next := ""
	if len(rows) > in.Limit {
		rows = rows[:in.Limit]
		next = rows[in.Limit-1].Name
	}
	now := s.now()
	states := s.states()
	out := make([]Summary, len(rows))
	for i := range rows {
		spec, err := rows[i].spec()
		if err != nil {
			return nil, "", err
		}
		out[i] = s.summary(&kept{row: rows[i], spec: spec}, now, over, states)
	}
	return out, next, nil
}

// states are the worst states of the checks that judge each path, by its name.
func (s *Service) states() map[string]observe.Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := map[string]observe.Status{}
	for _, h := range s.held {
		st, err := observe.ParseStatus(h.state)
		if err != nil || h.judged.IsZero() {
			continue
		}
		if was, ok := out[h.path]; !ok || st.Worse(was) {
			out[h.path] = st
		}
	}
	return out
}

const sparkParts = 60

func (s *Service) summary(k *kept, now time.Time, over time.Duration, states map[string]observe.Status) Summary {
	o := Summary{
		ID: k.Name, Name: k.Name, Host: k.spec.Host, Item: k.spec.Item, Proto: k.spec.Proto, Port: k.spec.Port, From: k.spec.place(), Every: k.spec.Every, State: "waiting",
	}
	o.Address, o.Problem = s.state(k)
	parts := make([]part, sparkParts)
	var st netpath.Stats
	if r := s.recorder(k.ID); r != nil {
		from := now.Add(-over)
		for _, e := range r.window(from) {
			i := min(int(e.at.Sub(from)*sparkParts/over), sparkParts-1)
			if e.rtt < 0 {
				st.Lose()
			} else {
				st.Add(e.rtt)
			}
			parts[i].take(netpath.Hop{RTT: e.rtt}, e.rtt >= 0)
		}
		r.mu.Lock()
		o.Hops = r.hops
		if !r.last.At.IsZero() {
			at := r.last.At.UTC()
			o.Changed = &at
		}
		if !r.heard.IsZero() {
			at := r.heard.UTC()
			o.HeardAt = &at
		}
		r.mu.Unlock()
	}
	o.End, o.MOS, o.Spark = figures(&st), round(st.MOS(), 2), timeline(parts)
	judged, ok := states[k.Name]
	o.Judged = ok
	switch {
	case k.spec.Off:
		o.State = "off"
	case ok:
		o.State = judged.String()
	case o.Problem != "" && st.Sent == 0:
		o.State = observe.Unknown.String()
	case st.Sent == 0:
	case st.Loss() > 0.5:
		o.State = observe.Critical.String()
	default:
		o.State = observe.OK.String()
	}
	return o
}
