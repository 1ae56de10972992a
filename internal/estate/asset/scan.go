package asset

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/event"
	"github.com/mainstay-ops/mainstay/internal/core/job"
	"github.com/mainstay-ops/mainstay/internal/estate"
)

// scanPage is how many items are read and written at a time, so that no transaction
// is long.
const scanPage = 200

// scanArgs asks to look at every item.
type scanArgs struct{}

// Kind implements job.Args.
func (scanArgs) Kind() string { return "asset_scan" }

// Subscribe implements module.HasEvents.
func (s *Service) Subscribe(r *event.Router) {
	event.On(r, func(ctx context.Context, tx *db.Tx, f estate.ItemChanged, _ event.Meta) error {
		if f.Removed {
			return s.forget(ctx, tx, f.ItemID)
		}
		_, err := s.look(access.AsSystem(ctx), tx, []string{f.ItemID})
		return err
	})
}

// Jobs implements module.HasJobs.
func (s *Service) Jobs(r *job.Runner) {
	job.Handle(r, func(ctx context.Context, _ scanArgs, _ job.Meta) error { return s.scan(access.AsSystem(ctx)) })
	// Packages change without a change of their item.
	job.Every(r, time.Hour, true, scanArgs{})
}

// rescan asks for a look at all items, once rules have changed.
func (s *Service) rescan(ctx context.Context, tx *db.Tx) error {
	if s.d.Jobs == nil {
		return nil
	}
	return s.d.Jobs.Insert(ctx, tx, scanArgs{}, job.Options{Queue: "maintenance", MaxAttempts: 3})
}

// scan looks at every item, page by page, then at the packages that licenses name.
func (s *Service) scan(ctx context.Context) error {
	for after := ""; ; {
		its, err := s.catalog.Catalog(ctx, s.d.DB.Reader(), estate.CatalogFilter{After: after, Limit: scanPage})
		if err != nil {
			return err
		}
		ids := make([]string, len(its))
		for i, it := range its {
			ids[i], after = it.ID, it.Name
		}
		if len(ids) > 0 {
			if err := s.d.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
				_, err := s.look(ctx, tx, ids)
				return err
			}); err != nil {
				return err
			}
		}
		if len(its) < scanPage {
			break
		}
	}
	return s.countPackages(ctx)
}

// forget drops what was found on an item that is gone. An asset outlives its item.
func (s *Service) forget(ctx context.Context, tx *db.Tx, itemID string) error {
	for _, stmt := range []string{"DELETE FROM asset_items WHERE item_id = ?", "DELETE FROM asset_matches WHERE item_id = ?", "DELETE FROM asset_uses WHERE item_id = ?", "DELETE FROM asset_assignments WHERE kind = 'item' AND ref_id = ?", "UPDATE assets SET item_id = '' WHERE item_id = ?"} {
		if _, err := tx.NewRaw(stmt, itemID).Exec(ctx); err != nil {
			return err
		}
	}
	return nil
}

// look reads items and replaces what is kept of them where it differs. It tells
// whether anything did.
func (s *Service) look(ctx context.Context, tx *db.Tx, ids []string) (bool, error) {
	nodes, err := s.graph.Nodes(ctx, tx, ids)
	if err != nil || len(nodes) == 0 {
		return false, err
	}
	rules, err := s.ruleSet(ctx, tx)
	if err != nil {
		return false, err
	}
	var byAttribute []licenseRow
	if err := tx.NewSelect().Model(&byAttribute).Where("attribute <> ''").Scan(ctx); err != nil {
		return false, err
	}
	old, err := readFound(ctx, tx, ids)
	if err != nil {
		return false, err
	}
	changed := false
	for _, n := range nodes {
		now := found{serial: serialKey(attribute(n.Attributes, "serial")), matches: map[string]matchRow{}, uses: map[string]string{}}
		for _, h := range rules.find(texts(n.Attributes)) {
			now.matches[h.product] = matchRow{ItemID: n.ID, Product: h.product, Release: h.name, Title: h.title, EndsOn: h.endsOn, Found: cut(h.found)}
		}
		for _, l := range byAttribute {
			if v := attribute(n.Attributes, l.Attribute); v != "" && strings.Contains(strings.ToLower(v), strings.ToLower(l.Contains)) {
				now.uses[l.ID] = cut(l.Attribute + ": " + v)
			}
		}
		did, err := old[n.ID].become(ctx, tx, n.ID, now)
		if err != nil {
			return false, err
		}
		changed = changed || did
	}
	if changed {
		s.tell(tx, "changed", "matches")
	}
	return changed, nil
}

