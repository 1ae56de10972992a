package flow

import (
	"context"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/httpapi"
	"github.com/mainstay-ops/mainstay/internal/observe"
	"github.com/mainstay-ops/mainstay/internal/observe/flow/unusual"
)

// Finding is traffic that was unusual.
type Finding struct {
	ID         string     `json:"id"`
	Kind       string     `json:"kind" enum:"new_talker,port_scan,sweep,fan_out,outflow,flood"`
	Subject    string     `json:"subject" doc:"Address of who does it; of a flood, to whom it is done."`
	Peer       string     `json:"peer,omitempty"`
	Port       int        `json:"port,omitempty"`
	Item       string     `json:"item,omitempty"`
	Title      string     `json:"title"`
	Reason     string     `json:"reason" doc:"In words and figures."`
	Severity   string     `json:"severity" enum:"warning,critical"`
	BeganAt    time.Time  `json:"began_at"`
	DetectedAt time.Time  `json:"detected_at"`
	EndedAt    *time.Time `json:"ended_at,omitempty"`
	EndReason  string     `json:"end_reason,omitempty"`
}

// Judging is how unusual traffic is judged.
type Judging struct {
	Settings      unusual.Settings `json:"settings"`
	LearningUntil *time.Time       `json:"learning_until,omitempty" doc:"Nothing is told before; absent before the first record."`
	Learning      bool             `json:"learning"`
}

type findingsIn struct {
	httpapi.Page
	Kind string `query:"kind" enum:"new_talker,port_scan,sweep,fan_out,outflow,flood"`
	Open bool   `query:"open" doc:"Only what is not over."`
}

type settingsIn struct{ Body unusual.Settings }

func (s *Service) unusualRoutes(api *httpapi.API) {
	const tag, base = "flows", "/api/v1/flows"
	httpapi.Handle(api, httpapi.Op{ID: "list-unusual-flows", Method: "GET", Path: base + "/unusual", Need: observe.ReadFlows, Tag: tag, Summary: "Traffic that was unusual, the newest first"}, s.findings)
	httpapi.Handle(api, httpapi.Op{ID: "get-flow-settings", Method: "GET", Path: base + "/settings", Need: observe.ReadFlows, Tag: tag, Summary: "How unusual traffic is judged"},
		func(ctx context.Context, _ *struct{}) (*httpapi.Body[Judging], error) {
			if err := all(ctx); err != nil {
				return nil, err
			}
			return &httpapi.Body[Judging]{Body: s.judging()}, nil
		})
	httpapi.Handle(api, httpapi.Op{ID: "set-flow-settings", Method: "PUT", Path: base + "/settings", Need: observe.WriteFlows, Tag: tag, Summary: "Change how unusual traffic is judged"},
		func(ctx context.Context, in *settingsIn) (*httpapi.Body[Judging], error) {
			err := s.d.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
				_, err := s.saveSettings(ctx, tx, in.Body)
				return err
			})
			return &httpapi.Body[Judging]{Body: s.judging()}, err
		})
}

func (s *Service) judging() Judging {
	s.judge.mu.Lock()
	defer s.judge.mu.Unlock()
	v := Judging{Settings: s.judge.settings}
	if t := s.judge.engine.Learning(); !t.IsZero() {
		t = t.UTC()
		v.LearningUntil, v.Learning = &t, s.now().Before(t)
	}
	return v
}

func (s *Service) findings(ctx context.Context, in *findingsIn) (*httpapi.Body[httpapi.List[Finding]], error) {
	if err := all(ctx); err != nil {
		return nil, err
	}
	var rows []findingRow
	q := s.d.DB.Reader().NewSelect().Model(&rows).OrderExpr("id DESC").Limit(int64(in.Limit) + 1)
	if in.Cursor != "" {
		q = q.Where("id < ?", in.Cursor)
	}
	if in.Kind != "" {
		q = q.Where("kind = ?", in.Kind)
	}
	if in.Open {
		q = q.Where("ended_at IS NULL")
	}
	if err := q.Scan(ctx); err != nil {
		return nil, errs.Wrap(errs.Internal, err, "The list cannot be read.")
	}
	next := ""
	if len(rows) > in.Limit {
		rows = rows[:in.Limit]
		next = rows[len(rows)-1].ID
	}
	ids := make([]string, 0, len(rows))
	for _, r := range rows {
		if r.ItemID != "" {
			ids = append(ids, r.ItemID)
		}
	}
	its, err := s.items.ByIDs(ctx, s.d.DB.Reader(), ids)
	if err != nil {
		return nil, err
	}
	out := make([]Finding, 0, len(rows))
	for _, r := range rows {
		v := Finding{
			ID: r.ID, Kind: r.Kind, Subject: r.Subject, Peer: r.Peer, Port: r.Port, Item: its[r.ItemID].Name, Title: r.Title, Reason: r.Reason, Severity: "warning",
			BeganAt: r.BeganAt.UTC(), DetectedAt: r.DetectedAt.UTC(), EndReason: r.EndReason,
		}
		if r.Critical {
			v.Severity = "critical"
		}
		if r.EndedAt != nil {
			t := r.EndedAt.UTC()
			v.EndedAt = &t
		}
		out = append(out, v)
	}
	return httpapi.NewList(out, next), nil
}
