package inventory

import (
	"context"
	"net/http"
	"time"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/httpapi"
	"github.com/mainstay-ops/mainstay/internal/estate"
)

// ProposalView is a change that waits, or waited, for a second person.
type ProposalView struct {
	ID          string          `json:"id"`
	Item        string          `json:"item" doc:"Name of the item; the last one if it is gone."`
	Action      string          `json:"action" enum:"update,delete,merge" doc:"update changes fields and relations; merge takes over another item, whose fields are given."`
	State       string          `json:"state" enum:"waiting,approved,rejected,withdrawn,expired"`
	Author      string          `json:"author"`
	MadeAt      time.Time       `json:"made_at"`
	ExpiresAt   time.Time       `json:"expires_at"`
	DecidedBy   string          `json:"decided_by,omitempty"`
	DecidedAt   *time.Time      `json:"decided_at,omitempty"`
	Reason      string          `json:"reason,omitempty"`
	BaseVersion int64           `json:"base_version" doc:"Version of the item that it is based on."`
	Changes     []ProposedField `json:"changes" doc:"What it changes, before and after; of a relation, the name of the other item."`
	Mine        bool            `json:"mine" doc:"Whoever asks proposed it, and can withdraw it."`
	MayDecide   bool            `json:"may_decide" doc:"Whoever asks may approve or reject it."`
}

// WaitsBody answers an edit that became a proposal.
type WaitsBody struct {
	Proposal ProposalView `json:"proposal"`
}

// Waits is the answer of an edit without one of its own: 202 and the proposal when
// it waits for approval.
type Waits struct {
	Status int
	Body   *WaitsBody
}

func waits(ctx context.Context, done int, h *held, err error) (*Waits, error) {
	if err != nil {
		return nil, err
	}
	if h.last == nil {
		return &Waits{Status: done}, nil
	}
	return &Waits{Status: http.StatusAccepted, Body: &WaitsBody{h.last.view(ctx)}}, nil
}

// UpdateOut is the answer of a change: 200 and the item, or 202 and the item as it
// still is, with the proposal.
type UpdateOut struct {
	Status int
	ETag   string `header:"ETag"`
	Body   UpdatedView
}

// UpdatedView is an item after a change.
type UpdatedView struct {
	View
	Proposal *ProposalView `json:"proposal,omitempty" doc:"Given with status 202: nothing was changed yet, the change waits for approval."`
}

func (s *Service) updated(ctx context.Context, i *Item, h *held, err error) (*UpdateOut, error) {
	if err != nil {
		return nil, err
	}
	out := &UpdateOut{Status: http.StatusOK}
	if h.last != nil {
		is, err := byIDs(ctx, s.db.Reader(), []string{h.last.ItemID})
		if err != nil || len(is) == 0 {
			return nil, errs.New(errs.NotFound, "The item %s is gone.", h.last.Name)
		}
		v := h.last.view(ctx)
		i, out.Status, out.Body.Proposal = &is[0], http.StatusAccepted, &v
	}
	v, err := s.view(ctx, s.db.Reader(), i)
	out.ETag, out.Body.View = httpapi.ETag(v.Version), v
	return out, err
}

func (p *proposal) view(ctx context.Context) ProposalView {
	who := access.From(ctx)
	v := ProposalView{
		ID: p.ID, Item: p.Name, Action: p.Action, State: p.State, Author: p.Author, MadeAt: p.MadeAt.UTC(), ExpiresAt: p.ExpiresAt.UTC(),
		DecidedBy: p.DecidedBy, Reason: p.Reason, BaseVersion: p.BaseVersion, Changes: p.Changes,
	}
	if p.DecidedAt != nil {
		at := p.DecidedAt.UTC()
		v.DecidedAt = &at
	}
	if p.State == waiting && who != nil {
		v.Mine = who.ID == p.AuthorID && who.Kind == p.Via
		v.MayDecide = !v.Mine && who.Kind == access.Person && who.CanFor(estate.WriteItems, p.OwnerTeamID)
	}
	return v
}

type proposalsIn struct {
	httpapi.Page
	State string `query:"state" enum:"waiting,approved,rejected,withdrawn,expired"`
	Item  string `query:"item" maxLength:"1000" doc:"Name of an item."`
	Mine  bool   `query:"mine" doc:"Only what whoever asks proposed."`
}

// ProposalIn names a proposal in a path.
type ProposalIn struct {
	ID string `path:"id" maxLength:"100"`
}

type rejectIn struct {
	ProposalIn
	Body struct {
		Reason string `json:"reason" minLength:"1" maxLength:"1000" doc:"Why; its author reads it."`
	}
}

