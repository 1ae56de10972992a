package inventory

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/estate/inventory/sheet"
	"github.com/mainstay-ops/mainstay/internal/testkit"
)

// BenchmarkImport imports 20,000 new items, each with a relation.
func BenchmarkImport(b *testing.B) {
	for name, open := range map[string]func(testing.TB) *house{
		"sqlite": func(t testing.TB) *house { return newHouse(t, testkit.SQLite(t)) },
		"postgres": func(t testing.TB) *house {
			if os.Getenv("MAINSTAY_TEST_POSTGRES") == "" {
				b.Skip("no PostgreSQL")
			}
			return newHouse(t, testkit.Postgres(t))
		},
	} {
		b.Run(name, func(b *testing.B) {
			const n = 20000
			for b.Loop() {
				b.StopTimer()
				h := open(b)
				rows := make([]sheet.Row, n)
				for i := range rows {
					rows[i] = sheet.Row{
						Line: i + 2, Name: fmt.Sprintf("a%d", i), Fields: map[string]string{"kind": "host", "title": fmt.Sprint("Item number ", i)},
						Attributes: map[string]any{"serial": fmt.Sprint("SN", i)}, Relations: map[string][]string{},
					}
					if i > 200 {
						rows[i].Relations[RunsOn] = []string{fmt.Sprintf("a%d", i%200)}
					}
				}
				b.StartTimer()
				start := time.Now()
				out, err := h.svc.Import(h.ctx, rows, &sheet.Mistakes{Most: 10}, ImportOptions{})
				require.NoError(b, err)
				require.Equal(b, n, out.Created)
				b.ReportMetric(float64(n)/time.Since(start).Seconds(), "rows/s")
			}
		})
	}
}
