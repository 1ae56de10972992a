package trace

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/account"
	"github.com/mainstay-ops/mainstay/internal/core/audit"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/entity"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/live"
)

const errorKind = "application_error"

// traceIn reads the trace id of a row that LogsQL wrote as JSON.
func traceIn(row string) string {
	var m map[string]string
	if json.Unmarshal([]byte(row), &m) != nil {
		return ""
	}
	return m[fTrace]
}

func (s *Service) apdexAll(ctx context.Context) (map[string]int64, error) {
	var rows []struct {
		Service string
		ApdexMS int64 `bun:"apdex_ms"`
	}
	if err := s.db.Reader().NewRaw("SELECT service, apdex_ms FROM trace_services").Scan(ctx, &rows); err != nil {
		return nil, err
	}
	out := make(map[string]int64, len(rows))
	for _, r := range rows {
		out[r.Service] = r.ApdexMS
	}
	return out, nil
}

func (s *Service) setApdex(ctx context.Context, tx *db.Tx, service string, ms int64) error {
	if ms < 1 || ms > 600_000 {
		return errs.Fields(errs.Field{Path: "apdex_ms", Message: "must be between 1 and 600000"})
	}
	before := s.apdexOf(service).Milliseconds()
	if _, err := tx.NewRaw("INSERT INTO trace_services (service, apdex_ms) VALUES (?, ?) ON CONFLICT (service) DO UPDATE SET apdex_ms = excluded.apdex_ms", service, ms).Exec(ctx); err != nil {
		return err
	}
	tx.AfterCommit(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.apdex[service] = ms
	})
	return audit.Write(ctx, tx, audit.Change{
		Action: "service.apdex", Ref: entity.Ref{Kind: "traced_service", ID: service}, Name: service,
		Before: map[string]any{"apdex_ms": before}, After: map[string]any{"apdex_ms": ms},
	})
}

// Deployment is when a version of a service was first seen.
type Deployment struct {
	Service   string    `json:"service" bun:"service"`
	Version   string    `json:"version" bun:"version"`
	FirstSeen time.Time `json:"first_seen" bun:"first_seen"`
	LastSeen  time.Time `json:"last_seen" bun:"last_seen"`
}

// deployments lists versions that were first seen in a period, the newest first. The
// first version of a service that was ever seen is one of them: it may have run before.
func (s *Service) deployments(ctx context.Context, service string, from, to time.Time, limit int) ([]Deployment, error) {
	var out []Deployment
	q := s.db.Reader().NewSelect().TableExpr("trace_versions").Where("first_seen >= ? AND first_seen <= ?", from.UTC(), to.UTC()).OrderExpr("first_seen DESC, service, version").Limit(int64(limit))
	if service != "" {
		q = q.Where("service = ?", service)
	}
	err := q.Scan(ctx, &out)
	for i := range out {
		out[i].FirstSeen, out[i].LastSeen = out[i].FirstSeen.UTC(), out[i].LastSeen.UTC()
	}
	return out, err
}

func (s *Service) versionsIn(ctx context.Context, service string, from, to time.Time) (map[string][]string, error) {
	var rows []Deployment
	q := s.db.Reader().NewSelect().TableExpr("trace_versions").Where("first_seen <= ? AND last_seen >= ?", to.UTC(), from.UTC()).OrderExpr("first_seen").Limit(5000)
	if service != "" {
		q = q.Where("service = ?", service)
	}
	if err := q.Scan(ctx, &rows); err != nil {
		return nil, err
	}
	out := map[string][]string{}
	for _, r := range rows {
		out[r.Service] = append(out[r.Service], r.Version)
	}
	return out, nil
}

// errorFilter narrows the inbox.
type errorFilter struct {
	State, Service, Text, Assignee string
	Cursor                         string
	Limit                          int
}

// errorsList gives error groups, those seen last first, and the cursor of the next page.
func (s *Service) errorsList(ctx context.Context, f errorFilter) ([]group, string, error) {
	var rows []group
	q := s.db.Reader().NewSelect().Model(&rows).OrderExpr("last_seen DESC, id DESC").Limit(int64(f.Limit) + 1)
	if f.State != "" {
		q = q.Where("state = ?", f.State)
	}
	if f.Service != "" {
		q = q.Where("service = ?", f.Service)
	}
	if f.Assignee != "" {
		q = q.Where("assignee_id = ?", f.Assignee)
	}
	if f.Text != "" {
		like := "%" + strings.NewReplacer(`\`, `\\`, "%", `\%`, "_", `\_`).Replace(strings.ToLower(f.Text)) + "%"
		q = q.Where(`(lower(type) LIKE ? ESCAPE '\' OR lower(message) LIKE ? ESCAPE '\')`, like, like)
	}
	if at, rest, ok := strings.Cut(f.Cursor, "|"); ok {
		seen, err := time.Parse(time.RFC3339Nano, at)
		if err != nil {
			return nil, "", errs.New(errs.Invalid, "The cursor is not one of this list.")
		}
		q = q.Where("(last_seen < ? OR (last_seen = ? AND id < ?))", seen, seen, rest)
	}
	if err := q.Scan(ctx); err != nil {
		return nil, "", err
	}
	next := ""
	if len(rows) > f.Limit {
		rows = rows[:f.Limit]
		last := rows[f.Limit-1]
		next = last.LastSeen.UTC().Format(time.RFC3339Nano) + "|" + last.ID
	}
	return rows, next, nil
}

func errorByID(ctx context.Context, q bun.IDB, id string) (group, error) {
	var g group
	err := q.NewSelect().Model(&g).Where("id = ?", id).Scan(ctx)
	return g, db.NotFound(err, "There is no such error.")
}

// ErrorChange is what a person changes of an error; what is nil stays.
type ErrorChange struct {
	State    *string `json:"state,omitempty" enum:"open,resolved,ignored" doc:"An error that is resolved comes back when it is seen again."`
	Assignee *string `json:"assignee,omitempty" maxLength:"320" doc:"E-mail address; empty for nobody."`
}

func (s *Service) changeError(ctx context.Context, tx *db.Tx, id string, in ErrorChange) error {
	g, err := errorByID(ctx, tx, id)
	if err != nil {
		return err
	}
	before := map[string]any{"state": g.State, "assignee_id": g.AssigneeID}
	if in.State != nil && *in.State != g.State {
		g.State, g.ResolvedAt = *in.State, nil
		if g.State == Resolved {
			now := tx.Now()
			g.ResolvedAt, g.CameBackAt = &now, nil
		}
	}
	if in.Assignee != nil {
		g.AssigneeID = ""
		if *in.Assignee != "" {
			a, err := account.ByEmail(ctx, tx, *in.Assignee)
			if errs.Is(err, errs.NotFound) {
				return errs.Fields(errs.Field{Path: "assignee", Value: *in.Assignee, Message: "is not the address of a person here"})
			}
			if err != nil {
				return err
			}
			g.AssigneeID = a.ID
		}
	}
	g.Version++
	if _, err := tx.NewUpdate().Model(&g).WherePK().Exec(ctx); err != nil {
		return err
	}
	tx.AfterCommit(func() { s.live.Send(live.Note{Topic: "errors", Kind: "changed", ID: id}) })
	return audit.Write(ctx, tx, audit.Change{
		Action: "error.update", Ref: entity.Ref{Kind: errorKind, ID: id}, Name: cut(g.Type+": "+g.Message, 200),
		Before: before, After: map[string]any{"state": g.State, "assignee_id": g.AssigneeID},
	})
}
