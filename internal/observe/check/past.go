package check

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"time"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/estate"
	"github.com/mainstay-ops/mainstay/internal/observe"
)

// planned gives the maintenance windows of each item that overlap the period.
func (s *Service) planned(ctx context.Context, q bun.IDB, itemIDs []string, from, to time.Time) (map[string][]observe.Span, error) {
	var ds []struct {
		ID         string
		StartsAt   time.Time
		EndsAt     time.Time
		Dependents bool
	}
	if err := q.NewRaw("SELECT id, starts_at, ends_at, dependents FROM check_downtimes WHERE starts_at < ? AND ends_at > ? AND ends_at > starts_at AND NOT waiting", to, from).Scan(ctx, &ds); err != nil {
		return nil, err
	}
	out := map[string][]observe.Span{}
	for _, d := range ds {
		var ts []downtimeTarget
		if err := q.NewRaw("SELECT downtime_id, ref_kind, ref_id FROM check_downtime_targets WHERE downtime_id = ?", d.ID).Scan(ctx, &ts); err != nil {
			return nil, err
		}
		hit := map[string]bool{}
		var ids []string
		for _, t := range ts {
			if t.RefKind == estate.ItemKind {
				hit[t.RefID] = true
				ids = append(ids, t.RefID)
			}
		}
		if d.Dependents && len(ids) > 0 {
			reached, err := s.items.Impact(ctx, q, ids)
			if err != nil {
				return nil, err
			}
			for _, r := range reached {
				hit[r.ID] = true
			}
		}
		for _, id := range itemIDs {
			if hit[id] {
				out[id] = append(out[id], observe.Span{From: d.StartsAt.UTC(), To: d.EndsAt.UTC()})
			}
		}
	}
	return out, nil
}

// Watched implements observe.History.
func (s *Service) Watched(ctx context.Context, q bun.IDB, itemIDs []string, from, to time.Time) (observe.Watch, error) {
	var w observe.Watch
	if len(itemIDs) == 0 {
		return w, nil
	}
	var os []struct {
		CheckID, CheckName, ItemID, Worst string
		StartedAt, HardAt                 time.Time
		EndedAt                           *time.Time
	}
	if err := q.NewRaw("SELECT check_id, check_name, item_id, worst, started_at, hard_at, ended_at FROM check_outages WHERE item_id IN (?) AND started_at < ? AND (ended_at IS NULL OR ended_at > ?) ORDER BY started_at", bun.In(itemIDs), to, from).Scan(ctx, &os); err != nil {
		return w, err
	}
	for _, o := range os {
		x := observe.Outage{CheckID: o.CheckID, Check: o.CheckName, ItemID: o.ItemID, Start: o.StartedAt.UTC(), HardAt: o.HardAt.UTC(), Worst: o.Worst}
		if o.EndedAt != nil {
			x.End = o.EndedAt.UTC()
		}
		w.Outages = append(w.Outages, x)
	}
	planned, err := s.planned(ctx, q, itemIDs, from, to)
	if err != nil {
		return w, err
	}
	for _, ss := range planned {
		w.Planned = append(w.Planned, ss...)
	}
	var first []time.Time
	if err := q.NewRaw("SELECT s.first_at FROM check_states s JOIN checks c ON c.id = s.check_id WHERE c.item_id IN (?) ORDER BY s.first_at LIMIT 1", bun.In(itemIDs)).Scan(ctx, &first); err != nil && !errors.Is(err, sql.ErrNoRows) {
		return w, err
	}
	if len(first) > 0 {
		w.First = first[0].UTC()
	}
	if err := q.NewRaw("SELECT COUNT(*) FROM checks WHERE item_id IN (?)", bun.In(itemIDs)).Scan(ctx, &w.Checks); err != nil {
		return w, err
	}
	if w.Unreachable, err = unreachable(ctx, q, itemIDs, from, to); err != nil {
		return w, err
	}
	w.NoData, err = s.absent(ctx, q, from, to)
	return w, err
}

