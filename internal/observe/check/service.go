package check

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/apply"
	"github.com/mainstay-ops/mainstay/internal/core/audit"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/entity"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/httpapi"
	"github.com/mainstay-ops/mainstay/internal/core/module"
	"github.com/mainstay-ops/mainstay/internal/core/search"
	"github.com/mainstay-ops/mainstay/internal/core/strict"
	"github.com/mainstay-ops/mainstay/internal/estate"
	"github.com/mainstay-ops/mainstay/internal/observe"
	"github.com/mainstay-ops/mainstay/internal/observe/check/state"
)

// Service is the use cases around checks.
type Service struct {
	d      module.Deps
	engine *Engine
	items  estate.Items
	runID  string
}

func ref(checkID string) entity.Ref { return entity.Ref{Kind: observe.CheckKind, ID: checkID} }

// resolve finds the item and checks the right to change checks on it.
func (s *Service) resolve(ctx context.Context, tx *db.Tx, spec *Spec) (itemID, teamID string, err error) {
	if spec.Item != "" {
		it, err := s.items.ByName(ctx, tx, spec.Item)
		if err != nil {
			if errs.Is(err, errs.NotFound) {
				err = errs.Fields(errs.Field{Path: "item", Value: spec.Item, Message: "is not the name of an item"})
			}
			return "", "", err
		}
		itemID, teamID = it.ID, it.OwnerTeamID
	}
	if err := access.Check(ctx, observe.WriteChecks, teamID); err != nil {
		return "", "", err
	}
	if spec.Type == "script" || spec.Type == "plugin" {
		// A program runs with Mainstay's own rights: whoever may write one may do what
		// Mainstay may do.
		if err := access.Check(ctx, RunPrograms, ""); err != nil {
			return "", "", err
		}
	}
	return itemID, teamID, nil
}

// Save makes the check of that name or changes it, as part of tx.
func (s *Service) Save(ctx context.Context, tx *db.Tx, spec Spec, ifMatch string) (*row, apply.Outcome, error) {
	if err := spec.complete(); err != nil {
		return nil, "", err
	}
	itemID, teamID, err := s.resolve(ctx, tx, &spec)
	if err != nil {
		return nil, "", err
	}
	if err := s.checkFrom(&spec); err != nil {
		return nil, "", err
	}
	if err := s.checkParents(ctx, tx, &spec); err != nil {
		return nil, "", err
	}
	old, err := rowByName(ctx, tx, spec.Name)
	fresh := errs.Is(err, errs.NotFound)
	if err != nil && !fresh {
		return nil, "", err
	}
	probe := []byte("{}")
	if spec.Probe != nil {
		if probe, err = json.Marshal(spec.Probe); err != nil {
			return nil, "", err
		}
	}
	if !fresh {
		if err := httpapi.CheckMatch(ifMatch, old.Version); err != nil {
			return nil, "", err
		}
		if old.Type == spec.Type {
			prev, err := old.probeJSON(s.d.Secrets)
			if err != nil {
				return nil, "", err
			}
			probe = keepSecrets(spec.Type, prev, probe)
		}
	}
	settings, err := json.Marshal(spec.Settings)
	if err != nil {
		return nil, "", err
	}
	r := &row{
		ID: newID(), Name: spec.Name, ItemID: itemID, TeamID: teamID, Type: spec.Type, EveryMS: spec.Every.D().Milliseconds(), RetryMS: spec.RetryEvery.D().Milliseconds(),
		Attempts: spec.Attempts, FreshnessMS: spec.Freshness.D().Milliseconds(), Settings: string(settings), Enabled: !spec.Disabled, RunFrom: spec.From, CreatedAt: tx.Now(), UpdatedAt: tx.Now(), Version: 1,
	}
	if spec.Probe != nil {
		r.Target, r.TimeoutMS = spec.Probe.Target(), spec.timeout().Milliseconds()
	}
	outcome := apply.Created
	var before any
	if !fresh {
		same, err := s.same(old, r, probe)
		if err != nil {
			return nil, "", err
		}
		if same {
			return old, apply.Unchanged, nil
		}
		r.ID, r.CreatedAt, r.Version, outcome, before = old.ID, old.CreatedAt, old.Version+1, apply.Updated, view(old)
	}
	if r.Probe, err = s.seal(spec.Type, probe); err != nil {
		return nil, "", err
	}
	if fresh {
		_, err = tx.NewInsert().Model(r).Exec(ctx)
	} else {
		_, err = tx.NewUpdate().Model(r).WherePK().Exec(ctx)
	}
	if err != nil {
		return nil, "", err
	}
	if err := search.Put(ctx, tx, search.Doc{Kind: observe.CheckKind, RefID: r.ID, Name: r.Name, Title: r.Name, Body: r.Type + " " + r.Target + " " + spec.Item, URL: checkURL(r.Name), TeamID: r.TeamID}); err != nil {
		return nil, "", err
	}
	action := "check.create"
	if !fresh {
		action = "check.update"
	}
	if err := audit.Write(ctx, tx, audit.Change{Action: action, Ref: ref(r.ID), Name: r.Name, Before: before, After: view(r)}); err != nil {
		return nil, "", err
	}
	cp, item := *r, spec.Item
	tx.AfterCommit(func() { s.engine.put(&cp, item, s.d.Secrets, fresh) })
	return r, outcome, nil
}

