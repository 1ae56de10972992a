package flow

import (
	"context"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/estate"
	"github.com/mainstay-ops/mainstay/internal/observe"
)

const (
	// evidenceEvery is how often conversations are reported to the map.
	evidenceEvery = 10 * time.Minute
	firstEvidence = 20 * time.Second
	// evidenceFor is how long ago a conversation may be.
	evidenceFor = 24 * time.Hour
	// evidenceSource names traffic as the one who says so.
	evidenceSource = "flow"
	maxEvidence    = 20_000 // conversations
	maxOfItem      = 1_000  // of one client
)

type connection struct {
	client, server, service string
}

// reportConnections tells the map which items are clients of which, of what the kept
// conversations of a day know: dependencies are proposed from it.
func (s *Service) reportConnections(ctx context.Context, now time.Time) error {
	if s.network == nil || s.owners == nil {
		return nil
	}
	found := map[connection]bool{}
	_, _, err := s.scan(ctx, conversations, now.Add(-evidenceFor), now, func(_ int64, key []byte, _ sums) {
		cols := strings.Split(string(key), "\t")
		// Addresses at an edge may be those of other machines elsewhere.
		if len(cols) == columns && cols[colSide] == toServer && siteIn(cols[colExporter]) == observe.FromServer && len(found) < maxEvidence {
			found[connection{cols[colSrc], cols[colDst], cols[colService]}] = true
		}
	}, func(int64, sums) {})
	if err != nil {
		return err
	}
	l := s.labels(ctx)
	byItem := map[string][]estate.Neighbor{}
	for _, c := range slices.SortedFunc(maps.Keys(found), func(a, b connection) int {
		return strings.Compare(a.client+a.server+a.service, b.client+b.server+b.service)
	}) {
		client, server := l.itemID(c.client), l.itemID(c.server)
		_, port, _ := strings.Cut(c.service, "/")
		n, err := strconv.ParseUint(port, 10, 16)
		if client == "" || server == "" || client == server || err != nil || len(byItem[client]) >= maxOfItem {
			continue
		}
		if a, err := netip.ParseAddr(c.server); err != nil || a.IsLoopback() {
			continue
		}
		byItem[client] = append(byItem[client], estate.Neighbor{Evidence: estate.EvidenceConnection, RemoteAddress: c.server, Port: int(n)})
	}
	for item := range s.evident {
		if byItem[item] == nil {
			byItem[item] = []estate.Neighbor{} // it connects to nobody any more
		}
	}
	if len(byItem) == 0 {
		return nil
	}
	evident := map[string]bool{}
	for _, item := range slices.Sorted(maps.Keys(byItem)) {
		its, err := s.items.ByIDs(ctx, s.d.DB.Reader(), []string{item})
		if err != nil {
			return err
		}
		if _, there := its[item]; !there {
			continue
		}
		err = s.d.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
			return s.network.Report(ctx, tx, estate.NetworkView{ItemID: item, Source: evidenceSource, At: now, Neighbors: byItem[item]})
		})
		if err != nil {
			return err
		}
		if len(byItem[item]) > 0 {
			evident[item] = true
		}
	}
	if maps.Equal(evident, s.evident) {
		return nil
	}
	s.evident = evident
	return s.d.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error { return writeState(ctx, tx, "evident", evident) })
}
