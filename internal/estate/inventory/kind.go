package inventory

import (
	"context"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/estate/inventory/kind"
)

// Kind says what sort of thing an item is.
type Kind = kind.Kind

// RelationType joins two items. "a <Name> b" is stored; "b <Inverse> a" is how b
// shows it.
type RelationType = kind.Relation

// The built-in relation types.
const (
	DependsOn  = kind.DependsOn
	RunsOn     = kind.RunsOn
	PartOf     = kind.PartOf
	ConnectsTo = kind.ConnectsTo
	MemberOf   = kind.MemberOf
)

// model gives the kinds and relation types as q sees them.
func (s *Service) model(ctx context.Context, q bun.IDB) (*kind.Model, error) {
	return s.kinds.Get(ctx, q)
}

func short(s string) string {
	if r := []rune(s); len(r) > 100 {
		return string(r[:100]) + "…"
	}
	return s
}
