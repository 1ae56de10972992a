package dashboard

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/httpapi"
	"github.com/mainstay-ops/mainstay/internal/observe"
	"github.com/mainstay-ops/mainstay/internal/report"
)

// NameIn names a dashboard.
type NameIn struct {
	Name string `path:"name" maxLength:"100"`
}

type listIn struct {
	httpapi.Page
	Q string `query:"q" maxLength:"200" doc:"Part of the title or name."`
}

type saveIn struct {
	NameIn
	IfMatch string `header:"If-Match"`
	Body    Spec
}

type panelAsk struct {
	Ask
	Panel     Panel      `json:"panel"`
	Variables []Variable `json:"variables,omitempty" maxItems:"30"`
}

type optionsAsk struct {
	Ask
	Variables []Variable `json:"variables" maxItems:"30"`
}

// TokenIn is the secret part of a link.
type TokenIn struct {
	Token string `path:"token" maxLength:"100"`
}

type sharedAsk struct {
	TokenIn
	Panel string `path:"panel" maxLength:"50"`
	Body  Ask
}

type shareIn struct {
	NameIn
	Body struct {
		Note      string     `json:"note,omitempty" maxLength:"200" doc:"What the link is for."`
		ExpiresAt *time.Time `json:"expires_at,omitempty" doc:"It works until then; for ever when not given."`
	}
}

type importIn struct {
	Body struct {
		Name    string          `json:"name,omitempty" maxLength:"100" doc:"Name of the dashboard; made from its title when not given."`
		Grafana json.RawMessage `json:"grafana" doc:"A dashboard as Grafana exports it."`
		DryRun  bool            `json:"dry_run,omitempty" doc:"Only say what would be."`
	}
}

// Imported is what an import made, and what it left out.
type Imported struct {
	Dashboard *View    `json:"dashboard"`
	LeftOut   []string `json:"left_out"`
}

type choices struct {
	Options map[string][]string `json:"options"`
}

// canSee tells whether whoever asks may see what a panel shows.
func canSee(ctx context.Context, kind string) error {
	switch kind {
	case "text", "items":
		return nil // items are narrowed by who asks
	case "log":
		return access.Check(ctx, observe.ReadLogs, "")
	}
	return access.Check(ctx, observe.ReadMetrics, "")
}

// Routes implements module.HasRoutes.
func (s *Service) Routes(api *httpapi.API) {
	const tag, base = "dashboards", "/api/v1/dashboards"
	httpapi.Handle(api, httpapi.Op{ID: "list-dashboards", Method: "GET", Path: base, Need: report.ReadDashboards, Tag: tag, Summary: "Dashboards by name, those that come with Mainstay too"},
		func(ctx context.Context, in *listIn) (*httpapi.Body[httpapi.List[Brief]], error) {
			list, next, err := s.List(ctx, in.Q, in.Cursor, in.Limit)
			return httpapi.NewList(list, next), err
		})
	httpapi.Handle(api, httpapi.Op{ID: "create-dashboard", Method: "POST", Path: base, Need: report.WriteDashboards, Tag: tag, Summary: "Add a dashboard", Status: http.StatusCreated},
		func(ctx context.Context, in *httpapi.Body[Spec]) (*httpapi.Body[*View], error) {
			return tagged(s.Create(ctx, in.Body))
		})
	httpapi.Handle(api, httpapi.Op{ID: "get-dashboard", Method: "GET", Path: base + "/{name}", Need: report.ReadDashboards, Tag: tag, Summary: "One dashboard"},
		func(ctx context.Context, in *NameIn) (*httpapi.Body[*View], error) {
			return tagged(load(ctx, s.d.DB.Reader(), in.Name))
		})
	httpapi.Handle(api, httpapi.Op{ID: "set-dashboard", Method: "PUT", Path: base + "/{name}", Need: report.WriteDashboards, Tag: tag, Summary: "Change a dashboard; what is left out is removed"},
		func(ctx context.Context, in *saveIn) (*httpapi.Body[*View], error) {
			in.Body.Name = in.Name
			var out *View
			err := s.d.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
				old, err := load(ctx, tx, in.Name)
				if err != nil {
					return err
				}
				if err := httpapi.CheckMatch(in.IfMatch, old.Version); err != nil {
					return err
				}
				out, _, err = s.save(ctx, tx, in.Body, -1)
				return err
			})
			return tagged(out, err)
		})
	httpapi.Handle(api, httpapi.Op{ID: "delete-dashboard", Method: "DELETE", Path: base + "/{name}", Need: report.WriteDashboards, Tag: tag, Summary: "Remove a dashboard and its links", Status: http.StatusNoContent},
		func(ctx context.Context, in *NameIn) (*struct{}, error) { return nil, s.Delete(ctx, in.Name) })
	httpapi.Handle(api, httpapi.Op{ID: "import-dashboard", Method: "POST", Path: base + "/import", Need: report.WriteDashboards, Tag: tag, Summary: "Make a dashboard of one of Grafana's", MaxBody: 8 << 20},
		func(ctx context.Context, in *importIn) (*httpapi.Body[Imported], error) {
			spec, left, err := fromGrafana(in.Body.Grafana, in.Body.Name)
			if err != nil {
				return nil, err
			}
			out := Imported{Dashboard: &View{Spec: *spec}, LeftOut: left}
			if in.Body.DryRun {
				return &httpapi.Body[Imported]{Body: out}, spec.Check()
			}
			out.Dashboard, err = s.Create(ctx, *spec)
			return &httpapi.Body[Imported]{Body: out}, err
		})
	httpapi.Handle(api, httpapi.Op{ID: "ask-panel", Method: "POST", Path: "/api/v1/dashboard-query", Need: report.ReadDashboards, Tag: tag, Summary: "What a panel shows over a time; the panel need not be saved"},
		func(ctx context.Context, in *httpapi.Body[panelAsk]) (*httpapi.Body[*Data], error) {
			p := &in.Body.Panel
			if !panelKinds[p.Kind] || len(p.Queries) > 10 {
				return nil, errs.New(errs.Invalid, "The panel has a kind that does not exist, or more than 10 queries.")
			}
			if err := canSee(ctx, p.Kind); err != nil {
				return nil, err
			}
			d, err := s.Answer(ctx, p, in.Body.Variables, in.Body.Ask)
			return &httpapi.Body[*Data]{Body: d}, err
		})
	httpapi.Handle(api, httpapi.Op{ID: "ask-dashboard-options", Method: "POST", Path: "/api/v1/dashboard-query/options", Need: report.ReadDashboards, Tag: tag, Summary: "What can be chosen for variables"},
		func(ctx context.Context, in *httpapi.Body[optionsAsk]) (*httpapi.Body[choices], error) {
			if err := access.Check(ctx, observe.ReadMetrics, ""); err != nil {
				return nil, err
			}
			o, err := s.Options(ctx, in.Body.Variables, in.Body.Ask)
			return &httpapi.Body[choices]{Body: choices{o}}, err
		})
	s.shareRoutes(api)
}

