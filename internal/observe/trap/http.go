package trap

import (
	"context"
	"net/http"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/httpapi"
)

type eventsIn struct {
	httpapi.Page
	Filter
}

type idIn struct {
	ID string `path:"id" maxLength:"100"`
}

// AddressIn is a sender in the path.
type AddressIn struct {
	Address string `path:"address" maxLength:"320" doc:"IP address of the sender; of one that sends to an edge, with an @ and the name of the edge."`
}

// NameIn is the name of a credential in the path.
type NameIn struct {
	Name string `path:"name" maxLength:"200"`
}

// Source is an address that sent something.
type Source struct {
	Address   string    `json:"address" doc:"Of one that sends to an edge, with an @ and the name of the edge."`
	Item      string    `json:"item,omitempty" doc:"Absent when the address belongs to no item."`
	Pinned    bool      `json:"pinned" doc:"A person said which item it is."`
	Taken     int64     `json:"taken"`
	Limited   int64     `json:"limited" doc:"Over the limit and not listed."`
	Refused   int64     `json:"refused"`
	Malformed int64     `json:"malformed"`
	LastTrap  string    `json:"last_trap,omitempty"`
	Why       string    `json:"why,omitempty" doc:"Why the last one that was not taken was not."`
	FirstAt   time.Time `json:"first_at"`
	LastAt    time.Time `json:"last_at"`
}

type sourcesIn struct {
	httpapi.Page
	Only string `query:"only" enum:"unknown,refused" doc:"unknown are those without an item, refused those of which something was not taken."`
}

type pinIn struct {
	AddressIn
	Body struct {
		Item string `json:"item" maxLength:"1000" doc:"Name of the item; empty leaves it to the addresses that are known."`
	}
}

type settingsIn struct{ Body Settings }

type saveIn struct {
	NameIn
	IfMatch string `header:"If-Match"`
	Body    Credential
}

type pageIn struct{ httpapi.Page }

const tag = "traps"

// Routes implements module.HasRoutes.
func (s *Service) Routes(api *httpapi.API) {
	httpapi.Handle(api, httpapi.Op{ID: "list-traps", Method: "GET", Path: "/api/v1/traps", Need: readTraps, Tag: tag, Summary: "SNMP traps and informs, the newest first"},
		func(ctx context.Context, in *eventsIn) (*httpapi.Body[httpapi.List[Event]], error) {
			out, next, err := s.events(ctx, in.Filter, in.Cursor, in.Limit)
			return httpapi.NewList(out, next), err
		})
	httpapi.Handle(api, httpapi.Op{ID: "get-trap", Method: "GET", Path: "/api/v1/traps/{id}", Need: readTraps, Tag: tag, Summary: "One SNMP trap or inform"},
		func(ctx context.Context, in *idIn) (*httpapi.Body[Event], error) {
			e, err := s.event(ctx, in.ID)
			return &httpapi.Body[Event]{Body: e}, err
		})
	httpapi.Handle(api, httpapi.Op{ID: "list-trap-names", Method: "GET", Path: "/api/v1/trap-names", Need: readTraps, Tag: tag, Summary: "Names of traps that are known"},
		func(context.Context, *struct{}) (*httpapi.Body[httpapi.List[string]], error) {
			return httpapi.NewList(s.names.TrapNames(), ""), nil
		})
	httpapi.Handle(api, httpapi.Op{ID: "get-trap-receiver", Method: "GET", Path: "/api/v1/trap-receiver", Need: readTraps, Tag: tag, Summary: "How receiving goes, and its settings"},
		func(ctx context.Context, _ *struct{}) (*httpapi.Body[Receiver], error) {
			r, err := s.status(ctx)
			return &httpapi.Body[Receiver]{Body: r}, err
		})
	httpapi.Handle(api, httpapi.Op{ID: "set-trap-settings", Method: http.MethodPut, Path: "/api/v1/trap-settings", Need: writeTraps, Tag: tag, Summary: "Set how traps are kept and limited"},
		func(ctx context.Context, in *settingsIn) (*httpapi.Body[Settings], error) {
			set, err := s.saveSettings(ctx, in.Body)
			return &httpapi.Body[Settings]{Body: set}, err
		})
	s.sourceRoutes(api)
	s.credentialRoutes(api)
}

