package logparse

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestDebug(t *testing.T) {
	root := "/work/shared/data/syslog/crowdsec"
	files, _ := filepath.Glob(root + "/*/*.log")
	now := time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
	tot, got := 0, 0
	for _, f := range files {
		raw, _ := os.ReadFile(f)
		lines := strings.Split(string(raw), "\n")
		formats := map[string]int{}
		for _, l := range lines {
			if strings.TrimSpace(l) == "" {
				continue
			}
			p := Parse(l, now)
			formats[p.Format]++
		}
		dir := filepath.Base(filepath.Dir(f))
		line := fmt.Sprintf("%-32s %v", dir, formats)
		ex, err := os.ReadFile(filepath.Join(filepath.Dir(f), "expected.json"))
		if err == nil {
			var e struct {
				Lines []struct {
					Line   int
					Fields map[string]string
					Meta   map[string]string
				}
			}
			require.NoError(t, json.Unmarshal(ex, &e))
			miss := map[string]string{}
			n, ok := 0, 0
			for _, x := range e.Lines {
				p := Parse(lines[x.Line-1], now)
				have := map[string]bool{p.Host: true, p.App: true, p.PID: true, p.Message: true, p.Level: true}
				for _, fl := range p.Fields {
					have[fl.Value] = true
				}
				check := func(k, v string) {
					if v == "" || v == "-" || skip[k] {
						return
					}
					n++
					if have[v] {
						ok++
					} else {
						miss[k] = v
					}
				}
				for k, v := range x.Fields {
					check(k, v)
				}
				for _, k := range []string{"source_ip", "target_user", "http_status", "http_path", "http_verb"} {
					check(k, x.Meta[k])
				}
			}
			tot += n
			got += ok
			line += fmt.Sprintf(" %d/%d", ok, n)
			var ks []string
			for k := range miss {
				ks = append(ks, k)
			}
			sort.Strings(ks)
			for _, k := range ks {
				v := miss[k]
				if len(v) > 60 {
					v = v[:60]
				}
				line += fmt.Sprintf("\n      %s=%q", k, v)
			}
		}
		fmt.Println(line)
	}
	fmt.Println("TOTAL", got, tot)
}

var skip = map[string]bool{"timestamp": true, "time_local": true, "program": true, "static_ressource": true, "impact_completion": true, "file_dir": true, "file_frag": true, "file_name": true, "file_ext": true}