// view is what the audit log shows of a check: never its probe's secrets.
func view(r *row) map[string]any {
	return map[string]any{"type": r.Type, "target": r.Target, "item_id": r.ItemID, "every_ms": r.EveryMS, "retry_ms": r.RetryMS, "attempts": r.Attempts, "freshness_ms": r.FreshnessMS, "enabled": r.Enabled, "from": r.RunFrom, "settings": json.RawMessage(r.Settings), "version": r.Version}
}

func (s *Service) same(old, now *row, probe []byte) (bool, error) {
	prev, err := old.probeJSON(s.d.Secrets)
	if err != nil {
		return false, err
	}
	return sameJSON(prev, probe) && old.Type == now.Type && old.ItemID == now.ItemID && old.EveryMS == now.EveryMS && old.RetryMS == now.RetryMS && old.Attempts == now.Attempts &&
		old.FreshnessMS == now.FreshnessMS && old.Settings == now.Settings && old.Enabled == now.Enabled && old.RunFrom == now.RunFrom && old.TeamID == now.TeamID, nil
}

func sameJSON(a, b []byte) bool {
	var x, y any
	if json.Unmarshal(a, &x) != nil || json.Unmarshal(b, &y) != nil {
		return string(a) == string(b)
	}
	p, _ := json.Marshal(x)
	q, _ := json.Marshal(y)
	return string(p) == string(q)
}

// seal encrypts the configuration when it holds a secret.
func (s *Service) seal(typ string, probe []byte) (string, error) {
	t, ok := observe.ProbeTypeByName(typ)
	if !ok {
		return string(probe), nil
	}
	var m map[string]any
	if err := json.Unmarshal(probe, &m); err != nil {
		return "", err
	}
	for _, k := range secretKeys(typeOf(t.New())) {
		if v := m[k]; v != nil && v != "" {
			return s.d.Secrets.Seal(string(probe))
		}
	}
	return string(probe), nil
}

