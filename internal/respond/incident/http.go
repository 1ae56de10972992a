package incident

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/account"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/entity"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/httpapi"
	"github.com/mainstay-ops/mainstay/internal/core/record"
	"github.com/mainstay-ops/mainstay/internal/respond"
)

type listIn struct {
	httpapi.Page
	State    []string `query:"state,explode" maxItems:"10" doc:"new, acknowledged, restored, resolved or closed; several joined by commas or given one by one."`
	Open     bool     `query:"open" doc:"Only those that are new, acknowledged or restored."`
	Priority int      `query:"priority" minimum:"0" maximum:"5"`
	Team     string   `query:"team" maxLength:"200" doc:"Name of the team."`
	Item     string   `query:"item" maxLength:"200" doc:"Name of an item."`
	Assignee string   `query:"assignee" maxLength:"254" doc:"E-mail address or id of a person, me, or none."`
	Q        string   `query:"q" maxLength:"200" doc:"A number, or words in the title or description; the 500 best are listed."`
	Sort     string   `query:"sort" enum:"number,priority" default:"number" doc:"number: newest first. priority: open incidents only, most urgent and then oldest first."`
}

type numberIn struct {
	Number string `path:"number" maxLength:"40" doc:"For example INC-12."`
}

// Routes implements module.HasRoutes.
func (s *Service) Routes(api *httpapi.API) {
	httpapi.Handle(api, httpapi.Op{ID: "list-incidents", Method: "GET", Path: "/api/v1/incidents", Need: respond.ReadIncidents, Tag: "incidents", Summary: "Incidents, the newest first"}, s.listHTTP)
	httpapi.Handle(api, httpapi.Op{ID: "get-incident", Method: "GET", Path: "/api/v1/incidents/{number}", Need: respond.ReadIncidents, Tag: "incidents", Summary: "One incident"},
		func(ctx context.Context, in *numberIn) (*httpapi.Body[Detail], error) {
			r, err := s.d.Records.ByNumber(ctx, s.d.DB.Reader(), respond.IncidentKind, in.Number)
			if err != nil {
				return nil, err
			}
			return s.detail(ctx, r.ID)
		})
	s.writeRoutes(api)
	s.stateRoutes(api)
	s.policyRoutes(api)
	s.d.Records.Routes(api, respond.IncidentKind)
}

func (s *Service) listHTTP(ctx context.Context, in *listIn) (*httpapi.Body[httpapi.List[View]], error) {
	q := s.d.DB.Reader()
	f := filter{Priority: in.Priority, Text: strings.TrimSpace(in.Q), Sort: in.Sort, Cursor: in.Cursor, Limit: in.Limit}
	states, err := splitStates(in.State)
	if err != nil {
		return nil, err
	}
	for _, st := range states {
		if !in.Open || st != Resolved && st != Closed {
			f.States = append(f.States, st)
		}
	}
	if in.Open && len(in.State) == 0 {
		f.States = openStates
	}
	empty := in.Open && len(f.States) == 0
	if in.Team != "" {
		f.TeamID, err = s.teamID(ctx, q, in.Team)
		if err != nil {
			return nil, err
		}
	}
	if in.Item != "" {
		item, err := s.items.ByName(ctx, q, in.Item)
		if errs.Is(err, errs.NotFound) {
			empty = true
		} else if err != nil {
			return nil, err
		}
		f.ItemID = item.ID
	}
	switch in.Assignee {
	case "":
	case "none":
		f.Unassigned = true
	default:
		if f.AssigneeID, err = s.personID(ctx, q, in.Assignee); err != nil {
			return nil, err
		}
	}
	if empty {
		return httpapi.NewList([]View{}, ""), nil
	}
	ids, next, err := s.listIDs(ctx, q, f)
	if err != nil {
		return nil, err
	}
	vs, err := s.views(ctx, q, ids)
	return httpapi.NewList(vs, next), err
}

// splitStates reads "new,closed" and lists each state once.
func splitStates(in []string) ([]string, error) {
	var out []string
	for _, st := range strings.Split(strings.Join(in, ","), ",") {
		if st = strings.TrimSpace(st); st == "" || slices.Contains(out, st) {
			continue
		}
		if _, ok := Kind().State(st); !ok {
			return nil, errs.Fields(errs.Field{Path: "state", Value: st, Message: "must be new, acknowledged, restored, resolved or closed"})
		}
		out = append(out, st)
	}
	return out, nil
}

func (s *Service) teamID(ctx context.Context, q bun.IDB, name string) (string, error) {
	t, err := account.TeamByName(ctx, q, name)
	if errs.Is(err, errs.NotFound) {
		return "", errs.Fields(errs.Field{Path: "team", Value: name, Message: "is not the name of a team"})
	}
	return t.ID, err
}

// personID finds a person by address, id or "me".
func (s *Service) personID(ctx context.Context, q bun.IDB, who string) (string, error) {
	if who == "me" {
		if p := access.From(ctx); p != nil && p.ID != "" {
			return p.ID, nil
		}
		return "", errs.Fields(errs.Field{Path: "assignee", Value: who, Message: "needs a person; this token stands for none"})
	}
	find := account.ByID
	if strings.Contains(who, "@") {
		find = account.ByEmail
	}
	a, err := find(ctx, q, who)
	if errs.Is(err, errs.NotFound) {
		return "", errs.Fields(errs.Field{Path: "assignee", Value: who, Message: "is neither the e-mail address nor the id of a person"})
	}
	return a.ID, err
}

