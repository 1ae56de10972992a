package inventory

import (
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
)

// Two relations that are fine alone must not close a circle together, and the
// index must end as the tables do.
func TestRelationsMadeAtTheSameMoment(t *testing.T) {
	eachDatabase(t, func(t *testing.T, h *house) {
		const n = 6
		ids := map[string]string{}
		for i := range n {
			name := fmt.Sprintf("n%d", i)
			ids[name] = h.item(name, "host").ID
		}
		var wg sync.WaitGroup
		failed := make([]error, n)
		for i := range n {
			wg.Go(func() {
				_, failed[i] = h.svc.Relate(h.ctx, fmt.Sprintf("n%d", i), DependsOn, fmt.Sprintf("n%d", (i+1)%n))
			})
		}
		wg.Wait()
		refused := 0
		for _, err := range failed {
			if err != nil {
				require.True(t, errs.Is(err, errs.Invalid), "%v", err)
				refused++
			}
		}
		require.Equal(t, 1, refused, "exactly the last one closes the circle")
		again := newGraph()
		require.NoError(t, again.load(h.ctx, h.db))
		for _, itemID := range ids {
			a, _ := h.svc.graph.reach([]string{itemID}, walk{limit: maxReached})
			b, _ := again.reach([]string{itemID}, walk{limit: maxReached})
			require.Equal(t, lines(b), lines(a))
		}
	})
}