// checkParents refuses unknown parents and circles, naming the path.
func (s *Service) checkParents(ctx context.Context, q bun.IDB, spec *Spec) error {
	all := append(append([]string{}, spec.Parents...), spec.AnyParent...)
	if len(all) == 0 {
		return nil
	}
	var names []string
	if err := q.NewRaw("SELECT name FROM checks WHERE name IN (?)", bun.In(all)).Scan(ctx, &names); err != nil {
		return err
	}
	known := map[string]bool{}
	for _, n := range names {
		known[n] = true
	}
	for i, p := range all {
		if !known[p] {
			path := fmt.Sprintf("parents[%d]", i)
			if i >= len(spec.Parents) {
				path = fmt.Sprintf("any_parent[%d]", i-len(spec.Parents))
			}
			return errs.Fields(errs.Field{Path: path, Value: p, Message: "is not the name of a check" + strict.DidYouMean(p, s.engine.names())})
		}
	}
	path, err := circle(ctx, q, spec.Name, all)
	if err == nil && path != "" {
		err = errs.Fields(errs.Field{Path: "parents", Message: "would make a circle: " + path})
	}
	return err
}

// Delete removes a check. A problem that lasts ends with it.
func (s *Service) Delete(ctx context.Context, name, ifMatch string) error {
	return s.d.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error { return s.drop(ctx, tx, name, ifMatch) })
}

// DropCheck implements observe.CheckMaker.
func (s *Service) DropCheck(ctx context.Context, tx *db.Tx, name string) error {
	if err := s.drop(ctx, tx, name, ""); !errs.Is(err, errs.NotFound) {
		return err
	}
	return nil
}

func (s *Service) drop(ctx context.Context, tx *db.Tx, name, ifMatch string) error {
	r, err := rowByName(ctx, tx, name)
	if err != nil {
		return err
	}
	if err := access.Check(ctx, observe.WriteChecks, r.TeamID); err != nil {
		return err
	}
	if err := httpapi.CheckMatch(ifMatch, r.Version); err != nil {
		return err
	}
	// The row goes first: from then on the writer drops what it still holds of
	// this check, and what it wrote before is seen below.
	if _, err := tx.NewRaw("DELETE FROM checks WHERE id = ?", r.ID).Exec(ctx); err != nil {
		return err
	}
	for _, q := range []string{"UPDATE check_outages SET ended_at = ? WHERE check_id = ? AND ended_at IS NULL", "UPDATE check_unreachable SET ended_at = ? WHERE check_id = ? AND ended_at IS NULL"} {
		if _, err := tx.NewRaw(q, tx.Now(), r.ID).Exec(ctx); err != nil {
			return err
		}
	}
	if e := s.engine.get(name); e != nil {
		if f, ok := e.farewell(tx.Now()); ok {
			if err := s.d.Events.Append(ctx, tx, f); err != nil {
				return err
			}
		}
	}
	if err := s.orphan(ctx, tx, r.Name); err != nil {
		return err
	}
	if err := search.Remove(ctx, tx, observe.CheckKind, r.ID); err != nil {
		return err
	}
	tx.AfterCommit(func() { s.engine.remove(r.ID) })
	return audit.Write(ctx, tx, audit.Change{Action: "check.delete", Ref: ref(r.ID), Name: r.Name, Before: view(r)})
}

// orphan takes a check that is removed out of the parents of others: one that does
// not exist could not be saved again with them.
func (s *Service) orphan(ctx context.Context, tx *db.Tx, parent string) error {
	for _, e := range s.engine.list() {
		if !slices.Contains(e.spec.Parents, parent) && !slices.Contains(e.spec.AnyParent, parent) {
			continue
		}
		r, err := rowByName(ctx, tx, e.name)
		if errs.Is(err, errs.NotFound) {
			continue
		}
		if err != nil {
			return err
		}
		var set Settings
		if err := json.Unmarshal([]byte(r.Settings), &set); err != nil {
			return err
		}
		before := view(r)
		gone := func(n string) bool { return n == parent }
		set.Parents, set.AnyParent = slices.DeleteFunc(set.Parents, gone), slices.DeleteFunc(set.AnyParent, gone)
		b, err := json.Marshal(set)
		if err != nil {
			return err
		}
		r.Settings, r.Version, r.UpdatedAt = string(b), r.Version+1, tx.Now()
		if _, err := tx.NewUpdate().Model(r).Column("settings", "version", "updated_at").WherePK().Exec(ctx); err != nil {
			return err
		}
		if err := audit.Write(ctx, tx, audit.Change{Action: "check.update", Ref: ref(r.ID), Name: r.Name, Before: before, After: view(r)}); err != nil {
			return err
		}
		cp, item := *r, e.item
		tx.AfterCommit(func() { s.engine.put(&cp, item, s.d.Secrets, false) })
	}
	return nil
}

