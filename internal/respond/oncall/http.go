package oncall

import (
	"context"
	"net/http"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/httpapi"
	"github.com/mainstay-ops/mainstay/internal/observe"
	"github.com/mainstay-ops/mainstay/internal/respond"
)

type nameIn struct {
	Name string `path:"name" maxLength:"200"`
}

type saveScheduleIn struct {
	Name    string `path:"name" maxLength:"200"`
	IfMatch string `header:"If-Match"`
	Body    struct {
		TimeZone  string     `json:"time_zone,omitempty" maxLength:"64" doc:"IANA zone of all hand-overs; empty means UTC."`
		Rotations []rotation `json:"rotations" maxItems:"20"`
	}
}

type saveEscalationIn struct {
	Name    string `path:"name" maxLength:"200"`
	IfMatch string `header:"If-Match"`
	Body    struct {
		Steps       []step           `json:"steps" maxItems:"30"`
		Repeat      int              `json:"repeat,omitempty" minimum:"0" maximum:"100"`
		RepeatAfter observe.Duration `json:"repeat_after,omitempty"`
		CatchAll    string           `json:"catch_all,omitempty" maxLength:"200"`
	}
}

type shiftsIn struct {
	Name string    `path:"name" maxLength:"200"`
	From time.Time `query:"from" doc:"Begin; now when it is not given."`
	To   time.Time `query:"to" doc:"End; four weeks after from when it is not given."`
}

type addOverrideIn struct {
	Name string `path:"name" maxLength:"200"`
	Body overrideIn
}

type removeOverrideIn struct {
	Name string `path:"name" maxLength:"200"`
	ID   string `path:"id" maxLength:"100"`
}

// Routes implements module.HasRoutes.
func (s *Service) Routes(api *httpapi.API) {
	httpapi.Handle(api, httpapi.Op{ID: "list-on-call", Method: "GET", Path: "/api/v1/oncall", Need: respond.ReadOncall, Tag: "schedules", Summary: "Who is on call now, until when, and who comes next"},
		func(ctx context.Context, _ *struct{}) (*httpapi.Body[httpapi.List[duty]], error) {
			ds, err := s.duties(ctx, s.db.Clock().Now())
			return httpapi.NewList(ds, ""), err
		})
	s.scheduleRoutes(api)
	s.escalationRoutes(api)
}

func (s *Service) scheduleRoutes(api *httpapi.API) {
	httpapi.Handle(api, httpapi.Op{ID: "list-schedules", Method: "GET", Path: "/api/v1/schedules", Need: respond.ReadOncall, Tag: "schedules", Summary: "All schedules"},
		func(ctx context.Context, _ *struct{}) (*httpapi.Body[httpapi.List[schedule]], error) {
			var rows []scheduleRow
			q := s.db.Reader()
			if err := q.NewSelect().Model(&rows).OrderExpr("name").Limit(5000).Scan(ctx); err != nil {
				return nil, err
			}
			out := make([]schedule, len(rows))
			for i, r := range rows {
				var err error
				if out[i], err = view(ctx, q, r); err != nil {
					return nil, err
				}
			}
			return httpapi.NewList(out, ""), nil
		})
	get := func(ctx context.Context, name string) (*httpapi.Body[schedule], error) {
		r, err := s.row(ctx, s.db.Reader(), name)
		if err != nil {
			return nil, err
		}
		v, err := view(ctx, s.db.Reader(), r)
		return &httpapi.Body[schedule]{ETag: httpapi.ETag(r.Version), Body: v}, err
	}
	httpapi.Handle(api, httpapi.Op{ID: "get-schedule", Method: "GET", Path: "/api/v1/schedules/{name}", Need: respond.ReadOncall, Tag: "schedules", Summary: "One schedule"},
		func(ctx context.Context, in *nameIn) (*httpapi.Body[schedule], error) { return get(ctx, in.Name) })
	httpapi.Handle(api, httpapi.Op{ID: "save-schedule", Method: "PUT", Path: "/api/v1/schedules/{name}", Need: respond.WriteOncall, Tag: "schedules", Summary: "Make or change a schedule", Description: "People who have no account yet get one."},
		func(ctx context.Context, in *saveScheduleIn) (*httpapi.Body[schedule], error) {
			err := s.db.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
				_, err := s.saveSchedule(ctx, tx, schedule{Name: in.Name, TimeZone: in.Body.TimeZone, Rotations: in.Body.Rotations}, func(v int64) error { return httpapi.CheckMatch(in.IfMatch, v) })
				return err
			})
			if err != nil {
				return nil, err
			}
			return get(ctx, in.Name)
		})
	httpapi.Handle(api, httpapi.Op{ID: "delete-schedule", Method: "DELETE", Path: "/api/v1/schedules/{name}", Need: respond.WriteOncall, Tag: "schedules", Summary: "Remove a schedule that no escalation uses", Status: http.StatusNoContent},
		func(ctx context.Context, in *nameIn) (*struct{}, error) {
			return nil, s.db.InTx(ctx, func(ctx context.Context, tx *db.Tx) error { return s.deleteSchedule(ctx, tx, in.Name) })
		})
	httpapi.Handle(api, httpapi.Op{ID: "list-shifts", Method: "GET", Path: "/api/v1/schedules/{name}/shifts", Need: respond.ReadOncall, Tag: "schedules", Summary: "The final schedule: shifts, overrides and gaps"},
		func(ctx context.Context, in *shiftsIn) (*httpapi.Body[shiftsBody], error) {
			b, err := s.shifts(ctx, in.Name, in.From, in.To)
			return &httpapi.Body[shiftsBody]{Body: b}, err
		})
	httpapi.Handle(api, httpapi.Op{ID: "create-override", Method: "POST", Path: "/api/v1/schedules/{name}/overrides", Need: respond.OverrideOncall, Tag: "schedules", Summary: "Take a shift", Description: "Giving it to somebody else needs `oncall.write`.", Status: http.StatusCreated},
		func(ctx context.Context, in *addOverrideIn) (*httpapi.Body[*override], error) {
			var o *override
			err := s.db.InTx(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
				o, err = s.addOverride(ctx, tx, in.Name, in.Body)
				return err
			})
			return &httpapi.Body[*override]{Body: o}, err
		})
	httpapi.Handle(api, httpapi.Op{ID: "delete-override", Method: "DELETE", Path: "/api/v1/schedules/{name}/overrides/{id}", Need: respond.OverrideOncall, Tag: "schedules", Summary: "Give a shift back", Status: http.StatusNoContent},
		func(ctx context.Context, in *removeOverrideIn) (*struct{}, error) {
			return nil, s.db.InTx(ctx, func(ctx context.Context, tx *db.Tx) error { return s.removeOverride(ctx, tx, in.Name, in.ID) })
		})
}

