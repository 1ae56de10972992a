package packet

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/core/packet/capture"
	"github.com/mainstay-ops/mainstay/internal/testkit"
)

// BenchmarkDissect takes the recorded captures apart again and again.
func BenchmarkDissect(b *testing.B) {
	files, err := filepath.Glob(filepath.Join(testkit.Data(b, "captures"), "*.pcap"))
	require.NoError(b, err)
	var all []capture.Packet
	bytes := 0
	for _, name := range files {
		in, err := os.Open(name)
		require.NoError(b, err)
		r, err := capture.NewReader(in)
		require.NoError(b, err)
		for {
			p, err := r.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			require.NoError(b, err)
			c := *p
			c.Data = slices.Clone(p.Data)
			bytes += len(c.Data)
			all = append(all, c)
		}
		in.Close()
	}
	b.ReportAllocs()
	b.SetBytes(int64(bytes))
	var p Packet
	for b.Loop() {
		d := NewDissector(Limits{})
		for i := range all {
			d.Dissect(&all[i], &p)
		}
	}
	b.ReportMetric(float64(len(all)*b.N)/b.Elapsed().Seconds(), "packets/s")
}
