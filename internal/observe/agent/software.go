package agent

import (
	"context"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/observe"
)

// WithPackage implements observe.Software. It counts an item once, whatever the
// number of versions on it.
func (s *Service) WithPackage(ctx context.Context, q bun.IDB, name string, limit int) ([]observe.Installed, error) {
	var out []observe.Installed
	err := q.NewRaw("SELECT a.item_id, MAX(f.version) AS version FROM agent_facts f JOIN agents a ON a.id = f.agent_id WHERE f.kind = ? AND f.name = ? AND a.item_id <> '' AND a.revoked_at IS NULL GROUP BY a.item_id ORDER BY a.item_id LIMIT ?", kindPackage, name, limit).Scan(ctx, &out)
	return out, err
}
