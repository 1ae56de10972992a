package logpattern_test

import (
	"bytes"
	"encoding/csv"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/core/logpattern"
	"github.com/mainstay-ops/mainstay/internal/testkit"
)

// drain is the grouping accuracy of Drain on the corrected truth, as the README of the
// data gives it.
var drain = []struct {
	system string
	ga     float64
}{
	{"HDFS", .9975}, {"Hadoop", .9475}, {"Zookeeper", .9665}, {"BGL", .9625},
	{"Linux", .8760}, {"Apache", 1}, {"OpenSSH", .7890}, {"HPC", .8870},
}

type labelled struct {
	raw, content [][]byte
	truth        []string
}

func load(t testing.TB, system string) labelled {
	t.Helper()
	dir := filepath.Join(testkit.Shared(t, "loghub"), system)
	f, err := os.Open(filepath.Join(dir, system+"_2k.log_structured_corrected.csv"))
	require.NoError(t, err)
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	require.NoError(t, err)
	var l labelled
	content, event := -1, -1
	for i, h := range rows[0] {
		switch h {
		case "Content":
			content = i
		case "EventTemplate":
			event = i
		}
	}
	for _, r := range rows[1:] {
		l.content = append(l.content, []byte(r[content]))
		l.truth = append(l.truth, strings.Join(strings.Fields(r[event]), " "))
	}
	raw, err := os.ReadFile(filepath.Join(dir, system+"_2k.log"))
	require.NoError(t, err)
	l.raw = bytes.Split(bytes.TrimRight(raw, "\n"), []byte("\n"))
	require.Len(t, l.raw, 2000)
	require.Len(t, l.truth, 2000)
	return l
}

// score gives grouping accuracy, F1 of grouping and parsing accuracy as the README of
// the data defines them.
func score(truth, group, text []string) (ga, fga, pa float64) {
	want, got := map[string][]int{}, map[string][]int{}
	for i := range truth {
		want[truth[i]] = append(want[truth[i]], i)
		got[group[i]] = append(got[group[i]], i)
		if strings.Join(strings.Fields(text[i]), " ") == truth[i] {
			pa++
		}
	}
	lines, exact := 0, 0
	for _, set := range want {
		g := got[group[set[0]]]
		same := len(g) == len(set)
		for k := 0; same && k < len(g); k++ {
			same = g[k] == set[k]
		}
		if same {
			lines += len(set)
			exact++
		}
	}
	n := float64(len(truth))
	return float64(lines) / n, 2 * float64(exact) / float64(len(want)+len(got)), pa / n
}

// TestScorer holds the scorer to the figures that the README gives for a simple rule.
func TestScorer(t *testing.T) {
	for system, want := range map[string][3]float64{"HDFS": {.9975, .8667, .9585}, "Linux": {.1785, .8571, .1230}, "OpenSSH": {.3900, .1748, .1085}} {
		l := load(t, system)
		var text []string
		for _, c := range l.content {
			w := strings.Fields(string(c))
			for i := range w {
				if strings.ContainsAny(w[i], "0123456789") {
					w[i] = "<*>"
				}
			}
			text = append(text, strings.Join(w, " "))
		}
		ga, fga, pa := score(l.truth, text, text)
		require.InDeltaSlice(t, want[:], []float64{ga, fga, pa}, 0.0001, system)
	}
}

func mine(m *logpattern.Miner, lines [][]byte) (ids, texts []string) {
	var ms []logpattern.Match
	for _, l := range lines {
		ms = append(ms, m.Add(l))
	}
	for _, k := range ms {
		k = k.Now()
		ids, texts = append(ids, k.ID), append(texts, k.Template)
	}
	return ids, texts
}

// TestGroupingAccuracy runs one default configuration over all systems, once with the
// message alone and once with the raw lines.
func TestGroupingAccuracy(t *testing.T) {
	var mean [2]float64
	t.Log("system     input    GA     FGA    PA")
	for _, d := range drain {
		l := load(t, d.system)
		for i, in := range []struct {
			name  string
			lines [][]byte
		}{{"message", l.content}, {"raw", l.raw}} {
			m := logpattern.New(logpattern.Config{})
			m.Learn(in.lines[:1000])
			ids, texts := mine(m, in.lines)
			ga, fga, pa := score(l.truth, ids, texts)
			t.Logf("%-10s %-8s %.4f %.4f %.4f", d.system, in.name, ga, fga, pa)
			mean[i] += ga / float64(len(drain))
			require.GreaterOrEqual(t, ga, 0.85, d.system)
			require.GreaterOrEqual(t, ga, d.ga, "%s: Drain is better", d.system)

			again := logpattern.New(logpattern.Config{})
			again.Learn(in.lines[:1000])
			same, _ := mine(again, in.lines)
			require.Equal(t, ids, same, "two runs differ")
		}
	}
	t.Logf("mean       message  %.4f, raw %.4f", mean[0], mean[1])
	require.GreaterOrEqual(t, mean[0], 0.95)
	require.GreaterOrEqual(t, mean[1], 0.95)
}

func BenchmarkAdd(b *testing.B) {
	var lines [][]byte
	for _, d := range drain {
		lines = append(lines, load(b, d.system).raw...)
	}
	m := logpattern.New(logpattern.Config{})
	b.ReportAllocs()
	for b.Loop() {
		for _, l := range lines {
			m.Add(l)
		}
	}
	b.ReportMetric(float64(len(lines))*float64(b.N)/b.Elapsed().Seconds(), "lines/s")
}

// BenchmarkAddNew is the worst case: every line has a word that was never seen.
func BenchmarkAddNew(b *testing.B) {
	m := logpattern.New(logpattern.Config{})
	line := []byte("session opened for user aaaaaaaa by the login service of the host after a check of the password")
	i := 0
	for b.Loop() {
		for k, n := 24, i; k < 32; k, n = k+1, n/26 {
			line[k] = byte('a' + n%26)
		}
		i++
		m.Add(line)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "lines/s")
}
