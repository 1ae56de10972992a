package device

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	core "github.com/mainstay-ops/mainstay/internal/core/snmp/device"
	"github.com/mainstay-ops/mainstay/internal/estate"
)

// Filter narrows the list of devices; empty fields do not.
type Filter struct {
	// Text is looked for in names and addresses.
	Text string
	// States are waiting, up, down, off.
	States []string
	// Ports is down: only devices with an interface that should work and does not.
	Ports string
}

func (f Filter) takes(b *core.Brief) bool {
	if f.Text != "" && !strings.Contains(strings.ToLower(b.Item), f.Text) && !strings.Contains(b.Address, f.Text) {
		return false
	}
	if f.Ports == "down" && b.Down == 0 {
		return false
	}
	return len(f.States) == 0 || slices.Contains(f.States, b.State)
}

// List gives devices by name, those after the name in cursor.
func (s *Service) List(ctx context.Context, f Filter, cursor string, limit int) ([]core.Brief, string, error) {
	f.Text = strings.ToLower(strings.TrimSpace(f.Text))
	all := s.briefs()
	type one struct {
		id string
		b  core.Brief
	}
	var list []one
	for id, b := range all {
		if b.Item > cursor && f.takes(&b) {
			list = append(list, one{id, b})
		}
	}
	slices.SortFunc(list, func(a, b one) int { return cmp.Compare(a.b.Item, b.b.Item) })
	out := []core.Brief{}
	for len(list) > 0 {
		part := list[:min(len(list), 500)]
		list = list[len(part):]
		ids := make([]string, len(part))
		for i := range part {
			ids[i] = part[i].id
		}
		items, err := s.items.ByIDs(ctx, s.d.DB.Reader(), ids)
		if err != nil {
			return nil, "", err
		}
		for _, o := range part {
			it, ok := items[o.id]
			if !ok || access.Check(ctx, estate.ReadItems, it.OwnerTeamID) != nil {
				continue
			}
			if len(out) == limit {
				return out, out[limit-1].Item, nil
			}
			out = append(out, o.b)
		}
	}
	return out, "", nil
}

// briefs gives all devices, those of edges too.
func (s *Service) briefs() map[string]core.Brief {
	all := s.poller.Briefs()
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, a := range s.away {
		all[id] = *a.now().Brief()
	}
	for id, item := range s.off {
		all[id] = *empty("off", item).Brief()
	}
	for id, b := range all {
		b.Watched = len(s.watched[id])
		all[id] = b
	}
	return all
}