func (s *Service) detail(ctx context.Context, recordID string) (*httpapi.Body[Detail], error) {
	q := s.d.DB.Reader()
	vs, err := s.views(ctx, q, []string{recordID})
	if err != nil {
		return nil, err
	}
	if len(vs) == 0 {
		return nil, errs.New(errs.NotFound, "There is no such incident.")
	}
	fs, err := readFull(ctx, q, []string{recordID})
	if err != nil {
		return nil, err
	}
	r := fs[recordID].Record
	d := Detail{View: vs[0], Description: r.Description, DescriptionHTML: record.Markdown(r.Description), Alerts: []AlertView{}, Output: fs[recordID].row.Output}
	if d.Labels, err = record.Labels(ctx, q, recordID); err != nil {
		return nil, err
	}
	if d.Links, err = s.d.Records.Links(ctx, recordID); err != nil {
		return nil, err
	}
	if d.Links == nil {
		d.Links = []entity.Summary{}
	}
	var rows []alertRow
	if err := q.NewSelect().Model(&rows).Where("record_id = ?", recordID).OrderExpr("started_at, alert_id").Limit(1000).Scan(ctx); err != nil {
		return nil, err
	}
	for _, a := range rows {
		d.Alerts = append(d.Alerts, a.view())
	}
	return &httpapi.Body[Detail]{ETag: httpapi.ETag(d.Version), Body: d}, nil
}

// act runs fn on an incident in a transaction, after the check that whoever acts
// may work on it, and answers with the incident as it is then.
func (s *Service) act(ctx context.Context, number, ifMatch string, fn func(context.Context, *db.Tx, *record.Record, *row) error) (*httpapi.Body[Detail], error) {
	var id string
	err := s.d.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		found, err := s.d.Records.ByNumber(ctx, tx, respond.IncidentKind, number)
		if err != nil {
			return err
		}
		r, in, err := s.load(ctx, tx, found.ID)
		if err != nil {
			return err
		}
		if err := access.Check(ctx, respond.WriteIncidents, r.TeamID); err != nil {
			return err
		}
		if err := httpapi.CheckMatch(ifMatch, r.Version); err != nil {
			return err
		}
		id = r.ID
		return fn(ctx, tx, r, in)
	})
	if err != nil {
		return nil, err
	}
	return s.detail(ctx, id)
}

type resolveIn struct {
	Number string `path:"number" maxLength:"40" doc:"For example INC-12."`
	Body   *struct {
		Note      string `json:"note,omitempty" maxLength:"4000" doc:"What was done; \"Resolved by hand.\" if not given."`
		CauseCode string `json:"cause_code,omitempty" enum:"recovered,configuration,capacity,software,hardware,network,provider,change,human,security,planned,duplicate,unknown" doc:"unknown if not given."`
	}
}

type stateIn struct {
	Number string `path:"number" maxLength:"40" doc:"For example INC-12."`
	Body   *struct{}
}

func (s *Service) stateRoutes(api *httpapi.API) {
	post := func(verb, summary string, fn func(ctx context.Context, tx *db.Tx, r *record.Record, in *row) error) {
		httpapi.Handle(api, httpapi.Op{ID: verb + "-incident", Method: http.MethodPost, Path: "/api/v1/incidents/{number}/" + verb, Need: respond.WriteIncidents, Tag: "incidents", Summary: summary},
			func(ctx context.Context, in *stateIn) (*httpapi.Body[Detail], error) {
				return s.act(ctx, in.Number, "", fn)
			})
	}
	post("acknowledge", "Say that you have it", func(ctx context.Context, tx *db.Tx, r *record.Record, in *row) error {
		_, err := s.acknowledge(ctx, tx, r, in, "")
		return err
	})
	post("work", "Say that repair begins; acknowledges too", s.startWork)
	post("restore", "Say that the service works again", func(ctx context.Context, tx *db.Tx, r *record.Record, in *row) error {
		return s.restore(ctx, tx, r, in, tx.Now(), "")
	})
	post("close", "Close what is resolved", func(ctx context.Context, tx *db.Tx, r *record.Record, in *row) error {
		return s.move(ctx, tx, r, in, Closed, "", "")
	})
	post("reopen", "Take what is restored or resolved back to work", s.reopen)
	httpapi.Handle(api, httpapi.Op{ID: "resolve-incident", Method: http.MethodPost, Path: "/api/v1/incidents/{number}/resolve", Need: respond.WriteIncidents, Tag: "incidents", Summary: "End the work on an incident"},
		func(ctx context.Context, req *resolveIn) (*httpapi.Body[Detail], error) {
			note, cause := "Resolved by hand.", "unknown"
			if req.Body != nil && req.Body.Note != "" {
				note = req.Body.Note
			}
			if req.Body != nil && req.Body.CauseCode != "" {
				cause = req.Body.CauseCode
			}
			return s.act(ctx, req.Number, "", func(ctx context.Context, tx *db.Tx, r *record.Record, in *row) error {
				return s.resolve(ctx, tx, r, in, note, cause)
			})
		})
}