// farewell is the fact that ends the problem of a check that is removed; false when
// it has none.
func (e *entry) farewell(now time.Time) (observe.CheckStateChanged, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	problem, since := e.st.ProblemID, e.st.FirstBad
	if problem == "" {
		// Its recovery may still be withheld: people take it for open.
		problem, since = e.st.ToldProblem, e.st.ToldSince
	}
	return observe.CheckStateChanged{
		CheckID: e.id, Check: e.name, ItemID: e.itemID, Item: e.item, ProblemID: problem, From: e.st.HardStat.String(), To: observe.OK.String(),
		At: now, Since: since.Time(), Output: "The check was removed.", Removed: true,
	}, problem != ""
}

// EnsureCheck implements observe.CheckMaker.
func (s *Service) EnsureCheck(ctx context.Context, tx *db.Tx, c observe.CheckSpec) error {
	if _, err := rowByName(ctx, tx, c.Name); err == nil || !errs.Is(err, errs.NotFound) {
		return err
	}
	raw, err := json.Marshal(c.Probe)
	if err != nil {
		return err
	}
	cfg, err := decodeProbeJSON(c.Type, raw, "probe")
	if err != nil {
		return err
	}
	_, _, err = s.Save(ctx, tx, Spec{Name: c.Name, Item: c.Item, Every: c.Every, Type: c.Type, Probe: cfg, Freshness: c.Freshness, Attempts: c.Attempts, From: c.From}, "")
	return err
}

// HasCheckFor implements observe.CheckMaker.
func (s *Service) HasCheckFor(ctx context.Context, q bun.IDB, itemIDs []string) (map[string]bool, error) {
	out := map[string]bool{}
	if len(itemIDs) == 0 {
		return out, nil
	}
	var ids []string
	if err := q.NewRaw("SELECT DISTINCT item_id FROM checks WHERE item_id IN (?)", bun.In(itemIDs)).Scan(ctx, &ids); err != nil {
		return nil, err
	}
	for _, i := range ids {
		out[i] = true
	}
	return out, nil
}

// ItemStates gives the worst displayed state of each item's checks; an item
// without checks is left out.
func (s *Service) ItemStates(itemIDs []string) map[string]string {
	want := make(map[string]bool, len(itemIDs))
	for _, i := range itemIDs {
		want[i] = true
	}
	out := map[string]string{}
	for _, e := range s.engine.list() {
		if !want[e.itemID] || e.itemID == "" {
			continue
		}
		d := state.Display(e.snapshot())
		if old, ok := out[e.itemID]; !ok || displayRank[d] > displayRank[old] {
			out[e.itemID] = d
		}
	}
	return out
}

var displayRank = map[string]int{"ok": 0, "pending": 1, "unreachable": 2, "unknown": 3, "warning": 4, "critical": 5}

// SendResult applies the result of a passive check, or of any check from outside.
func (s *Service) SendResult(ctx context.Context, name string, res observe.Result) error {
	e, err := s.entry(ctx, observe.SendResults, name)
	if err != nil {
		return err
	}
	now := time.Now()
	if res.Start.IsZero() {
		res.Start = now
	}
	if res.Start.After(now.Add(5 * time.Minute)) {
		return errs.Fields(errs.Field{Path: "at", Value: res.Start.Format(time.RFC3339), Message: "lies more than five minutes in the future"})
	}
	if e.from != "" && e.spec.Type == PassiveType {
		s.engine.applyPlaced(e, e.from, res)
		return nil
	}
	s.engine.samples.add(e, res, "")
	s.engine.apply(e, res, false)
	return nil
}