func (s *Service) escalationRoutes(api *httpapi.API) {
	httpapi.Handle(api, httpapi.Op{ID: "list-escalations", Method: "GET", Path: "/api/v1/escalations", Need: respond.ReadOncall, Tag: "escalations", Summary: "All escalations"},
		func(ctx context.Context, _ *struct{}) (*httpapi.Body[httpapi.List[escalation]], error) {
			es, err := s.escalations(ctx, s.db.Reader())
			return httpapi.NewList(es, ""), err
		})
	get := func(ctx context.Context, name string) (*httpapi.Body[escalation], error) {
		e, v, err := s.escalation(ctx, s.db.Reader(), name)
		return &httpapi.Body[escalation]{ETag: httpapi.ETag(v), Body: e}, err
	}
	httpapi.Handle(api, httpapi.Op{ID: "get-escalation", Method: "GET", Path: "/api/v1/escalations/{name}", Need: respond.ReadOncall, Tag: "escalations", Summary: "One escalation"},
		func(ctx context.Context, in *nameIn) (*httpapi.Body[escalation], error) { return get(ctx, in.Name) })
	httpapi.Handle(api, httpapi.Op{ID: "save-escalation", Method: "PUT", Path: "/api/v1/escalations/{name}", Need: respond.WriteOncall, Tag: "escalations", Summary: "Make or change an escalation", Description: "Runs that have begun go on as they began."},
		func(ctx context.Context, in *saveEscalationIn) (*httpapi.Body[escalation], error) {
			b := in.Body
			err := s.db.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
				_, err := s.saveEscalation(ctx, tx, escalation{Name: in.Name, Steps: b.Steps, Repeat: b.Repeat, RepeatAfter: b.RepeatAfter, CatchAll: b.CatchAll}, func(v int64) error { return httpapi.CheckMatch(in.IfMatch, v) })
				return err
			})
			if err != nil {
				return nil, err
			}
			return get(ctx, in.Name)
		})
	httpapi.Handle(api, httpapi.Op{ID: "delete-escalation", Method: "DELETE", Path: "/api/v1/escalations/{name}", Need: respond.WriteOncall, Tag: "escalations", Summary: "Remove an escalation", Status: http.StatusNoContent},
		func(ctx context.Context, in *nameIn) (*struct{}, error) {
			return nil, s.db.InTx(ctx, func(ctx context.Context, tx *db.Tx) error { return s.deleteEscalation(ctx, tx, in.Name) })
		})
}
