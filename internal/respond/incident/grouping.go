package incident

import (
	"context"
	"slices"
	"time"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/record"
	"github.com/mainstay-ops/mainstay/internal/estate"
	"github.com/mainstay-ops/mainstay/internal/respond"
)

// recurWithin is how soon after its resolution a failure of the same item counts
// as the same trouble coming back.
const recurWithin = 15 * time.Minute

// around is what the map says about the item of an alert.
type around struct {
	item          estate.Item
	needs, impact map[string]estate.Item
}

func (s *Service) around(ctx context.Context, tx *db.Tx, itemID string) (around, error) {
	a := around{needs: map[string]estate.Item{}, impact: map[string]estate.Item{}}
	if itemID == "" {
		return a, nil
	}
	items, err := s.items.ByIDs(ctx, tx, []string{itemID})
	if err != nil {
		return a, err
	}
	a.item = items[itemID]
	needs, err := s.items.Needs(ctx, tx, []string{itemID})
	if err != nil {
		return a, err
	}
	for _, n := range needs {
		a.needs[n.ID] = n.Item
	}
	hit, err := s.items.Impact(ctx, tx, []string{itemID})
	for _, n := range hit {
		a.impact[n.ID] = n.Item
	}
	return a, err
}

// level is the impact of a failure: that of the most critical item among the one
// that fails and all that stop with it. Without an item it is 2.
func (a around) level() int {
	if a.item.ID == "" {
		return 2
	}
	out := a.item.Criticality.Impact()
	for _, i := range a.impact {
		out = min(out, i.Criticality.Impact())
	}
	return out
}

// candidates lists the open incidents that have the cause of the alert, the
// oldest first: those on its item, on an item that it needs, or on an item that
// needs it.
func candidates(ctx context.Context, tx *db.Tx, f respond.AlertFired, a around) ([]string, error) {
	var ids []string
	if f.ItemID == "" {
		err := tx.NewRaw("SELECT id FROM records WHERE open = ? AND id IN (SELECT record_id FROM incident_alerts WHERE fingerprint = ?) ORDER BY number", true, f.Fingerprint).Scan(ctx, &ids)
		return ids, err
	}
	refs := []string{f.ItemID}
	for n := range a.needs {
		refs = append(refs, n)
	}
	for n := range a.impact {
		refs = append(refs, n)
	}
	slices.Sort(refs)
	// EXISTS makes SQLite begin with what is open, which is little; a join with
	// DISTINCT walks all incidents by number.
	found := map[string]int64{}
	for part := range slices.Chunk(refs, 500) {
		var rows []struct {
			ID     string
			Number int64
		}
		if err := tx.NewRaw("SELECT r.id, r.number FROM records r WHERE r.kind = ? AND r.open = ? AND EXISTS (SELECT 1 FROM record_items i WHERE i.record_id = r.id AND i.ref_kind = ? AND i.ref_id IN (?))",
			respond.IncidentKind, true, estate.ItemKind, bun.In(part)).Scan(ctx, &rows); err != nil {
			return nil, err
		}
		for _, r := range rows {
			found[r.ID] = r.Number
		}
	}
	for id := range found {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, func(a, b string) int { return int(found[a] - found[b]) })
	return ids, nil
}

// alertFired puts an alert into the incident of its cause, or opens one. When the
// alert shows that several open incidents have one cause, they become one.
func (s *Service) alertFired(ctx context.Context, tx *db.Tx, f respond.AlertFired) error {
	a, err := s.around(ctx, tx, f.ItemID)
	if err != nil {
		return err
	}
	ids, err := candidates(ctx, tx, f, a)
	if err != nil {
		return err
	}
	if len(ids) == 0 {
		return s.open(ctx, tx, f, a)
	}
	r, in, err := s.load(ctx, tx, ids[0])
	if err != nil {
		return err
	}
	for _, other := range ids[1:] {
		if err := s.merge(ctx, tx, r, in, other); err != nil {
			return err
		}
	}
	return s.join(ctx, tx, r, in, f, a)
}

func (s *Service) addAlert(ctx context.Context, tx *db.Tx, r *record.Record, f respond.AlertFired) error {
	row := alertRow{AlertID: f.AlertID, RecordID: r.ID, Fingerprint: f.Fingerprint, ItemID: f.ItemID, Item: f.Item, Check: f.Check, Severity: f.Severity, Title: f.Title, Output: f.Output, StartedAt: f.ImpactStartedAt}
	if _, err := tx.NewInsert().Model(&row).On("CONFLICT (alert_id) DO NOTHING").Exec(ctx); err != nil {
		return err
	}
	if f.ItemID != "" {
		if _, err := s.d.Records.AddItem(ctx, tx, r, estate.Ref(f.ItemID)); err != nil {
			return err
		}
	}
	if err := s.say(ctx, tx, r, "alert", line("Alert: "+f.Title, f.Output), map[string]any{"alert": f.AlertID, "severity": f.Severity}); err != nil {
		return err
	}
	return s.d.Events.Append(ctx, tx, respond.AlertGrouped{AlertID: f.AlertID, IncidentID: r.ID, Number: s.number(r)})
}

func line(head, output string) string {
	if output == "" {
		return head + "."
	}
	return head + ": " + output
}
