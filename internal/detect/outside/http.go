package outside

import (
	"context"
	"net/http"
	"slices"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/audit"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/entity"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/httpapi"
	"github.com/mainstay-ops/mainstay/internal/core/live"
	"github.com/mainstay-ops/mainstay/internal/core/signal"
	"github.com/mainstay-ops/mainstay/internal/detect"
)

type listIn struct {
	httpapi.Page
	Q           string `query:"q" maxLength:"200" doc:"Words in the title, the name or the text."`
	State       string `query:"state" enum:"firing,ended"`
	Severity    string `query:"severity" enum:"critical,warning,info"`
	Program     string `query:"program" maxLength:"64"`
	Sender      string `query:"sender" maxLength:"200"`
	Item        string `query:"item" maxLength:"200"`
	Fingerprint string `query:"fingerprint" maxLength:"64"`
}

type idIn struct {
	ID string `path:"id" maxLength:"64"`
}

type nameIn struct {
	Name string `path:"name" maxLength:"64"`
}

type mappingIn struct {
	Name    string `path:"name" maxLength:"64"`
	IfMatch string `header:"If-Match"`
	Body    Mapping
}

// Try is a payload that is tried.
type Try struct {
	Program string   `json:"program,omitempty" maxLength:"64" doc:"The program that would send it."`
	Path    string   `json:"path,omitempty" maxLength:"200" doc:"What stands behind its name in the address, for programs with several."`
	Mapping *Mapping `json:"mapping,omitempty" doc:"Or the mapping to try."`
	Payload string   `json:"payload" maxLength:"1000000"`
}

// Tried is what a payload would become.
type Tried struct {
	Alerts []Would  `json:"alerts"`
	Bad    []string `json:"bad" doc:"What could not be read, and why."`
}

// Would is an alert that a payload would become.
type Would struct {
	Key      string            `json:"key"`
	Name     string            `json:"name"`
	Title    string            `json:"title"`
	Text     string            `json:"text,omitempty"`
	Severity string            `json:"severity" enum:"critical,warning,info"`
	State    string            `json:"state" enum:"firing,ended"`
	Labels   map[string]string `json:"labels"`
	Link     string            `json:"link,omitempty"`
	Host     string            `json:"host,omitempty" doc:"What leads to the item."`
}

// maxTried is how many alerts of a payload are shown.
const maxTried = 100

func (s *Service) try(in Try) (*httpapi.Body[Tried], error) {
	var got signal.Read
	var err error
	p := signal.Payload{Path: in.Path, Body: []byte(in.Payload)}
	if in.Mapping != nil {
		m := *in.Mapping
		if m.Name == "" {
			m.Name = "try"
		}
		got, err = m.Read(p.Body, s.d.DB.Clock().Now())
	} else {
		all := signal.Protocols()
		i := slices.IndexFunc(all, func(p signal.Protocol) bool { return p.Name == in.Program && p.Alerts != nil })
		if i < 0 {
			return nil, errs.Fields(errs.Field{Path: "body.program", Value: in.Program, Message: "must be a program that sends alerts, or give a mapping"})
		}
		got, err = all[i].Alerts(p)
	}
	if err != nil {
		return nil, err
	}
	out := Tried{Alerts: []Would{}, Bad: append([]string{}, got.Bad...)}
	for i := range got.Alerts[:min(len(got.Alerts), maxTried)] {
		a := &got.Alerts[i]
		t, err := saidOf(a)
		if err != nil {
			return nil, err
		}
		w := Would{Key: a.Key, Name: t.Name, Title: t.Title, Text: t.Body, Severity: t.Severity, State: Firing, Labels: (&row{Labels: t.Labels}).labels(), Link: t.Link}
		if a.Over {
			w.State = Ended
		}
		for _, h := range []string{a.Hints.Item, a.Hints.Host, a.Hints.Address, a.Hints.Service} {
			if w.Host == "" {
				w.Host = h
			}
		}
		out.Alerts = append(out.Alerts, w)
	}
	return &httpapi.Body[Tried]{Body: out}, nil
}

