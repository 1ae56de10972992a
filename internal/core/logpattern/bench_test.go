package logpattern

import (
	"bytes"
	"os"
	"testing"
)

func BenchmarkX(b *testing.B) {
	var lines [][]byte
	for _, sys := range []string{"HDFS", "Hadoop", "Zookeeper", "BGL", "Linux", "Apache", "OpenSSH", "HPC"} {
		raw, _ := os.ReadFile("/work/shared/data/loghub/" + sys + "/" + sys + "_2k.log")
		lines = append(lines, bytes.Split(raw, []byte("\n"))...)
	}
	m := New(Config{})
	b.ReportAllocs()
	for b.Loop() {
		for _, l := range lines {
			m.Add(l)
		}
	}
	b.ReportMetric(float64(len(lines))*float64(b.N)/b.Elapsed().Seconds(), "lines/s")
}