// unreachable gives the times in which none of the checks that watched the items
// could judge, because what they depend on was down. A check counts from when it
// was made; one that is switched off or gone does not count.
func unreachable(ctx context.Context, q bun.IDB, itemIDs []string, from, to time.Time) ([]observe.Span, error) {
	var lost []struct {
		StartedAt time.Time
		EndedAt   *time.Time
	}
	if err := q.NewRaw("SELECT u.started_at, u.ended_at FROM check_unreachable u JOIN checks c ON c.id = u.check_id WHERE c.enabled AND c.item_id IN (?) AND u.started_at < ? AND (u.ended_at IS NULL OR u.ended_at > ?)",
		bun.In(itemIDs), to, from).Scan(ctx, &lost); err != nil || len(lost) == 0 {
		return nil, err
	}
	var made []time.Time
	if err := q.NewRaw("SELECT created_at FROM checks WHERE enabled AND item_id IN (?) AND created_at < ?", bun.In(itemIDs), to).Scan(ctx, &made); err != nil {
		return nil, err
	}
	type step struct {
		at             time.Time
		watching, lost int
	}
	var steps []step
	for _, t := range made {
		steps = append(steps, step{at: t, watching: 1})
	}
	for _, l := range lost {
		steps = append(steps, step{at: l.StartedAt, lost: 1})
		if l.EndedAt != nil {
			steps = append(steps, step{at: *l.EndedAt, lost: -1})
		}
	}
	slices.SortStableFunc(steps, func(a, b step) int { return a.at.Compare(b.at) })
	var out []observe.Span
	watching, gone := 0, 0
	for i, s := range steps {
		watching, gone = watching+s.watching, gone+s.lost
		a, b := s.at, to
		if i+1 < len(steps) {
			b = steps[i+1].at
		}
		if a.Before(from) {
			a = from
		}
		if b.After(to) {
			b = to
		}
		if gone == 0 || gone < watching || !a.Before(b) {
			continue
		}
		if n := len(out); n > 0 && out[n-1].To.Equal(a) {
			out[n-1].To = b.UTC()
			continue
		}
		out = append(out, observe.Span{From: a.UTC(), To: b.UTC()})
	}
	return out, nil
}

// absent gives the times inside the period in which this server did not run.
func (s *Service) absent(ctx context.Context, q bun.IDB, from, to time.Time) ([]observe.Span, error) {
	var rs []struct {
		ID                    string
		StartedAt, LastSeenAt time.Time
	}
	if err := q.NewRaw("SELECT id, started_at, last_seen_at FROM check_runs WHERE started_at < ? AND (last_seen_at > ? OR id = ?) ORDER BY started_at", to, from, s.runID).Scan(ctx, &rs); err != nil {
		return nil, err
	}
	var out []observe.Span
	at := from
	for _, r := range rs {
		end := r.LastSeenAt.UTC()
		if r.ID == s.runID {
			end = to // this run goes on
		}
		if r.StartedAt.After(at) {
			out = append(out, observe.Span{From: at, To: r.StartedAt.UTC()})
		}
		if end.After(at) {
			at = end
		}
	}
	if to.After(at) {
		out = append(out, observe.Span{From: at, To: to})
	}
	return slices.Clip(out), nil
}

// seenEvery is how often the server writes that it runs; a gap after a crash is
// known to this precision.
const seenEvery = 10 * time.Second

func (s *Service) beginRun(ctx context.Context) error {
	s.runID = newID()
	return s.d.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		_, err := tx.NewRaw("INSERT INTO check_runs (id, started_at, last_seen_at) VALUES (?, ?, ?)", s.runID, tx.Now(), tx.Now()).Exec(ctx)
		return err
	})
}

func (s *Service) seen(ctx context.Context) error {
	return s.d.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		_, err := tx.NewRaw("UPDATE check_runs SET last_seen_at = ? WHERE id = ?", tx.Now(), s.runID).Exec(ctx)
		return err
	})
}
