package dashboard

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strings"
	"sync"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/audit"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/entity"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/module"
	"github.com/mainstay-ops/mainstay/internal/core/search"
	"github.com/mainstay-ops/mainstay/internal/estate"
	"github.com/mainstay-ops/mainstay/internal/observe"
	"github.com/mainstay-ops/mainstay/internal/report"
)

// Service keeps dashboards and answers their questions.
type Service struct {
	d       module.Deps
	metrics observe.Metrics
	logs    observe.Logs
	catalog estate.Catalog
	states  observe.ItemStates

	mu    sync.Mutex
	cache map[string]cached
}

func ref(name string) entity.Ref { return entity.Ref{Kind: report.DashboardKind, ID: name} }

// List gives dashboards by name, shipped ones too, those after the cursor.
func (s *Service) List(ctx context.Context, text, cursor string, limit int) ([]Brief, string, error) {
	text = strings.ToLower(strings.TrimSpace(text))
	var out []Brief
	for _, v := range shipped() {
		if v.Name > cursor && (text == "" || strings.Contains(strings.ToLower(v.Title+" "+v.Name), text)) {
			out = append(out, v.brief())
		}
	}
	var rows []row
	q := s.d.DB.Reader().NewSelect().Model(&rows).Where("name > ?", cursor).OrderExpr("name").Limit(int64(limit) + 1)
	if text != "" {
		like := "%" + strings.NewReplacer(`\`, `\\`, "%", `\%`, "_", `\_`).Replace(text) + "%"
		q = q.Where(`(lower(title) LIKE ? ESCAPE '\' OR name LIKE ? ESCAPE '\')`, like, like)
	}
	if err := q.Scan(ctx); err != nil {
		return nil, "", err
	}
	for i := range rows {
		v, err := rows[i].view()
		if err != nil {
			return nil, "", err
		}
		out = append(out, v.brief())
	}
	slices.SortFunc(out, func(a, b Brief) int { return cmp.Compare(a.Name, b.Name) })
	if len(out) > limit {
		return out[:limit], out[limit-1].Name, nil
	}
	return out, "", nil
}

// Create adds a dashboard.
func (s *Service) Create(ctx context.Context, spec Spec) (*View, error) {
	var out *View
	err := s.d.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		var err error
		out, _, err = s.save(ctx, tx, spec, 0)
		return err
	})
	return out, err
}

// save makes or changes a dashboard. The version is what must be there: 0 for none, -1
// for any. The outcome tells what was done; an unchanged one is not written.
func (s *Service) save(ctx context.Context, tx *db.Tx, spec Spec, version int64) (*View, string, error) {
	if err := spec.Check(); err != nil {
		return nil, "", err
	}
	if shippedNamed(spec.Name) != nil {
		return nil, "", errs.Fields(errs.Field{Path: "name", Value: spec.Name, Message: "is that of a dashboard that comes with Mainstay; choose another"})
	}
	b, err := json.Marshal(spec)
	if err != nil {
		return nil, "", err
	}
	var r row
	err = tx.NewSelect().Model(&r).Where("name = ?", spec.Name).Scan(ctx)
	old := err == nil
	if err != nil && !errs.Is(db.NotFound(err, "none"), errs.NotFound) {
		return nil, "", err
	}
	switch {
	case old && version == 0:
		return nil, "", errs.New(errs.Conflict, "There is a dashboard %q already. Choose another name.", spec.Name)
	case !old && version > 0:
		return nil, "", noSuch(spec.Name)
	case old && version > 0 && r.Version != version:
		return nil, "", errs.New(errs.Conflict, "Somebody else has changed this dashboard meanwhile. Load it again, and make your change anew.")
	case old && r.Spec == string(b):
		v, err := r.view()
		return v, "unchanged", err
	}
	before := r.Spec
	r.Name, r.Title, r.Spec, r.UpdatedAt, r.UpdatedBy = spec.Name, spec.Title, string(b), tx.Now(), access.From(ctx).Actor()
	r.Version++
	action, outcome := "dashboard.update", "updated"
	if old {
		_, err = tx.NewUpdate().Model(&r).WherePK().Exec(ctx)
	} else {
		action, outcome = "dashboard.create", "created"
		r.CreatedAt = tx.Now()
		_, err = tx.NewInsert().Model(&r).Exec(ctx)
	}
	if err != nil {
		return nil, "", err
	}
	if err := search.Put(ctx, tx, search.Doc{Kind: report.DashboardKind, RefID: r.Name, Name: r.Name, Title: r.Title, Body: spec.Description, URL: report.DashboardPath + r.Name}); err != nil {
		return nil, "", err
	}
	c := audit.Change{Action: action, Ref: ref(r.Name), Name: r.Title, After: json.RawMessage(r.Spec)}
	if old {
		c.Before = json.RawMessage(before)
	}
	if err := audit.Write(ctx, tx, c); err != nil {
		return nil, "", err
	}
	v, err := r.view()
	return v, outcome, err
}

// Delete removes a dashboard with its links.
func (s *Service) Delete(ctx context.Context, name string) error {
	if shippedNamed(name) != nil {
		return errs.New(errs.Conflict, "The dashboard %q comes with Mainstay and cannot be removed.", name)
	}
	return s.d.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		v, err := load(ctx, tx, name)
		if err != nil {
			return err
		}
		for _, q := range []string{"DELETE FROM dashboards WHERE name = ?", "DELETE FROM dashboard_shares WHERE dashboard = ?"} {
			if _, err := tx.NewRaw(q, name).Exec(ctx); err != nil {
				return err
			}
		}
		if err := search.Remove(ctx, tx, report.DashboardKind, name); err != nil {
			return err
		}
		return audit.Write(ctx, tx, audit.Change{Action: "dashboard.delete", Ref: ref(name), Name: v.Title, Before: v.Spec})
	})
}
