package flow

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/core/audit"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	netflow "github.com/mainstay-ops/mainstay/internal/core/flow"
	"github.com/mainstay-ops/mainstay/internal/core/logdb"
	"github.com/mainstay-ops/mainstay/internal/core/signal"
	"github.com/mainstay-ops/mainstay/internal/observe/flow/unusual"
	"github.com/mainstay-ops/mainstay/internal/testkit"
)

// datagram5 is 30 records of NetFlow 5 between 4,000 clients and 200 servers.
func datagram5(b []byte, n int) []byte {
	be := binary.BigEndian
	b = append(b[:0], make([]byte, 24+30*48)...)
	be.PutUint16(b, 5)
	be.PutUint16(b[2:], 30)
	be.PutUint32(b[4:], 3_600_000)
	be.PutUint32(b[8:], uint32(time.Now().Unix()))
	be.PutUint32(b[16:], uint32(n*30))
	for i := range 30 {
		r := b[24+48*i:]
		k := n*30 + i
		copy(r, []byte{10, 0, byte(k * 7 % 16), byte(k * 13)})
		copy(r[4:], []byte{192, 0, 2, byte(k % 200)})
		be.PutUint16(r[12:], uint16(1+k%8))
		be.PutUint16(r[14:], 9)
		be.PutUint32(r[16:], uint32(1+k%100))
		be.PutUint32(r[20:], uint32(100+k%100_000))
		be.PutUint32(r[24:], 3_590_000)
		be.PutUint32(r[28:], 3_599_000)
		be.PutUint16(r[32:], uint16(32768+k%20_000))
		be.PutUint16(r[34:], []uint16{443, 80, 53, 5432, 445}[k%5])
		r[37], r[38] = 27, 6
	}
	return b
}

// BenchmarkStore takes datagrams, stores their records and counts them: all that the
// server does, but for the socket.
func BenchmarkStore(b *testing.B) {
	d := testkit.SQLite(b)
	s := service0(b, d)
	s.decoder = netflow.NewDecoder(netflow.Limits{})
	s.exporters.m = map[origin]*exporter{}
	s.wake = make(chan struct{}, 1)
	s.judge.engine = unusual.New(unusual.Defaults())
	st, err := logdb.Open(logdb.Options{Name: "flows", Dir: b.TempDir(), Retention: 48 * time.Hour})
	require.NoError(b, err)
	defer st.Close()
	s.store.Store(st)
	w := &writer{texts: newTexts()}
	from := signal.Source{Protocol: "netflow", Address: netip.MustParseAddr("192.0.2.1")}
	var buf []byte
	b.ResetTimer()
	for i := range b.N {
		buf = datagram5(buf, i)
		if _, err := s.TakeFlowReport(b.Context(), from, signal.FlowReport{Bytes: buf}); err != nil {
			b.Fatal(err)
		}
		if i%300 == 299 {
			s.drain(st, w)
		}
	}
	s.drain(st, w)
	b.StopTimer()
	require.Zero(b, s.dropped.Load())
	b.ReportMetric(float64(s.stored.Load())/b.Elapsed().Seconds(), "records/s")
	require.NoError(b, st.Flush())
	f, err := parseFilters([]string{"dst:192.0.2.0/25", "!app:dns"})
	require.NoError(b, err)
	s.opts.Retention = 48 * time.Hour
	began := time.Now()
	a, err := s.top(b.Context(), question{by: []*dimension{dimensionOf("src")}, filters: f, from: began.Add(-time.Hour), to: began, metric: "bytes", limit: 20, source: fromRecords})
	require.NoError(b, err)
	require.Len(b, a.rows, 20)
	b.ReportMetric(float64(time.Since(began).Milliseconds()), "ms/filter")
}

// BenchmarkTop asks for the top talkers of a day that had 100 million records, and for
// those of one application, out of sums.
func BenchmarkTop(b *testing.B) {
	d := testkit.SQLite(b)
	require.NoError(b, d.Migrate(b.Context(), []db.Migrations{audit.Migrations(), {Module: "observe.flow", FS: migrations}}))
	s := service0(b, d)
	s.opts.Retention = 3 * 24 * time.Hour
	now := s.now().Unix() / 60 * 60
	for t := range s.written {
		s.written[t].Store((now - 86400) / span[t] * span[t])
	}
	apps := []service{{6, 443}, {6, 80}, {17, 53}, {6, 5432}, {6, 445}}
	for at := now - 86400; at < now; at += 60 {
		m := newMinute(at)
		for i := range 3000 { // different conversations of the minute; each stands for 23 records
			k := int(at)/60 + i
			r := sample(fmt.Sprintf("10.0.%d.%d", i*7%16, k*13%256), fmt.Sprintf("192.0.2.%d", k%200), uint64(1000+k%100_000))
			r.service = apps[k%5]
			r.app = appOf(r.service)
			m.add(&r, sums{r.Bytes * 23, r.Packets * 23, 23})
		}
		require.NoError(b, s.saveMinutes(b.Context(), []*minute{m}, at+60))
		s.written[tierMinute].Store(at + 60)
	}
	f, err := parseFilters([]string{"app:https"})
	require.NoError(b, err)
	for name, q := range map[string]question{
		"sums":          {by: []*dimension{dimensionOf("src")}},
		"conversations": {by: []*dimension{dimensionOf("src")}, filters: f},
	} {
		q.from, q.to, q.metric, q.limit = time.Unix(now-86400, 0), time.Unix(now, 0), "bytes", 20
		b.Run(name, func(b *testing.B) {
			for range b.N {
				a, err := s.top(b.Context(), q)
				require.NoError(b, err)
				require.Len(b, a.rows, 20)
			}
		})
	}
}
