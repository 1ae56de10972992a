package dashboard

import (
	"context"
	"encoding/json"
	"time"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
)

type row struct {
	bun.BaseModel `bun:"dashboards"`

	Name      string    `bun:"name,pk"`
	Title     string    `bun:"title"`
	Spec      string    `bun:"spec"`
	Version   int64     `bun:"version"`
	UpdatedBy string    `bun:"updated_by"`
	CreatedAt time.Time `bun:"created_at"`
	UpdatedAt time.Time `bun:"updated_at"`
}

type shareRow struct {
	bun.BaseModel `bun:"dashboard_shares"`

	ID         string     `bun:"id,pk"`
	Dashboard  string     `bun:"dashboard"`
	TokenHash  string     `bun:"token_hash"`
	Note       string     `bun:"note"`
	CreatedBy  string     `bun:"created_by"`
	CreatedAt  time.Time  `bun:"created_at"`
	ExpiresAt  *time.Time `bun:"expires_at"`
	LastUsedAt *time.Time `bun:"last_used_at"`
}

// View is a dashboard as it stands.
type View struct {
	Spec
	// Shipped came with Mainstay: it can be copied and not changed.
	Shipped   bool      `json:"shipped"`
	Version   int64     `json:"version"`
	UpdatedBy string    `json:"updated_by,omitempty"`
	UpdatedAt time.Time `json:"updated_at,omitzero"`
}

// Brief is a dashboard in a list.
type Brief struct {
	Name        string    `json:"name"`
	Title       string    `json:"title"`
	Description string    `json:"description,omitempty"`
	Shipped     bool      `json:"shipped"`
	Panels      int       `json:"panels"`
	UpdatedBy   string    `json:"updated_by,omitempty"`
	UpdatedAt   time.Time `json:"updated_at,omitzero"`
}

func (v *View) brief() Brief {
	return Brief{Name: v.Name, Title: v.Title, Description: v.Description, Shipped: v.Shipped, Panels: len(v.Panels), UpdatedBy: v.UpdatedBy, UpdatedAt: v.UpdatedAt}
}

func (r *row) view() (*View, error) {
	v := &View{Version: r.Version, UpdatedBy: r.UpdatedBy, UpdatedAt: r.UpdatedAt.UTC()}
	if err := json.Unmarshal([]byte(r.Spec), &v.Spec); err != nil {
		return nil, err
	}
	v.Name = r.Name
	return v, nil
}

func noSuch(name string) error {
	return errs.New(errs.NotFound, "There is no dashboard %q.", name)
}

// load reads a dashboard, a shipped one too.
func load(ctx context.Context, q bun.IDB, name string) (*View, error) {
	if v := shippedNamed(name); v != nil {
		return v, nil
	}
	var r row
	if err := q.NewSelect().Model(&r).Where("name = ?", name).Scan(ctx); err != nil {
		return nil, db.NotFound(err, "There is no dashboard %q.", name)
	}
	return r.view()
}
