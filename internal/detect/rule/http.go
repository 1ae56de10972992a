package rule

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/httpapi"
	"github.com/mainstay-ops/mainstay/internal/detect"
	"github.com/mainstay-ops/mainstay/internal/detect/rule/eval"
)

// View is a rule with its work.
type View struct {
	Rule

	State     string     `json:"state" enum:"firing,pending,inactive,disabled,error"`
	Firing    int        `json:"firing" doc:"Instances that fire."`
	Pending   int        `json:"pending" doc:"Instances that wait for their time."`
	Objective string     `json:"slo,omitempty" doc:"Name of the objective that made the rule."`
	AskedAt   *time.Time `json:"asked_at,omitempty" doc:"When it was asked last; since the start of the server."`
	NextAt    *time.Time `json:"next_at,omitempty"`
	TookMS    float64    `json:"took_ms" doc:"How long the last question took."`
	Error     string     `json:"error,omitempty" doc:"Why the last question was not answered."`
	UpdatedAt time.Time  `json:"updated_at"`
}

func (s *Service) view(r row, n map[string]int) (View, error) {
	spec, err := r.rule()
	if err != nil {
		return View{}, err
	}
	v := View{Rule: spec, State: "inactive", Firing: n["firing"], Pending: n["pending"], Objective: r.Origin, UpdatedAt: r.UpdatedAt.UTC()}
	last, next, ok := s.engine.state(r.Name)
	if ok {
		next = next.UTC()
		v.NextAt = &next
		if !last.At.IsZero() {
			v.AskedAt, v.TookMS, v.Error = &last.At, float64(last.Took.Microseconds())/1000, last.Error
		}
	}
	switch {
	case !r.Enabled:
		v.State = "disabled"
	case v.Firing > 0:
		v.State = "firing"
	case v.Error != "":
		v.State = "error"
	case v.Pending > 0:
		v.State = "pending"
	}
	return v, nil
}

// InstanceView is an instance in the API.
type InstanceView struct {
	Labels   map[string]string `json:"labels"`
	State    string            `json:"state" enum:"pending,firing"`
	Title    string            `json:"title,omitempty"`
	Item     string            `json:"item,omitempty"`
	ActiveAt time.Time         `json:"active_at"`
	FiredAt  *time.Time        `json:"fired_at,omitempty"`
	Value    *float64          `json:"value,omitempty" doc:"The present value."`
	NoData   bool              `json:"no_data,omitempty"`
}

// FiredView is one time that a rule fired.
type FiredView struct {
	ID        string            `json:"id"`
	Labels    map[string]string `json:"labels"`
	Title     string            `json:"title"`
	Item      string            `json:"item,omitempty"`
	StartedAt time.Time         `json:"started_at"`
	FiredAt   time.Time         `json:"fired_at"`
	EndedAt   *time.Time        `json:"ended_at,omitempty"`
	Reason    string            `json:"reason,omitempty" doc:"Why it ended."`
	Value     float64           `json:"value"`
}

type listIn struct {
	httpapi.Page
	Q        string `query:"q" maxLength:"200" doc:"Text in the name, the description or the question."`
	State    string `query:"state" enum:"firing,pending,inactive,disabled"`
	Severity string `query:"severity" enum:"critical,warning,info"`
}

// NameIn names a rule or an objective.
type NameIn struct {
	Name string `path:"name" maxLength:"200"`
}

type saveIn struct {
	NameIn
	IfMatch string `header:"If-Match"`
	Body    Rule
}

type deleteIn struct {
	NameIn
	IfMatch string `header:"If-Match"`
}

type firedIn struct {
	NameIn
	httpapi.Page
}

type createIn struct{ Body Rule }

type importIn struct {
	DryRun bool   `query:"dry_run" doc:"Say what would be made, and make nothing."`
	File   string `query:"file" maxLength:"300" doc:"Name of the file, for messages."`
	Body   struct {
		Text string `json:"text" maxLength:"8388608" doc:"A rule file of Prometheus."`
	}
}