// texts are the places where a product and its version may be told.
func texts(a map[string]any) []string {
	var out []string
	add := func(keys ...string) {
		var parts []string
		for i, k := range keys {
			v := attribute(a, k)
			if v == "" && i == 0 {
				return
			}
			if v != "" {
				parts = append(parts, v)
			}
		}
		out = append(out, strings.Join(parts, " "))
	}
	add("os", "os_version")
	add("os", "version")
	add("os_name", "version")
	add("product", "version")
	add("product", "product_version")
	add("engine", "version")
	add("process", "version")
	add("vendor", "model", "version")
	add("banner")
	add("server")
	return out
}

// attribute gives a plain value as text, "" for lists and objects.
func attribute(a map[string]any, key string) string {
	switch v := a[key].(type) {
	case string:
		return v
	case bool, int, int64, float64:
		return fmt.Sprint(v)
	}
	return ""
}

type matchRow struct {
	bun.BaseModel `bun:"asset_matches,alias:m"`

	ItemID  string `bun:"item_id,pk"`
	Product string `bun:"product,pk"`
	Release string `bun:"release"`
	Title   string `bun:"title"`
	EndsOn  string `bun:"ends_on"`
	Found   string `bun:"found"`
}

// found is what is kept of one item.
type found struct {
	known   bool
	serial  string
	matches map[string]matchRow // by product
	uses    map[string]string   // what was found, by license with a rule on an attribute
}

func readFound(ctx context.Context, q bun.IDB, ids []string) (map[string]found, error) {
	out := make(map[string]found, len(ids))
	for _, v := range ids {
		out[v] = found{matches: map[string]matchRow{}, uses: map[string]string{}}
	}
	var serials []struct{ ItemID, SerialKey string }
	if err := q.NewRaw("SELECT item_id, serial_key FROM asset_items WHERE item_id IN (?)", bun.In(ids)).Scan(ctx, &serials); err != nil {
		return nil, err
	}
	for _, r := range serials {
		f := out[r.ItemID]
		f.known, f.serial = true, r.SerialKey
		out[r.ItemID] = f
	}
	var ms []matchRow
	if err := q.NewSelect().Model(&ms).Where("item_id IN (?)", bun.In(ids)).Scan(ctx); err != nil {
		return nil, err
	}
	for _, m := range ms {
		out[m.ItemID].matches[m.Product] = m
	}
	var uses []struct{ LicenseID, ItemID, Found string }
	if err := q.NewRaw("SELECT u.license_id, u.item_id, u.found FROM asset_uses u JOIN asset_licenses l ON l.id = u.license_id WHERE l.attribute <> '' AND u.item_id IN (?)", bun.In(ids)).Scan(ctx, &uses); err != nil {
		return nil, err
	}
	for _, u := range uses {
		out[u.ItemID].uses[u.LicenseID] = u.Found
	}
	return out, nil
}

// become writes only what differs: most changes of an item change nothing here.
func (f found) become(ctx context.Context, tx *db.Tx, itemID string, now found) (changed bool, err error) {
	run := func(stmt string, args ...any) {
		if err == nil {
			changed = true
			_, err = tx.NewRaw(stmt, args...).Exec(ctx)
		}
	}
	if !f.known || f.serial != now.serial {
		run("INSERT INTO asset_items (item_id, serial_key) VALUES (?, ?) ON CONFLICT (item_id) DO UPDATE SET serial_key = excluded.serial_key", itemID, now.serial)
	}
	for p, m := range now.matches {
		if f.matches[p] != m {
			run("INSERT INTO asset_matches (item_id, product, release, title, ends_on, found) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (item_id, product) DO UPDATE SET release = excluded.release, title = excluded.title, ends_on = excluded.ends_on, found = excluded.found", itemID, p, m.Release, m.Title, m.EndsOn, m.Found)
		}
	}
	for p := range f.matches {
		if _, still := now.matches[p]; !still {
			run("DELETE FROM asset_matches WHERE item_id = ? AND product = ?", itemID, p)
		}
	}
	for l, what := range now.uses {
		if was, had := f.uses[l]; !had || was != what {
			run("INSERT INTO asset_uses (license_id, item_id, found) VALUES (?, ?, ?) ON CONFLICT (license_id, item_id) DO UPDATE SET found = excluded.found", l, itemID, what)
		}
	}
	for l := range f.uses {
		if _, still := now.uses[l]; !still {
			run("DELETE FROM asset_uses WHERE license_id = ? AND item_id = ?", l, itemID)
		}
	}
	return changed, err
}