func tagged(v *View, err error) (*httpapi.Body[*View], error) {
	if err != nil {
		return nil, err
	}
	return &httpapi.Body[*View]{ETag: httpapi.ETag(v.Version), Body: v}, nil
}

func (s *Service) shareRoutes(api *httpapi.API) {
	const tag, base, open = "dashboards", "/api/v1/dashboards/{name}/shares", "/api/v1/shared-dashboards/{token}"
	httpapi.Handle(api, httpapi.Op{ID: "list-dashboard-shares", Method: "GET", Path: base, Need: report.ShareDashboards, Tag: tag, Summary: "Links that show a dashboard"},
		func(ctx context.Context, in *NameIn) (*httpapi.Body[httpapi.List[Share]], error) {
			list, err := s.Shares(ctx, in.Name)
			return httpapi.NewList(list, ""), err
		})
	httpapi.Handle(api, httpapi.Op{ID: "share-dashboard", Method: "POST", Path: base, Need: report.ShareDashboards, Tag: tag, Summary: "Make a link that shows a dashboard, read only, to whoever has it", Status: http.StatusCreated},
		func(ctx context.Context, in *shareIn) (*httpapi.Body[Share], error) {
			sh, err := s.Share(ctx, in.Name, in.Body.Note, in.Body.ExpiresAt)
			return &httpapi.Body[Share]{Body: sh}, err
		})
	type unshareIn struct {
		NameIn
		ID string `path:"id" maxLength:"100"`
	}
	httpapi.Handle(api, httpapi.Op{ID: "unshare-dashboard", Method: "DELETE", Path: base + "/{id}", Need: report.ShareDashboards, Tag: tag, Summary: "End a link", Status: http.StatusNoContent},
		func(ctx context.Context, in *unshareIn) (*struct{}, error) {
			return nil, s.Unshare(ctx, in.Name, in.ID)
		})
	httpapi.Handle(api, httpapi.Op{ID: "get-shared-dashboard", Method: "GET", Path: open, Public: true, Tag: tag, Summary: "The dashboard of a link"},
		func(ctx context.Context, in *TokenIn) (*httpapi.Body[*View], error) {
			v, err := s.shared(ctx, in.Token)
			if err != nil {
				return nil, err
			}
			v.UpdatedBy = ""
			return &httpapi.Body[*View]{Body: v}, nil
		})
	httpapi.Handle(api, httpapi.Op{ID: "ask-shared-panel", Method: "POST", Path: open + "/panels/{panel}", Public: true, Tag: tag, Summary: "What a panel of a shared dashboard shows over a time"},
		func(ctx context.Context, in *sharedAsk) (*httpapi.Body[*Data], error) {
			d, err := s.AnswerShared(ctx, in.Token, in.Panel, in.Body)
			return &httpapi.Body[*Data]{Body: d}, err
		})
	type sharedOptionsIn struct {
		TokenIn
		Body Ask
	}
	httpapi.Handle(api, httpapi.Op{ID: "ask-shared-options", Method: "POST", Path: open + "/options", Public: true, Tag: tag, Summary: "What can be chosen on a shared dashboard"},
		func(ctx context.Context, in *sharedOptionsIn) (*httpapi.Body[choices], error) {
			o, err := s.OptionsShared(ctx, in.Token, in.Body)
			return &httpapi.Body[choices]{Body: choices{o}}, err
		})
}
