package address

import (
	"context"
	"net/netip"

	"github.com/uptrace/bun"
)

// Prefixes implements estate.Prefixes.
func (s *Service) Prefixes(ctx context.Context, q bun.IDB) ([]netip.Prefix, error) {
	var texts []string
	if err := q.NewRaw("SELECT prefix FROM address_prefixes WHERE vrf = '' AND status <> ?", container).Scan(ctx, &texts); err != nil {
		return nil, err
	}
	out := make([]netip.Prefix, 0, len(texts))
	for _, t := range texts {
		if p, err := netip.ParsePrefix(t); err == nil {
			out = append(out, p.Masked())
		}
	}
	return out, nil
}
