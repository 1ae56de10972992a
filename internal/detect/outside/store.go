package outside

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/apply"
	"github.com/mainstay-ops/mainstay/internal/core/audit"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/entity"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/live"
	"github.com/mainstay-ops/mainstay/internal/core/signal"
	"github.com/mainstay-ops/mainstay/internal/detect"
)

// list gives alerts, the newest first, and the cursor of the next page.
func list(ctx context.Context, q bun.IDB, in *listIn) ([]row, string, error) {
	cond, args := access.Where(ctx, detect.ReadOutside, "team_id")
	var rows []row
	sel := q.NewSelect().Model(&rows).Where(cond, args...).OrderExpr("id DESC").Limit(int64(in.Limit) + 1)
	for col, v := range map[string]string{"state": in.State, "severity": in.Severity, "program": in.Program, "item": in.Item, "sender": in.Sender, "fingerprint": in.Fingerprint} {
		if v != "" {
			sel = sel.Where("? = ?", bun.Ident(col), v)
		}
	}
	if in.Q != "" {
		like := "%" + strings.NewReplacer(`\`, `\\`, "%", `\%`, "_", `\_`).Replace(strings.ToLower(in.Q)) + "%"
		sel = sel.Where(`(lower(title) LIKE ? ESCAPE '\' OR lower(name) LIKE ? ESCAPE '\' OR lower(body) LIKE ? ESCAPE '\')`, like, like, like)
	}
	if in.Cursor != "" {
		sel = sel.Where("id < ?", in.Cursor)
	}
	if err := sel.Scan(ctx); err != nil {
		return nil, "", err
	}
	next := ""
	if len(rows) > in.Limit {
		rows = rows[:in.Limit]
		next = rows[in.Limit-1].ID
	}
	return rows, next, nil
}

// maxMappings bounds the list.
const maxMappings = 500

type mappingRow struct {
	bun.BaseModel `bun:"outside_mappings"`

	Name      string    `bun:"name,pk"`
	Spec      string    `bun:"spec"`
	Version   int64     `bun:"version"`
	UpdatedAt time.Time `bun:"updated_at"`
}

func (r mappingRow) mapping() (Mapping, error) {
	m := Mapping{}
	err := json.Unmarshal([]byte(r.Spec), &m)
	m.Name = r.Name
	return m, err
}

func mappings(ctx context.Context, q bun.IDB) ([]Mapping, error) {
	var rows []mappingRow
	if err := q.NewSelect().Model(&rows).OrderExpr("name").Scan(ctx); err != nil {
		return nil, err
	}
	out := make([]Mapping, 0, len(rows))
	for _, r := range rows {
		m, err := r.mapping()
		if err != nil {
			return nil, err
		}
		out = append(out, m)
	}
	return out, nil
}

func mappingByName(ctx context.Context, q bun.IDB, name string) (Mapping, int64, error) {
	var r mappingRow
	if err := db.NotFound(q.NewSelect().Model(&r).Where("name = ?", name).Scan(ctx), "There is no such mapping."); err != nil {
		return Mapping{}, 0, err
	}
	m, err := r.mapping()
	return m, r.Version, err
}

// MapAlerts implements signal.Alerts.
func (s *Service) MapAlerts(ctx context.Context, mapping string, p signal.Payload) (signal.Read, error) {
	m, _, err := mappingByName(ctx, s.d.DB.Reader(), mapping)
	if errs.Is(err, errs.NotFound) {
		return signal.Read{}, errs.New(errs.NotFound, "There is no mapping %q. The page Outside alerts lists those that there are.", short(mapping, 64))
	}
	if err != nil {
		return signal.Read{}, err
	}
	return m.Read(p.Body, s.d.DB.Clock().Now())
}

// putMapping makes or changes a mapping.
func (s *Service) putMapping(ctx context.Context, tx *db.Tx, m Mapping) (apply.Outcome, error) {
	if _, err := m.check(); err != nil {
		return "", err
	}
	old, version, err := mappingByName(ctx, tx, m.Name)
	if err != nil && !errs.Is(err, errs.NotFound) {
		return "", err
	}
	made := err != nil
	b, err := json.Marshal(m)
	if err != nil {
		return "", err
	}
	c := audit.Change{Action: "outside.mapping.update", Ref: entity.Ref{Kind: "alert_mapping", ID: m.Name}, Name: m.Name, Before: old, After: m}
	if made {
		n, err := tx.NewSelect().Model((*mappingRow)(nil)).Count(ctx)
		if err != nil {
			return "", err
		}
		if n >= maxMappings {
			return "", errs.New(errs.Conflict, "There are %d mappings already. Remove one first.", n)
		}
		c.Action, c.Before = "outside.mapping.create", nil
	} else if was, err := json.Marshal(old); err != nil || string(was) == string(b) {
		return apply.Unchanged, err
	}
	r := mappingRow{Name: m.Name, Spec: string(b), Version: version + 1, UpdatedAt: tx.Now()}
	if _, err := tx.NewInsert().Model(&r).On("CONFLICT (name) DO UPDATE").Exec(ctx); err != nil {
		return "", err
	}
	tx.AfterCommit(func() { s.d.Live.Send(live.Note{Topic: "outside-alerts", Kind: "changed"}) })
	if err := audit.Write(ctx, tx, c); err != nil {
		return "", err
	}
	if made {
		return apply.Created, nil
	}
	return apply.Updated, nil
}

func (s *Service) removeMapping(ctx context.Context, name string) error {
	return s.d.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		before, _, err := mappingByName(ctx, tx, name)
		if err != nil {
			return err
		}
		if _, err := tx.NewRaw("DELETE FROM outside_mappings WHERE name = ?", name).Exec(ctx); err != nil {
			return err
		}
		return audit.Write(ctx, tx, audit.Change{Action: "outside.mapping.delete", Ref: entity.Ref{Kind: "alert_mapping", ID: name}, Name: name, Before: before})
	})
}
