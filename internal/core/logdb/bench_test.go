package logdb

import (
	"fmt"
	"testing"
	"time"
)

// BenchmarkWrite stores lines of about 120 bytes in batches of 1,000, synced to disk.
func BenchmarkWrite(b *testing.B) {
	s, err := Open(Options{Name: "logs", Dir: b.TempDir(), MinFree: 1})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	rows := make([]Row, 1000)
	n := 0
	now := time.Now()
	b.ReportAllocs()
	for b.Loop() {
		for i := range rows {
			n++
			rows[i] = line(now.Add(time.Duration(n)), fmt.Sprintf("web%d", n%4),
				fmt.Sprintf("10.0.%d.%d - - \"GET /api/items/%d HTTP/1.1\" 200 %d \"Mozilla/5.0 (X11; Linux x86_64)\"", n%256, n/7%256, n, n%9000),
				Field{Name: "level", Value: "info"}, Field{Name: "status", Value: "200"})
		}
		if _, err := s.Write(rows); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "rows/s")
}
