package alert

import (
	"context"
	"database/sql"
	"errors"
	"strings"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/respond"
)

// firing finds the alert that is on for a fingerprint, nil when there is none.
func firing(ctx context.Context, tx *db.Tx, fingerprint string) (*row, error) {
	var a row
	q := tx.NewSelect().Model(&a).Where("fingerprint = ? AND status = 'firing'", fingerprint)
	if tx.Kind() == db.Postgres {
		q = q.For("UPDATE")
	}
	err := q.Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	return &a, err
}

func byID(ctx context.Context, q bun.IDB, alertID string) (*row, error) {
	var a row
	if err := q.NewSelect().Model(&a).Where("id = ?", alertID).Scan(ctx); err != nil {
		return nil, db.NotFound(err, "There is no such alert.")
	}
	return &a, access.Check(ctx, respond.ReadAlerts, a.TeamID)
}

// filter narrows a list; empty fields do not.
type filter struct {
	Status, Severity, Item, Check, Text string
	Cursor                              string
	Limit                               int
}

// list gives alerts, the newest first, and the cursor of the next page.
func list(ctx context.Context, q bun.IDB, f filter) ([]row, string, error) {
	cond, args := access.Where(ctx, respond.ReadAlerts, "team_id")
	var rows []row
	sel := q.NewSelect().Model(&rows).Where(cond, args...).OrderExpr("id DESC").Limit(int64(f.Limit) + 1)
	for col, v := range map[string]string{"status": f.Status, "severity": f.Severity, "item": f.Item, "check_name": f.Check} {
		if v != "" {
			sel = sel.Where("? = ?", bun.Ident(col), v)
		}
	}
	if f.Text != "" {
		like := "%" + strings.NewReplacer(`\`, `\\`, "%", `\%`, "_", `\_`).Replace(strings.ToLower(f.Text)) + "%"
		sel = sel.Where(`(lower(title) LIKE ? ESCAPE '\' OR lower(output) LIKE ? ESCAPE '\')`, like, like)
	}
	if f.Cursor != "" {
		sel = sel.Where("id < ?", f.Cursor)
	}
	if err := sel.Scan(ctx); err != nil {
		return nil, "", err
	}
	if len(rows) > f.Limit {
		rows = rows[:f.Limit]
		return rows, rows[f.Limit-1].ID, nil
	}
	return rows, "", nil
}
