package scrape

import (
	"context"
	"net/http"
	"time"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/apply"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/httpapi"
	"github.com/mainstay-ops/mainstay/internal/observe"
)

// Job is a job with how it goes.
type Job struct {
	Spec
	Found    int       `json:"targets_found" doc:"How many there are now."`
	Up       int       `json:"targets_up"`
	Samples  int       `json:"samples" doc:"Of the last reads together."`
	Problem  string    `json:"problem,omitempty" doc:"What went wrong in looking for targets."`
	Updated  time.Time `json:"updated_at"`
	HasLogin bool      `json:"has_secret" doc:"A password, token or key is kept."`
}

// NameIn names a job.
type NameIn struct {
	Name string `path:"name" maxLength:"100" doc:"Name of the job; a slash is written %2F."`
}

type putIn struct {
	NameIn
	Body Spec
}

func (s *Service) view(r *row) (Job, error) {
	spec, err := r.shown()
	if err != nil {
		return Job{}, err
	}
	out := Job{Spec: spec, Updated: r.UpdatedAt, HasLogin: r.Secrets != ""}
	s.mu.Lock()
	a := s.jobs[r.ID]
	s.mu.Unlock()
	if a != nil {
		var states []State
		states, out.Problem = a.j.states()
		out.Found = len(states)
		for _, st := range states {
			if st.Up {
				out.Up++
			}
			out.Samples += st.Samples
		}
	}
	return out, nil
}

// Routes implements module.HasRoutes.
func (s *Service) Routes(api *httpapi.API) {
	const tag, base = "scrape-jobs", "/api/v1/scrape-jobs"
	httpapi.Handle(api, httpapi.Op{ID: "list-scrape-jobs", Method: "GET", Path: base, Need: observe.ReadSources, Tag: tag, Summary: "Scrape jobs by name"},
		func(ctx context.Context, _ *struct{}) (*httpapi.Body[httpapi.List[Job]], error) {
			rows, err := s.all(ctx, s.d.DB.Reader())
			if err != nil {
				return nil, err
			}
			out := make([]Job, len(rows))
			for i := range rows {
				if out[i], err = s.view(&rows[i]); err != nil {
					return nil, err
				}
			}
			return httpapi.NewList(out, ""), nil
		})
	httpapi.Handle(api, httpapi.Op{ID: "get-scrape-job", Method: "GET", Path: base + "/{name}", Need: observe.ReadSources, Tag: tag, Summary: "One scrape job"},
		func(ctx context.Context, in *NameIn) (*httpapi.Body[Job], error) {
			r, err := byName(ctx, s.d.DB.Reader(), in.Name)
			if err != nil {
				return nil, err
			}
			v, err := s.view(r)
			return &httpapi.Body[Job]{Body: v}, err
		})
	httpapi.Handle(api, httpapi.Op{ID: "list-scrape-targets", Method: "GET", Path: base + "/{name}/targets", Need: observe.ReadSources, Tag: tag, Summary: "The targets of a scrape job and how the last read went"},
		func(ctx context.Context, in *NameIn) (*httpapi.Body[httpapi.List[State]], error) {
			r, err := byName(ctx, s.d.DB.Reader(), in.Name)
			if err != nil {
				return nil, err
			}
			s.mu.Lock()
			a := s.jobs[r.ID]
			s.mu.Unlock()
			var out []State
			if a != nil {
				out, _ = a.j.states()
			}
			return httpapi.NewList(out, ""), nil
		})
	httpapi.Handle(api, httpapi.Op{ID: "set-scrape-job", Method: "PUT", Path: base + "/{name}", Need: observe.WriteSources, Tag: tag, Summary: "Make or change a scrape job"},
		func(ctx context.Context, in *putIn) (*httpapi.Body[Job], error) {
			if in.Body.Name != in.Name {
				return nil, errs.Fields(errs.Field{Path: "body.name", Value: in.Body.Name, Message: "must be the name in the address"})
			}
			if err := s.d.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
				_, err := s.Save(ctx, tx, in.Body)
				return err
			}); err != nil {
				return nil, err
			}
			r, err := byName(ctx, s.d.DB.Reader(), in.Name)
			if err != nil {
				return nil, err
			}
			v, err := s.view(r)
			return &httpapi.Body[Job]{Body: v}, err
		})
	httpapi.Handle(api, httpapi.Op{ID: "delete-scrape-job", Method: "DELETE", Path: base + "/{name}", Need: observe.WriteSources, Tag: tag, Summary: "End a scrape job; what it read stays", Status: http.StatusNoContent},
		func(ctx context.Context, in *NameIn) (*struct{}, error) {
			return nil, s.d.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error { return s.Delete(ctx, tx, in.Name) })
		})
}

// Resources implements module.HasResources. Secrets are never exported; a file
// without them keeps those that are there.
func (s *Service) Resources() []apply.Resource {
	return []apply.Resource{{
		Key: "scrape_jobs", Order: 60, Need: observe.WriteSources, New: func() any { return &Spec{} },
		Apply: func(ctx context.Context, tx *db.Tx, entry any) (apply.Change, error) {
			o, err := s.Save(ctx, tx, *entry.(*Spec))
			return apply.Change{Outcome: o}, err
		},
		Export: func(ctx context.Context, q bun.IDB) ([]any, error) {
			rows, err := s.all(ctx, q)
			out := make([]any, 0, len(rows))
			for i := range rows {
				spec, err := rows[i].shown()
				if err != nil {
					return nil, err
				}
				out = append(out, spec)
			}
			return out, err
		},
	}}
}
