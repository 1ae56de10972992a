package incident

import (
	"context"
	"net/http"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/entity"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/httpapi"
	"github.com/mainstay-ops/mainstay/internal/core/record"
	"github.com/mainstay-ops/mainstay/internal/estate"
	"github.com/mainstay-ops/mainstay/internal/respond"
)

type createBody struct {
	Title           string     `json:"title" minLength:"1" maxLength:"300"`
	Description     string     `json:"description,omitempty" maxLength:"65536" doc:"Markdown."`
	Items           []string   `json:"items,omitempty" maxItems:"100" doc:"Names of items."`
	Impact          int        `json:"impact,omitempty" minimum:"1" maximum:"3" doc:"From the items if not given."`
	Urgency         int        `json:"urgency,omitempty" minimum:"1" maximum:"3" doc:"2 if not given."`
	Team            string     `json:"team,omitempty" maxLength:"200" doc:"The team of the first item if not given."`
	Assignee        string     `json:"assignee,omitempty" maxLength:"254" doc:"E-mail address, id or me."`
	ImpactStartedAt *time.Time `json:"impact_started_at,omitempty" doc:"Now if not given."`
	Labels          []string   `json:"labels,omitempty" maxItems:"50"`
}

type createIn struct{ Body createBody }

type patchIn struct {
	Number  string `path:"number" maxLength:"40" doc:"For example INC-12."`
	IfMatch string `header:"If-Match" maxLength:"100"`
	Body    struct {
		Title       *string   `json:"title,omitempty"`
		Description *string   `json:"description,omitempty"`
		Impact      *int      `json:"impact,omitempty"`
		Urgency     *int      `json:"urgency,omitempty"`
		Priority    *int      `json:"priority,omitempty" doc:"Differs from the matrix of impact and urgency only with a reason."`
		Reason      string    `json:"reason,omitempty" maxLength:"1000"`
		Assignee    *string   `json:"assignee,omitempty" doc:"E-mail address, id or me; empty for nobody."`
		Team        *string   `json:"team,omitempty" doc:"Name; empty for none."`
		Labels      *[]string `json:"labels,omitempty"`
	}
}

func (s *Service) writeRoutes(api *httpapi.API) {
	httpapi.Handle(api, httpapi.Op{ID: "create-incident", Method: http.MethodPost, Path: "/api/v1/incidents", Need: respond.WriteIncidents, Tag: "incidents", Summary: "Open an incident by hand", Status: http.StatusCreated},
		func(ctx context.Context, in *createIn) (*httpapi.Body[Detail], error) {
			var id string
			err := s.d.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
				r, err := s.createByHand(ctx, tx, in.Body)
				if err == nil {
					id = r.ID
				}
				return err
			})
			if err != nil {
				return nil, err
			}
			return s.detail(ctx, id)
		})
	httpapi.Handle(api, httpapi.Op{ID: "update-incident", Method: http.MethodPatch, Path: "/api/v1/incidents/{number}", Need: respond.WriteIncidents, Tag: "incidents", Summary: "Change an incident"},
		func(ctx context.Context, req *patchIn) (*httpapi.Body[Detail], error) {
			return s.act(ctx, req.Number, req.IfMatch, func(ctx context.Context, tx *db.Tx, r *record.Record, in *row) error {
				return s.patch(ctx, tx, r, in, req)
			})
		})
}

func (s *Service) createByHand(ctx context.Context, tx *db.Tx, b createBody) (*record.Record, error) {
	nr := record.NewRecord{Kind: respond.IncidentKind, Title: b.Title, Description: b.Description, Impact: b.Impact, Urgency: b.Urgency, Labels: b.Labels}
	if p := access.From(ctx); p != nil {
		nr.RequesterID = p.ID
	}
	var first estate.Item
	level := 3
	for _, name := range b.Items {
		item, err := s.items.ByName(ctx, tx, name)
		if errs.Is(err, errs.NotFound) {
			return nil, errs.Fields(errs.Field{Path: "items", Value: name, Message: "is not the name of an item"})
		}
		if err != nil {
			return nil, err
		}
		if first.ID == "" {
			first = item
		}
		a, err := s.around(ctx, tx, item.ID)
		if err != nil {
			return nil, err
		}
		level = min(level, a.level())
		nr.Items = append(nr.Items, entity.Ref{Kind: estate.ItemKind, ID: item.ID})
	}
	if nr.Impact == 0 {
		nr.Impact = level
		if len(b.Items) == 0 {
			nr.Impact = 2
		}
	}
	if nr.Urgency == 0 {
		nr.Urgency = 2
	}
	nr.TeamID = first.OwnerTeamID
	var err error
	if b.Team != "" {
		if nr.TeamID, err = s.teamID(ctx, tx, b.Team); err != nil {
			return nil, err
		}
	}
	if err := access.Check(ctx, respond.WriteIncidents, nr.TeamID); err != nil {
		return nil, err
	}
	if b.Assignee != "" {
		if nr.AssigneeID, err = s.personID(ctx, tx, b.Assignee); err != nil {
			return nil, err
		}
	}
	in := &row{Source: "hand", ImpactStartedAt: tx.Now(), DetectedAt: tx.Now(), RootItem: first.ID, Overridden: b.Impact != 0 || b.Urgency != 0}
	if b.ImpactStartedAt != nil {
		if b.ImpactStartedAt.After(tx.Now()) {
			return nil, errs.Fields(errs.Field{Path: "impact_started_at", Value: b.ImpactStartedAt.Format(time.RFC3339), Message: "must not be in the future"})
		}
		in.ImpactStartedAt = b.ImpactStartedAt.UTC()
	}
	p, err := s.policyFor(ctx, tx, subject{item: first})
	if err != nil {
		return nil, err
	}
	return s.create(ctx, tx, nr, in, p)
}

func (s *Service) patch(ctx context.Context, tx *db.Tx, r *record.Record, in *row, req *patchIn) error {
	b := req.Body
	p := record.Patch{Title: b.Title, Description: b.Description, Impact: b.Impact, Urgency: b.Urgency, Priority: b.Priority, Reason: b.Reason, Labels: b.Labels}
	if b.Team != nil {
		id := ""
		if *b.Team != "" {
			var err error
			if id, err = s.teamID(ctx, tx, *b.Team); err != nil {
				return err
			}
			// It must not be given away to a team where one may not work.
			if err := access.Check(ctx, respond.WriteIncidents, id); err != nil {
				return err
			}
		}
		p.TeamID = &id
	}
	if b.Assignee != nil {
		id := ""
		if *b.Assignee != "" {
			var err error
			if id, err = s.personID(ctx, tx, *b.Assignee); err != nil {
				return err
			}
		}
		p.AssigneeID = &id
	}
	before := [3]int{r.Impact, r.Urgency, r.Priority}
	if err := s.d.Records.Update(ctx, tx, r, p); err != nil {
		return err
	}
	if before != [3]int{r.Impact, r.Urgency, r.Priority} && !in.Overridden {
		in.Overridden = true
		return s.save(ctx, tx, in)
	}
	return nil
}