func (s *Service) sourceRoutes(api *httpapi.API) {
	const base = "/api/v1/trap-sources"
	httpapi.Handle(api, httpapi.Op{ID: "list-trap-sources", Method: "GET", Path: base, Need: readTraps, Tag: tag, Summary: "Addresses that sent something, by address"},
		func(ctx context.Context, in *sourcesIn) (*httpapi.Body[httpapi.List[Source]], error) {
			out, next, err := s.sources(ctx, in.Only, in.Cursor, in.Limit)
			return httpapi.NewList(out, next), err
		})
	httpapi.Handle(api, httpapi.Op{ID: "set-trap-source", Method: http.MethodPut, Path: base + "/{address}", Need: writeTraps, Tag: tag, Summary: "Say which item a sender is", Status: http.StatusNoContent},
		func(ctx context.Context, in *pinIn) (*struct{}, error) {
			return nil, s.pin(ctx, in.Address, in.Body.Item)
		})
	httpapi.Handle(api, httpapi.Op{ID: "delete-trap-source", Method: http.MethodDelete, Path: base + "/{address}", Need: writeTraps, Tag: tag, Summary: "Forget a sender and its numbers; its events stay", Status: http.StatusNoContent},
		func(ctx context.Context, in *AddressIn) (*struct{}, error) {
			return nil, s.forget(ctx, in.Address)
		})
}

func (s *Service) sources(ctx context.Context, only, cursor string, limit int) ([]Source, string, error) {
	// They have no owner: whoever sees the traps of a team only does not see them.
	if err := access.Check(ctx, readTraps, ""); err != nil {
		return nil, "", err
	}
	q := s.d.DB.Reader()
	where := "address > ?"
	switch only {
	case "unknown":
		where += " AND item_id = ''"
	case "refused":
		where += " AND refused + malformed + limited > 0"
	}
	var rows []sourceRow
	if err := q.NewRaw("SELECT * FROM trap_sources WHERE "+where+" ORDER BY address LIMIT ?", cursor, limit+1).Scan(ctx, &rows); err != nil {
		return nil, "", err
	}
	next := ""
	if len(rows) > limit {
		rows = rows[:limit]
		next = rows[limit-1].Address
	}
	var ids []string
	for _, r := range rows {
		if r.ItemID != "" {
			ids = append(ids, r.ItemID)
		}
	}
	its, err := s.items.ByIDs(ctx, q, ids)
	if err != nil {
		return nil, "", err
	}
	out := make([]Source, len(rows))
	for i, r := range rows {
		out[i] = Source{
			Address: r.Address, Item: its[r.ItemID].Name, Pinned: r.Pinned, Taken: r.Taken, Limited: r.Limited, Refused: r.Refused, Malformed: r.Malformed,
			LastTrap: r.LastTrap, Why: r.Why, FirstAt: r.FirstAt.UTC(), LastAt: r.LastAt.UTC(),
		}
	}
	return out, next, nil
}

func (s *Service) credentialRoutes(api *httpapi.API) {
	const base = "/api/v1/trap-credentials"
	httpapi.Handle(api, httpapi.Op{ID: "list-trap-credentials", Method: "GET", Path: base, Need: writeTraps, Tag: tag, Summary: "Who may send traps, without secrets"},
		func(ctx context.Context, in *pageIn) (*httpapi.Body[httpapi.List[CredentialView]], error) {
			vs, err := s.credentials(ctx, s.d.DB.Reader(), in.Cursor, in.Limit+1)
			next := ""
			if len(vs) > in.Limit {
				vs = vs[:in.Limit]
				next = vs[in.Limit-1].Name
			}
			return httpapi.NewList(vs, next), err
		})
	httpapi.Handle(api, httpapi.Op{ID: "save-trap-credential", Method: http.MethodPut, Path: base + "/{name}", Need: writeKeys, Tag: tag, Summary: "Make or change who may send traps", Description: "Secrets are never given out again. One that is left empty keeps its present value."},
		func(ctx context.Context, in *saveIn) (*httpapi.Body[CredentialView], error) {
			c := in.Body
			c.Name = in.Name
			if err := s.d.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
				_, err := s.saveCredential(ctx, tx, c, func(v int64) error { return httpapi.CheckMatch(in.IfMatch, v) })
				return err
			}); err != nil {
				return nil, err
			}
			c, r, err := s.credential(ctx, s.d.DB.Reader(), in.Name)
			return &httpapi.Body[CredentialView]{ETag: httpapi.ETag(r.Version), Body: viewOf(c, r)}, err
		})
	httpapi.Handle(api, httpapi.Op{ID: "delete-trap-credential", Method: http.MethodDelete, Path: base + "/{name}", Need: writeKeys, Tag: tag, Summary: "Take back who may send traps", Status: http.StatusNoContent},
		func(ctx context.Context, in *NameIn) (*struct{}, error) {
			return nil, s.d.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error { return s.deleteCredential(ctx, tx, in.Name) })
		})
}
