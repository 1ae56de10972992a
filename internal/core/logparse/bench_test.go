package logparse_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mainstay-ops/mainstay/internal/core/logparse"
	"github.com/mainstay-ops/mainstay/internal/testkit"
)

func BenchmarkParse(b *testing.B) {
	root := filepath.Join(testkit.Shared(b, "syslog"), "crowdsec")
	files, err := filepath.Glob(filepath.Join(root, "*", "*.log"))
	if err != nil {
		b.Fatal(err)
	}
	var all []string
	sets := map[string][]string{}
	for _, f := range files {
		raw, err := os.ReadFile(f)
		if err != nil {
			b.Fatal(err)
		}
		lines := strings.Split(strings.TrimSpace(string(raw)), "\n")
		all = append(all, lines...)
		sets[filepath.Base(filepath.Dir(f))] = lines
	}
	run := func(name string, lines []string) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				for _, l := range lines {
					logparse.Parse(l, now)
				}
			}
			b.ReportMetric(float64(len(lines))*float64(b.N)/b.Elapsed().Seconds(), "lines/s")
		})
	}
	run("all", all)
	run("access", sets["http-dos-random-uri"])
	run("sshd", sets["sshd-logs"])
	run("logfmt", sets["tcpudp-flood-traefik"])
	run("json", sets["caddy-logs"])
	run("text", []string{"2024-05-06 07:08:09.123 INFO worker started 12 jobs for tenant acme in 30 ms"})
}
