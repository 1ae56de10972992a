package inventory

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/core/audit"
	"github.com/mainstay-ops/mainstay/internal/core/entity"
	"github.com/mainstay-ops/mainstay/internal/estate"
)

// facts lists the outbox.
func (h *house) facts() []estate.ItemChanged {
	var rows []struct{ Name, Data string }
	require.NoError(h.t, h.db.Reader().NewRaw("SELECT name, data FROM events ORDER BY seq").Scan(h.ctx, &rows))
	out := []estate.ItemChanged{}
	for _, r := range rows {
		require.Equal(h.t, "estate.item_changed", r.Name)
		var f estate.ItemChanged
		require.NoError(h.t, json.Unmarshal([]byte(r.Data), &f))
		out = append(out, f)
	}
	return out
}

func TestEveryChangeIsToldAndWrittenDown(t *testing.T) {
	eachDatabase(t, func(t *testing.T, h *house) {
		ids := h.items("a", "b")
		steps := []struct {
			do     func() error
			action string
			fact   estate.ItemChanged
		}{
			{func() error { _, err := h.svc.Update(h.ctx, "a", "", Fields{Title: ptr("A")}); return err }, "item.update", estate.ItemChanged{ItemID: ids["a"], Name: "a"}},
			{func() error { _, err := h.svc.Relate(h.ctx, "a", DependsOn, "b"); return err }, "item.relate", estate.ItemChanged{ItemID: ids["a"], Name: "a"}},
			{func() error { return h.svc.Unrelate(h.ctx, "a", DependsOn, "b") }, "item.relate", estate.ItemChanged{ItemID: ids["a"], Name: "a"}},
			{func() error { _, err := h.svc.Update(h.ctx, "a", "", Fields{Name: ptr("c")}); return err }, "item.update", estate.ItemChanged{ItemID: ids["a"], Name: "c"}},
			{func() error { return h.svc.Delete(h.ctx, "c", "") }, "item.delete", estate.ItemChanged{ItemID: ids["a"], Name: "c", Removed: true}},
		}
		for n, s := range steps {
			require.NoError(t, s.do())
			fs := h.facts()
			require.Len(t, fs, 2+n+1)
			require.Equal(t, s.fact, fs[len(fs)-1])
			es, err := audit.List(h.ctx, h.db.Reader(), audit.Filter{Ref: entity.Ref{Kind: estate.ItemKind, ID: ids["a"]}, Limit: 50})
			require.NoError(t, err)
			require.Len(t, es, 1+n+1)
			require.Equal(t, s.action, es[0].Action)
		}

		// What changes nothing is not told.
		n := len(h.facts())
		_, err := h.svc.Update(h.ctx, "b", "", Fields{Description: ptr("")})
		require.NoError(t, err)
		require.Len(t, h.facts(), n)
		// b remembers what was tied to it.
		es, _, err := history(h.ctx, h.db.Reader(), ids["b"], "", 50, period{})
		require.NoError(t, err)
		require.Len(t, es, 3)
		require.Equal(t, "used_by", es[0].Field)
	})
}