func (s *Service) get(ctx context.Context, name string) (*httpapi.Body[View], error) {
	r, err := readable(ctx, s.db.Reader(), name)
	if err != nil {
		return nil, err
	}
	n, err := counts(ctx, s.db.Reader(), []string{name})
	if err != nil {
		return nil, err
	}
	v, err := s.view(r, n[name])
	return &httpapi.Body[View]{ETag: httpapi.ETag(r.Version), Body: v}, err
}

// Routes implements module.HasRoutes.
func (s *Service) Routes(api *httpapi.API) {
	httpapi.Handle(api, httpapi.Op{ID: "list-rules", Method: "GET", Path: "/api/v1/rules", Need: detect.ReadRules, Tag: "rules", Summary: "Rules by name"}, s.list)
	httpapi.Handle(api, httpapi.Op{ID: "get-rule", Method: "GET", Path: "/api/v1/rules/{name}", Need: detect.ReadRules, Tag: "rules", Summary: "One rule"},
		func(ctx context.Context, in *NameIn) (*httpapi.Body[View], error) { return s.get(ctx, in.Name) })
	httpapi.Handle(api, httpapi.Op{ID: "create-rule", Method: "POST", Path: "/api/v1/rules", Need: detect.WriteRules, Tag: "rules", Summary: "Make a rule", Status: http.StatusCreated},
		func(ctx context.Context, in *createIn) (*httpapi.Body[View], error) {
			return s.put(ctx, in.Body, func(v int64) error {
				if v != 0 {
					return errs.New(errs.Conflict, "There is a rule named %q already.", in.Body.Name)
				}
				return nil
			})
		})
	httpapi.Handle(api, httpapi.Op{ID: "save-rule", Method: "PUT", Path: "/api/v1/rules/{name}", Need: detect.WriteRules, Tag: "rules", Summary: "Make or change a rule"},
		func(ctx context.Context, in *saveIn) (*httpapi.Body[View], error) {
			in.Body.Name = in.Name
			return s.put(ctx, in.Body, func(v int64) error { return httpapi.CheckMatch(in.IfMatch, v) })
		})
	httpapi.Handle(api, httpapi.Op{ID: "delete-rule", Method: "DELETE", Path: "/api/v1/rules/{name}", Need: detect.WriteRules, Tag: "rules", Summary: "Remove a rule and end what it raised", Status: http.StatusNoContent},
		func(ctx context.Context, in *deleteIn) (*struct{}, error) {
			return nil, s.db.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
				return s.remove(ctx, tx, in.Name, "", func(v int64) error { return httpapi.CheckMatch(in.IfMatch, v) })
			})
		})
	httpapi.Handle(api, httpapi.Op{ID: "list-rule-instances", Method: "GET", Path: "/api/v1/rules/{name}/instances", Need: detect.ReadRules, Tag: "rules", Summary: "What a rule is about now: instances that are pending or firing"}, s.instances)
	httpapi.Handle(api, httpapi.Op{ID: "list-rule-history", Method: "GET", Path: "/api/v1/rules/{name}/history", Need: detect.ReadRules, Tag: "rules", Summary: "When a rule fired, the newest first"}, s.history)
	httpapi.Handle(api, httpapi.Op{
		ID: "import-rules", Method: "POST", Path: "/api/v1/rules/import", Need: detect.WriteRules, Tag: "rules", Summary: "Take a rule file of Prometheus, all of it or nothing",
	}, s.importFile)
	s.tryRoutes(api)
	s.objectiveRoutes(api)
}

