package logpattern

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"sort"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/testkit"
)

var _ = regexp.MustCompile

func TestDebug(t *testing.T) {
	_ = testkit.Missing
	for _, sys := range []string{"HDFS", "Hadoop", "Zookeeper", "BGL", "Linux", "Apache", "OpenSSH", "HPC"} {
		dir := "/work/shared/data/loghub/" + sys
		f, err := os.Open(filepath.Join(dir, sys+"_2k.log_structured_corrected.csv"))
		require.NoError(t, err)
		rows, err := csv.NewReader(f).ReadAll()
		require.NoError(t, err)
		col := map[string]int{}
		for i, h := range rows[0] {
			col[h] = i
		}
		raw, _ := os.ReadFile(filepath.Join(dir, sys+"_2k.log"))
		lines := bytes.Split(bytes.TrimRight(raw, "\n"), []byte("\n"))
		for mode := 0; mode < 2; mode++ {
			m := New(Config{})
			var ms []Match
			if mode == 1 {
				m.Learn(lines[:1000])
			}
			bad := 0
			for i, r := range rows[1:] {
				if mode == 0 {
					ms = append(ms, m.AddString(r[col["Content"]]))
				} else {
					ms = append(ms, m.Add(lines[i]))
					if string(m.Message(lines[i])) != strings.TrimSpace(r[col["Content"]]) {
						if bad++; bad < 4 && os.Getenv("V") != "" {
							fmt.Printf("HEADER %q want %q\n", m.Message(lines[i]), r[col["Content"]])
						}
					}
				}
			}
			truth := map[string][]int{}
			pred := map[string][]int{}
			ptext := map[string]string{}
			pa := 0
			for i, r := range rows[1:] {
				e := strings.Join(strings.Fields(r[col["EventTemplate"]]), " ")
				truth[e] = append(truth[e], i)
				n := ms[i].Now()
				pred[n.ID] = append(pred[n.ID], i)
				ptext[n.ID] = n.Template
				if n.Template == e {
					pa++
				}
			}
			ga := 0
			C := 0
			type miss struct {
				n   int
				txt string
			}
			var missed []miss
			for e, g := range truth {
				ids := map[string]int{}
				for _, i := range g {
					ids[ms[i].Now().ID]++
				}
				if len(ids) == 1 && len(pred[ms[g[0]].Now().ID]) == len(g) {
					ga += len(g)
					C++
				} else {
					s := ""
					for id, n := range ids {
						s += fmt.Sprintf("\n      %d/%d %s", n, len(pred[id]), ptext[id])
						if len(s) > 900 {
							break
						}
					}
					missed = append(missed, miss{len(g), fmt.Sprintf("%d %s%s", len(g), e, s)})
				}
			}
			fga := 2 * float64(C) / float64(len(pred)+len(truth))
			fmt.Printf("%-10s mode %d GA %.4f FGA %.4f PA %.4f groups %d/%d header-bad %d\n", sys, mode, float64(ga)/2000, fga, float64(pa)/2000, len(pred), len(truth), bad)
			sort.Slice(missed, func(i, j int) bool { return missed[i].n > missed[j].n })
			if os.Getenv("V") == fmt.Sprint(mode) {
				for i, x := range missed {
					if i < 8 {
						fmt.Println("   ", x.txt)
					}
				}
			}
		}
	}
}
