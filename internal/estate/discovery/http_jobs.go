package discovery

import (
	"context"
	"net/http"

	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/httpapi"
	"github.com/mainstay-ops/mainstay/internal/estate"
)

// NameIn is a name in the path.
type NameIn struct {
	Name string `path:"name" maxLength:"200"`
}

type createJobIn struct {
	Body struct {
		JobSpec
		Start *bool `json:"start,omitempty" doc:"Whether to run it now too; yes when absent."`
	}
}

type saveJobIn struct {
	Name    string `path:"name" maxLength:"200"`
	IfMatch string `header:"If-Match"`
	Body    JobSpec
}

type previewIn struct{ Body JobSpec }

// FindingsIn narrows a list of findings.
type FindingsIn struct {
	httpapi.Page
	Outcome []string `query:"outcome,explode" enum:"new,changed,vanished,unchanged" doc:"Only these."`
	Text    string   `query:"q" maxLength:"200" doc:"Words in address, name, description or item."`
	Item    string   `query:"item" enum:"yes,no" doc:"Only those that are an item, or are none."`
}

type jobFindingsIn struct {
	NameIn
	FindingsIn
}

type jobRunsIn struct {
	NameIn
	httpapi.Page
}

const jobTag, jobBase = "discovery-jobs", "/api/v1/discovery-jobs"