func (s *Service) proposalRoutes(api *httpapi.API) {
	const base = "/api/v1/item-proposals"
	httpapi.Handle(api, httpapi.Op{ID: "list-item-proposals", Method: "GET", Path: base, Need: estate.ReadItems, Tag: "items", Summary: "Changes of items that wait or waited for approval, the last first"}, s.listProposals)
	httpapi.Handle(api, httpapi.Op{ID: "get-item-proposal", Method: "GET", Path: base + "/{id}", Need: estate.ReadItems, Tag: "items", Summary: "One proposed change, before and after"},
		func(ctx context.Context, in *ProposalIn) (*httpapi.Body[ProposalView], error) {
			ps, err := proposals(ctx, s.db.Reader(), "p.id = ?", []any{in.ID}, 1)
			if err == nil && len(ps) == 0 {
				err = errs.New(errs.NotFound, "There is no such proposal.")
			}
			if err != nil {
				return nil, err
			}
			return &httpapi.Body[ProposalView]{Body: ps[0].view(ctx)}, nil
		})
	decide := func(verb, verdict, summary string) {
		httpapi.Handle(api, httpapi.Op{ID: verb + "-item-proposal", Method: "POST", Path: base + "/{id}/" + verb, Need: estate.WriteItems, Tag: "items", Summary: summary},
			func(ctx context.Context, in *ProposalIn) (*httpapi.Body[ProposalView], error) {
				return s.decided(ctx, in.ID, verdict, "")
			})
	}
	decide("approve", approved, "Make a proposed change; its author cannot")
	decide("withdraw", withdrawn, "Take back one's own proposal")
	httpapi.Handle(api, httpapi.Op{ID: "reject-item-proposal", Method: "POST", Path: base + "/{id}/reject", Need: estate.WriteItems, Tag: "items", Summary: "Refuse a proposed change; its author cannot"},
		func(ctx context.Context, in *rejectIn) (*httpapi.Body[ProposalView], error) {
			return s.decided(ctx, in.ID, rejected, in.Body.Reason)
		})
}

func (s *Service) decided(ctx context.Context, proposalID, verdict, reason string) (*httpapi.Body[ProposalView], error) {
	p, err := s.Decide(ctx, proposalID, verdict, reason)
	if err != nil {
		return nil, err
	}
	return &httpapi.Body[ProposalView]{Body: p.view(ctx)}, nil
}

// proposals lists those on items that whoever acts may read, the last first.
func proposals(ctx context.Context, q bun.IDB, cond string, args []any, limit int) ([]proposal, error) {
	may, more := access.Where(ctx, estate.ReadItems, "COALESCE(i.owner_team_id, p.owner_team_id)")
	var out []proposal
	err := q.NewRaw("SELECT p.id, p.item_id, COALESCE(i.name, p.name) AS name, COALESCE(i.owner_team_id, p.owner_team_id) AS owner_team_id, p.action, p.operations, p.changes, p.base_version, p.state, p.author, p.author_id, p.via, p.made_at, p.expires_at, p.decided_by, p.decided_at, p.reason FROM item_proposals p LEFT JOIN items i ON i.id = p.item_id WHERE "+cond+" AND "+may+" ORDER BY p.id DESC LIMIT ?",
		append(append(args, more...), limit)...).Scan(ctx, &out)
	return out, db.NotFound(err, "There is no such proposal.")
}

func (s *Service) listProposals(ctx context.Context, in *proposalsIn) (*httpapi.Body[httpapi.List[ProposalView]], error) {
	q := s.db.Reader()
	cond, args := "1 = 1", []any{}
	if in.State != "" {
		cond, args = cond+" AND p.state = ?", append(args, in.State)
	}
	if in.Mine {
		who := access.From(ctx)
		cond, args = cond+" AND p.author_id = ? AND p.via = ?", append(args, who.ID, who.Kind)
	}
	if in.Item != "" {
		i, err := readable(ctx, q, in.Item)
		if err != nil {
			return nil, err
		}
		cond, args = cond+" AND p.item_id = ?", append(args, i.ID)
	}
	if in.Cursor != "" {
		var after string
		if err := readCursor(in.Cursor, &after); err != nil {
			return nil, err
		}
		cond, args = cond+" AND p.id < ?", append(args, after)
	}
	ps, err := proposals(ctx, q, cond, args, in.Limit+1)
	if err != nil {
		return nil, err
	}
	next := ""
	if len(ps) > in.Limit {
		ps = ps[:in.Limit]
		next = writeCursor(ps[in.Limit-1].ID)
	}
	out := make([]ProposalView, len(ps))
	for n := range ps {
		out[n] = ps[n].view(ctx)
	}
	return httpapi.NewList(out, next), nil
}
