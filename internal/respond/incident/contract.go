package incident

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/record"
	"github.com/mainstay-ops/mainstay/internal/estate"
	"github.com/mainstay-ops/mainstay/internal/respond"
)

var _ respond.Incidents = (*Service)(nil)

// maxBetween bounds one answer of Between.
const maxBetween = 10000

// ByID implements respond.Incidents.
func (s *Service) ByID(ctx context.Context, q bun.IDB, incidentID string) (respond.Incident, error) {
	out, err := s.describe(ctx, q, []string{incidentID})
	if err != nil {
		return respond.Incident{}, err
	}
	if len(out) == 0 {
		return respond.Incident{}, errs.New(errs.NotFound, "There is no such incident.")
	}
	return out[0], nil
}

// Between implements respond.Incidents. Incidents that turned out to be a part of
// another one are left out.
func (s *Service) Between(ctx context.Context, q bun.IDB, itemIDs []string, from, to time.Time) ([]respond.Incident, error) {
	if len(itemIDs) == 0 {
		return nil, nil
	}
	var ids []string
	err := q.NewRaw(`SELECT record_id FROM incidents WHERE impact_started_at >= ? AND impact_started_at < ? AND cause_code <> 'duplicate'
AND record_id IN (SELECT record_id FROM record_items WHERE ref_kind = ? AND ref_id IN (?)) ORDER BY impact_started_at, record_id LIMIT ?`,
		from.UTC(), to.UTC(), estate.ItemKind, bun.In(itemIDs), maxBetween).Scan(ctx, &ids)
	if err != nil || len(ids) == 0 {
		return nil, err
	}
	return s.describe(ctx, q, ids)
}

// describe reads incidents by id, in the order of ids.
func (s *Service) describe(ctx context.Context, q bun.IDB, ids []string) ([]respond.Incident, error) {
	full, err := readFull(ctx, q, ids)
	if err != nil {
		return nil, err
	}
	refs, err := record.Items(ctx, q, ids...)
	if err != nil {
		return nil, err
	}
	names, err := s.itemNames(ctx, q, refs)
	if err != nil {
		return nil, err
	}
	var out []respond.Incident
	for _, id := range ids {
		f, ok := full[id]
		if !ok {
			continue
		}
		x := respond.Incident{
			ID: id, Number: s.number(&f.Record), Title: f.Record.Title, State: f.Record.State, TeamID: f.Record.TeamID, Priority: f.Record.Priority, Output: f.row.Output,
			ImpactStartedAt: f.row.ImpactStartedAt.UTC(), DetectedAt: f.row.DetectedAt.UTC(), CreatedAt: f.Record.CreatedAt.UTC(),
			AcknowledgedAt: utc(f.row.AcknowledgedAt), WorkStartedAt: utc(f.row.WorkStartedAt), RestoredAt: utc(f.row.RestoredAt), ResolvedAt: utc(f.row.ResolvedAt),
		}
		for _, ref := range refs[id] {
			if n, ok := names[ref.ID]; ok && ref.Kind == estate.ItemKind {
				x.Items, x.ItemIDs = append(x.Items, n), append(x.ItemIDs, ref.ID)
			}
		}
		out = append(out, x)
	}
	return out, nil
}

func utc(t *time.Time) *time.Time {
	if t == nil {
		return nil
	}
	u := t.UTC()
	return &u
}

// Acknowledge implements respond.Incidents.
func (s *Service) Acknowledge(ctx context.Context, tx *db.Tx, incidentID, via string) (bool, error) {
	r, in, err := s.load(ctx, tx, incidentID)
	if err != nil {
		return false, err
	}
	return s.acknowledge(ctx, tx, r, in, via)
}

// Note implements respond.Incidents.
func (s *Service) Note(ctx context.Context, tx *db.Tx, incidentID, kind, body string, data map[string]any) error {
	r, err := s.d.Records.ByID(ctx, tx, incidentID)
	if err != nil {
		return err
	}
	return s.say(ctx, tx, r, kind, body, data)
}
