package flow

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/audit"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/estate"
	"github.com/mainstay-ops/mainstay/internal/testkit"
)

// known are items by their address; the id is the name.
type known struct {
	estate.Items
	estate.Network
	items map[string]string
	views []estate.NetworkView
}

func (k *known) ItemAt(_ context.Context, _ bun.IDB, address string) (string, error) {
	if id := k.items[address]; id != "" {
		return id, nil
	}
	return "", errs.New(errs.NotFound, "There is none.")
}

func (k *known) ByIDs(_ context.Context, _ bun.IDB, ids []string) (map[string]estate.Item, error) {
	out := map[string]estate.Item{}
	for _, id := range ids {
		out[id] = estate.Item{ID: id, Name: id}
	}
	return out, nil
}

func (k *known) Report(_ context.Context, _ *db.Tx, v estate.NetworkView) error {
	k.views = append(k.views, v)
	return nil
}

func TestConversationsAreEvidence(t *testing.T) {
	t.Parallel()
	testkit.Databases(t, func(t *testing.T, d *db.DB) {
		require.NoError(t, d.Migrate(t.Context(), []db.Migrations{audit.Migrations(), {Module: "observe.flow", FS: migrations}}))
		s := service0(t, d)
		k := &known{items: map[string]string{"10.0.0.1": "shop-web", "10.0.1.1": "shop-db"}}
		s.items, s.owners, s.network, s.evident = k, k, k, map[string]bool{}
		now := s.now()
		at := now.Unix() / 60 * 60
		for tier := range s.written {
			s.written[tier].Store(at)
		}
		m := s.minuteOf(at)
		there := sample("10.0.0.1", "10.0.1.1", 5000)
		back := there.back()
		stranger := sample("10.0.0.9", "10.0.1.1", 5000)
		for _, r := range []record{there, back, stranger} {
			m.count(&r)
		}
		require.NoError(t, s.reportConnections(t.Context(), now.Add(time.Second)))
		require.Len(t, k.views, 1, "of the client only, and of items only")
		v := k.views[0]
		require.Equal(t, "shop-web", v.ItemID)
		require.Equal(t, "flow", v.Source)
		require.Equal(t, []estate.Neighbor{{Evidence: estate.EvidenceConnection, RemoteAddress: "10.0.1.1", Port: 443}}, v.Neighbors)
		require.Nil(t, v.Addresses, "it says nothing of addresses")

		// A day later they do not talk any more.
		delete(s.minutes, at)
		require.NoError(t, s.reportConnections(t.Context(), now.Add(time.Second)))
		require.Len(t, k.views, 2)
		require.Empty(t, k.views[1].Neighbors)
		require.NotNil(t, k.views[1].Neighbors)
		require.Empty(t, s.evident)
	})
}