func (s *Service) list(ctx context.Context, in *listIn) (*httpapi.Body[httpapi.List[View]], error) {
	q := s.db.Reader()
	rows, next, err := list(ctx, q, filter{Text: in.Q, State: in.State, Severity: in.Severity, After: in.Cursor, Limit: in.Limit})
	if err != nil {
		return nil, err
	}
	names := make([]string, len(rows))
	for i, r := range rows {
		names[i] = r.Name
	}
	n, err := counts(ctx, q, names)
	if err != nil {
		return nil, err
	}
	out := make([]View, len(rows))
	for i, r := range rows {
		if out[i], err = s.view(r, n[r.Name]); err != nil {
			return nil, err
		}
	}
	return httpapi.NewList(out, next), nil
}

func (s *Service) put(ctx context.Context, r Rule, ifMatch func(int64) error) (*httpapi.Body[View], error) {
	err := s.db.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		_, err := s.save(ctx, tx, r, "", ifMatch)
		return err
	})
	if err != nil {
		return nil, err
	}
	return s.get(ctx, r.Name)
}

func (s *Service) instances(ctx context.Context, in *NameIn) (*httpapi.Body[httpapi.List[InstanceView]], error) {
	q := s.db.Reader()
	if _, err := readable(ctx, q, in.Name); err != nil {
		return nil, err
	}
	rows, err := instances(ctx, q, in.Name)
	if err != nil {
		return nil, err
	}
	values := s.engine.values(in.Name)
	out := make([]InstanceView, len(rows))
	for i, r := range rows {
		x, err := r.instance()
		if err != nil {
			return nil, err
		}
		out[i] = InstanceView{Labels: x.Labels, State: r.State, Title: r.Title, Item: r.Item, ActiveAt: r.ActiveAt.UTC(), FiredAt: utc(r.FiredAt), NoData: x.NoData}
		if v, ok := values[r.ID]; ok && v == finite(v) && !x.NoData {
			out[i].Value = &v
		}
	}
	return httpapi.NewList(out, ""), nil
}

func utc(t *time.Time) *time.Time {
	if t == nil {
		return nil
	}
	u := t.UTC()
	return &u
}

func (s *Service) history(ctx context.Context, in *firedIn) (*httpapi.Body[httpapi.List[FiredView]], error) {
	q := s.db.Reader()
	if _, err := readable(ctx, q, in.Name); err != nil {
		return nil, err
	}
	var rows []historyRow
	sel := q.NewSelect().Model(&rows).Where("rule = ?", in.Name).OrderExpr("id DESC").Limit(int64(in.Limit) + 1)
	if in.Cursor != "" {
		sel = sel.Where("id < ?", in.Cursor)
	}
	if err := sel.Scan(ctx); err != nil {
		return nil, err
	}
	next := ""
	if len(rows) > in.Limit {
		rows = rows[:in.Limit]
		next = rows[in.Limit-1].ID
	}
	out := make([]FiredView, len(rows))
	for i, r := range rows {
		out[i] = FiredView{ID: r.ID, Title: r.Title, Item: r.Item, StartedAt: r.StartedAt.UTC(), FiredAt: r.FiredAt.UTC(), EndedAt: utc(r.EndedAt), Reason: r.Reason, Value: r.Value}
		if err := json.Unmarshal([]byte(r.Labels), &out[i].Labels); err != nil {
			return nil, err
		}
	}
	return httpapi.NewList(out, next), nil
}

func (s *Service) importFile(ctx context.Context, in *importIn) (*httpapi.Body[httpapi.List[Imported]], error) {
	file := in.File
	if file == "" {
		file = "The file"
	}
	if len(in.Body.Text) > eval.MaxFile {
		return nil, errs.New(errs.TooMany, "A rule file may have %d bytes.", eval.MaxFile)
	}
	var out []Imported
	undo := errs.New(errs.Conflict, "A dry run changes nothing.")
	err := s.db.InTx(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
		if out, err = s.importProm(ctx, tx, file, []byte(in.Body.Text)); err == nil && in.DryRun {
			return undo
		}
		return err
	})
	if err != nil && !(in.DryRun && errors.Is(err, undo)) {
		return nil, err
	}
	return httpapi.NewList(out, ""), nil
}
