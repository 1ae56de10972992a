package flow

import (
	"context"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/core/audit"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	netflow "github.com/mainstay-ops/mainstay/internal/core/flow"
	"github.com/mainstay-ops/mainstay/internal/core/logdb"
	"github.com/mainstay-ops/mainstay/internal/observe"
	"github.com/mainstay-ops/mainstay/internal/observe/flow/unusual"
	"github.com/mainstay-ops/mainstay/internal/testkit"
)

// restart makes the service anew on what is stored.
func restart(t *testing.T, d *db.DB, st *logdb.Store) *Service {
	t.Helper()
	s := service0(t, d)
	s.judge.engine = unusual.New(unusual.Defaults())
	s.exporters.m = map[origin]*exporter{}
	s.store.Store(st)
	require.NoError(t, s.loadWritten(t.Context()))
	require.NoError(t, s.recount(t.Context(), st))
	return s
}

// counted is what sums and records know.
func counted(t *testing.T, s *Service) (bySums, byRecords uint64) {
	t.Helper()
	require.NoError(t, s.store.Load().Flush())
	now := s.now()
	for _, source := range []string{fromSums, fromRecords} {
		a, err := s.top(t.Context(), question{by: []*dimension{dimensionOf(fEdge)}, from: now.Add(-2 * time.Hour), to: now.Add(time.Minute), metric: "flows", limit: 20, source: source})
		require.NoError(t, err)
		require.LessOrEqual(t, len(a.rows), 1)
		for _, r := range a.rows {
			require.Equal(t, []string{"branch"}, r.keys)
			if source == fromSums {
				bySums = r.flows
			} else {
				byRecords = r.flows
			}
		}
	}
	return bySums, byRecords
}

// A delivery breaks off after its records were stored and before it was noted. It comes
// again after the start: each record is stored once and counted once, those of minutes
// that are over and those that were counted again at the start.
func TestADeliveryThatBrokeOff(t *testing.T) {
	t.Parallel()
	testkit.Databases(t, func(t *testing.T, d *db.DB) {
		require.NoError(t, d.Migrate(t.Context(), []db.Migrations{audit.Migrations(), {Module: "observe.flow", FS: migrations}}))
		st, err := logdb.Open(logdb.Options{Name: "flows", Dir: t.TempDir(), Retention: 48 * time.Hour, MaxRows: maxRows})
		require.NoError(t, err)
		defer st.Close()
		s := restart(t, d, st)
		now := s.now()
		s.written[tierMinute].Store(now.Unix()/60*60 - 120)
		require.NoError(t, s.d.DB.InTx(t.Context(), func(ctx context.Context, tx *db.Tx) error {
			return writeState(ctx, tx, "written", s.writtenWith(tierMinute, s.written[tierMinute].Load()))
		}))
		var rs []record
		for i := range 8 {
			at := now.Add(time.Duration(i))
			if i < 3 {
				at = now.Add(-10*time.Minute + time.Duration(i)) // a minute that is over
			}
			f := netflow.Flow{Src: netip.MustParseAddr("10.0.0.1"), Dst: netip.MustParseAddr("10.0.0.2"), DstPort: 443, Protocol: 6, Bytes: 1000, Packets: 1}
			rs = append(rs, record{Flow: f, at: at, exporter: origin{"branch", netip.MustParseAddr("10.0.0.9")}, version: netflow.NetFlow9, service: service{6, 443}, app: "https"})
		}
		one := func() *delivery {
			return &delivery{edge: "branch", number: observe.Delivery{Boot: "b", Seq: 7}, records: append([]record(nil), rs...)}
		}
		w := &writer{texts: newTexts(), edges: map[string]*taken{}}
		for i := range rs[:6] { // the last two were not written
			_, err := st.Write([]logdb.Row{w.texts.row(&rs[i], nil)})
			require.NoError(t, err)
		}
		require.NoError(t, st.Flush())

		s = restart(t, d, st)
		require.NoError(t, s.takePlaced(t.Context(), st, w, one()))
		sums, records := counted(t, s)
		require.EqualValues(t, 8, records)
		require.EqualValues(t, 8, sums)

		// Once more, here and after another start: it was taken.
		require.NoError(t, s.takePlaced(t.Context(), st, w, one()))
		s = restart(t, d, st)
		require.NoError(t, s.takePlaced(t.Context(), st, &writer{texts: newTexts(), edges: map[string]*taken{}}, one()))
		sums, records = counted(t, s)
		require.EqualValues(t, 8, records)
		require.EqualValues(t, 8, sums)
	})
}