func (s *Service) jobRoutes(api *httpapi.API) {
	view := func(ctx context.Context, name string) (*httpapi.Body[JobView], error) {
		j, err := s.job(ctx, s.d.DB.Reader(), name)
		if err != nil {
			return nil, err
		}
		v, err := s.jobView(ctx, s.d.DB.Reader(), j)
		return &httpapi.Body[JobView]{ETag: httpapi.ETag(j.Version), Body: v}, err
	}
	httpapi.Handle(api, httpapi.Op{ID: "list-discovery-jobs", Method: "GET", Path: jobBase, Need: estate.ReadItems, Tag: jobTag, Summary: "All discovery jobs with their newest run"},
		func(ctx context.Context, in *pageIn) (*httpapi.Body[httpapi.List[JobView]], error) {
			js, err := s.jobs(ctx, s.d.DB.Reader(), in.Cursor, in.Limit+1)
			if err != nil {
				return nil, err
			}
			next := ""
			if len(js) > in.Limit {
				js = js[:in.Limit]
				next = js[in.Limit-1].Spec.Name
			}
			out := make([]JobView, len(js))
			for i, j := range js {
				if out[i], err = s.jobView(ctx, s.d.DB.Reader(), j); err != nil {
					return nil, err
				}
			}
			return httpapi.NewList(out, next), nil
		})
	httpapi.Handle(api, httpapi.Op{ID: "create-discovery-job", Method: http.MethodPost, Path: jobBase, Need: writeDiscovery, Tag: jobTag, Summary: "Make a discovery job and run it", Status: http.StatusCreated},
		func(ctx context.Context, in *createJobIn) (*httpapi.Body[JobView], error) {
			spec := in.Body.JobSpec
			err := s.d.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
				spec = in.Body.JobSpec
				_, _ = spec.check() // gives it a name; mistakes are told by saveJob
				if _, err := s.job(ctx, tx, spec.Name); err == nil {
					return errs.New(errs.Conflict, "There is a discovery job %s already. Give this one another name.", spec.Name)
				} else if !errs.Is(err, errs.NotFound) {
					return err
				}
				if _, err := s.saveJob(ctx, tx, spec, func(int64) error { return nil }); err != nil {
					return err
				}
				if in.Body.Start != nil && !*in.Body.Start {
					return nil
				}
				j, err := s.job(ctx, tx, spec.Name)
				if err == nil {
					_, err = s.addRun(ctx, tx, j, who(ctx))
				}
				return err
			})
			if err != nil {
				return nil, err
			}
			return view(ctx, spec.Name)
		})
	httpapi.Handle(api, httpapi.Op{ID: "preview-discovery-job", Method: http.MethodPost, Path: jobBase + "/preview", Need: writeDiscovery, Tag: jobTag, Summary: "How many addresses a job would ask and how long that takes; nothing is sent"},
		func(_ context.Context, in *previewIn) (*httpapi.Body[Estimate], error) {
			ts, err := in.Body.check()
			if err != nil {
				return nil, err
			}
			return &httpapi.Body[Estimate]{Body: in.Body.estimate(ts)}, nil
		})
	httpapi.Handle(api, httpapi.Op{ID: "get-discovery-job", Method: "GET", Path: jobBase + "/{name}", Need: estate.ReadItems, Tag: jobTag, Summary: "One job with the progress of its newest run"},
		func(ctx context.Context, in *NameIn) (*httpapi.Body[JobView], error) { return view(ctx, in.Name) })
	httpapi.Handle(api, httpapi.Op{ID: "save-discovery-job", Method: http.MethodPut, Path: jobBase + "/{name}", Need: writeDiscovery, Tag: jobTag, Summary: "Make or change a job; it is not run by that", Description: "A run that is under way goes on as it began."},
		func(ctx context.Context, in *saveJobIn) (*httpapi.Body[JobView], error) {
			err := s.d.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
				spec := in.Body
				spec.Name = in.Name
				_, err := s.saveJob(ctx, tx, spec, func(v int64) error { return httpapi.CheckMatch(in.IfMatch, v) })
				return err
			})
			if err != nil {
				return nil, err
			}
			return view(ctx, in.Name)
		})
	httpapi.Handle(api, httpapi.Op{ID: "delete-discovery-job", Method: http.MethodDelete, Path: jobBase + "/{name}", Need: writeDiscovery, Tag: jobTag, Summary: "Remove a job with its runs; items that it made stay", Status: http.StatusNoContent},
		func(ctx context.Context, in *NameIn) (*struct{}, error) {
			return nil, s.d.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error { return second(s.deleteJob(ctx, tx, in.Name)) })
		})
	for verb, summary := range map[string]string{"run": "Run a job now", "pause": "Hold a job: its run stops where it is, its schedule waits", "resume": "Let a job go on where it stopped", "cancel": "End the open run of a job"} {
		httpapi.Handle(api, httpapi.Op{ID: verb + "-discovery-job", Method: http.MethodPost, Path: jobBase + "/{name}/" + verb, Need: writeDiscovery, Tag: jobTag, Summary: summary},
			func(ctx context.Context, in *NameIn) (*httpapi.Body[JobView], error) {
				v, err := s.control(ctx, in.Name, verb)
				return &httpapi.Body[JobView]{Body: v}, err
			})
	}
	httpapi.Handle(api, httpapi.Op{ID: "list-discovery-job-runs", Method: "GET", Path: jobBase + "/{name}/runs", Need: estate.ReadItems, Tag: jobTag, Summary: "Runs of a job, the newest first"},
		func(ctx context.Context, in *jobRunsIn) (*httpapi.Body[httpapi.List[Run]], error) {
			j, err := s.job(ctx, s.d.DB.Reader(), in.Name)
			if err != nil {
				return nil, err
			}
			rs, err := s.runsBy(ctx, s.d.DB.Reader(), "WHERE r.job_id = ? AND (? = '' OR r.id < ?) ORDER BY r.id DESC LIMIT ?", j.ID, in.Cursor, in.Cursor, in.Limit+1)
			next := ""
			if len(rs) > in.Limit {
				rs = rs[:in.Limit]
				next = rs[in.Limit-1].ID
			}
			return httpapi.NewList(rs, next), err
		})
	httpapi.Handle(api, httpapi.Op{ID: "list-discovery-job-findings", Method: "GET", Path: jobBase + "/{name}/findings", Need: estate.ReadItems, Tag: jobTag, Summary: "What the newest run of a job found"},
		func(ctx context.Context, in *jobFindingsIn) (*httpapi.Body[httpapi.List[Finding]], error) {
			j, err := s.job(ctx, s.d.DB.Reader(), in.Name)
			if err != nil {
				return nil, err
			}
			rs, err := s.runsBy(ctx, s.d.DB.Reader(), "WHERE r.job_id = ? ORDER BY r.id DESC LIMIT 1", j.ID)
			if err != nil || len(rs) == 0 {
				return httpapi.NewList([]Finding{}, ""), err
			}
			out, next, err := s.findings(ctx, rs[0].ID, "", &in.FindingsIn)
			return httpapi.NewList(out, next), err
		})
	httpapi.Handle(api, httpapi.Op{ID: "list-discovery-job-drift", Method: "GET", Path: jobBase + "/{name}/drift", Need: estate.ReadItems, Tag: jobTag, Summary: "What was new, changed or vanished in all runs that are kept, the newest first"},
		func(ctx context.Context, in *jobFindingsIn) (*httpapi.Body[httpapi.List[Finding]], error) {
			j, err := s.job(ctx, s.d.DB.Reader(), in.Name)
			if err != nil {
				return nil, err
			}
			out, next, err := s.findings(ctx, "", j.ID, &in.FindingsIn)
			return httpapi.NewList(out, next), err
		})
}