// Routes implements module.HasRoutes.
func (s *Service) Routes(api *httpapi.API) {
	const tag = "outside alerts"
	read, write := detect.ReadOutside, detect.WriteOutside
	httpapi.Handle(api, httpapi.Op{ID: "list-outside-alerts", Method: "GET", Path: "/api/v1/outside-alerts", Need: read, Tag: tag, Summary: "Alerts that other programs sent, the newest first"},
		func(ctx context.Context, in *listIn) (*httpapi.Body[httpapi.List[Alert]], error) {
			rows, next, err := list(ctx, s.d.DB.Reader(), in)
			out := make([]Alert, len(rows))
			for i := range rows {
				out[i] = rows[i].view()
			}
			return httpapi.NewList(out, next), err
		})
	httpapi.Handle(api, httpapi.Op{ID: "get-outside-alert", Method: "GET", Path: "/api/v1/outside-alerts/{id}", Need: read, Tag: tag, Summary: "One alert of another program"},
		func(ctx context.Context, in *idIn) (*httpapi.Body[Alert], error) {
			r, err := byID(ctx, s.d.DB.Reader(), in.ID)
			if err != nil {
				return nil, err
			}
			if err := access.Check(ctx, read, r.TeamID); err != nil {
				return nil, err
			}
			return &httpapi.Body[Alert]{Body: r.view()}, nil
		})
	httpapi.Handle(api, httpapi.Op{ID: "end-outside-alert", Method: "POST", Path: "/api/v1/outside-alerts/{id}/end", Need: detect.EndOutside, Tag: tag, Summary: "End an alert whose program will not", Status: http.StatusNoContent},
		func(ctx context.Context, in *idIn) (*struct{}, error) { return nil, s.endByHand(ctx, in.ID) })
	httpapi.Handle(api, httpapi.Op{ID: "list-alert-mappings", Method: "GET", Path: "/api/v1/alert-mappings", Need: read, Tag: tag, Summary: "How payloads of other programs become alerts"},
		func(ctx context.Context, _ *struct{}) (*httpapi.Body[httpapi.List[Mapping]], error) {
			ms, err := mappings(ctx, s.d.DB.Reader())
			return httpapi.NewList(ms, ""), err
		})
	httpapi.Handle(api, httpapi.Op{ID: "get-alert-mapping", Method: "GET", Path: "/api/v1/alert-mappings/{name}", Need: read, Tag: tag, Summary: "One mapping"},
		func(ctx context.Context, in *nameIn) (*httpapi.Body[Mapping], error) {
			m, v, err := mappingByName(ctx, s.d.DB.Reader(), in.Name)
			return &httpapi.Body[Mapping]{ETag: httpapi.ETag(v), Body: m}, err
		})
	httpapi.Handle(api, httpapi.Op{ID: "put-alert-mapping", Method: "PUT", Path: "/api/v1/alert-mappings/{name}", Need: write, Tag: tag, Summary: "Make or change a mapping"},
		func(ctx context.Context, in *mappingIn) (*httpapi.Body[Mapping], error) {
			in.Body.Name = in.Name
			err := s.d.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
				_, version, err := mappingByName(ctx, tx, in.Name)
				if err != nil && !errs.Is(err, errs.NotFound) {
					return err
				}
				if err := httpapi.CheckMatch(in.IfMatch, version); err != nil {
					return err
				}
				_, err = s.putMapping(ctx, tx, in.Body)
				return err
			})
			if err != nil {
				return nil, err
			}
			m, v, err := mappingByName(ctx, s.d.DB.Reader(), in.Name)
			return &httpapi.Body[Mapping]{ETag: httpapi.ETag(v), Body: m}, err
		})
	httpapi.Handle(api, httpapi.Op{ID: "delete-alert-mapping", Method: "DELETE", Path: "/api/v1/alert-mappings/{name}", Need: write, Tag: tag, Summary: "Remove a mapping", Status: http.StatusNoContent},
		func(ctx context.Context, in *nameIn) (*struct{}, error) { return nil, s.removeMapping(ctx, in.Name) })
	httpapi.Handle(api, httpapi.Op{ID: "ask-alert-payload", Method: "POST", Path: "/api/v1/alert-mappings/query/try", Need: read, Tag: tag, Summary: "What a payload would become", Description: "Nothing is kept.", MaxBody: 2 << 20},
		func(_ context.Context, in *struct{ Body Try }) (*httpapi.Body[Tried], error) { return s.try(in.Body) })
}

// endByHand ends an alert because a person says so.
func (s *Service) endByHand(ctx context.Context, alertID string) error {
	return s.d.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		r, err := byID(ctx, tx, alertID)
		if err != nil {
			return err
		}
		if err := access.Check(ctx, detect.EndOutside, r.TeamID); err != nil {
			return err
		}
		if r.State != Firing {
			return errs.New(errs.Conflict, "This alert has ended already.")
		}
		if err := s.end(ctx, tx, r, tx.Now(), access.From(ctx).Actor()+" ended it."); err != nil {
			return err
		}
		tx.AfterCommit(func() { s.d.Live.Send(live.Note{Topic: "outside-alerts", Kind: "changed"}) })
		return audit.Write(ctx, tx, audit.Change{Action: "outside.end", Ref: entity.Ref{Kind: "outside_alert", ID: r.ID}, Name: r.Title, Before: map[string]string{"state": Firing}, After: map[string]string{"state": Ended}})
	})
}
