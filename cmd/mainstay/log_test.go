package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func runLog(t *testing.T, args ...string) (int, string, string) {
	t.Helper()
	var out, errOut bytes.Buffer
	code := run(append([]string{"log"}, args...), &out, &errOut)
	return code, out.String(), errOut.String()
}

func TestLogPatterns(t *testing.T) {
	f := filepath.Join(t.TempDir(), "x.log")
	var b strings.Builder
	for i := range 1500 {
		fmt.Fprintf(&b, "conn %d from 10.0.0.%d closed\n\nuser u%d logged in\n", i, i%250, i)
	}
	b.WriteString("the last, without an end, \"quoted\"")
	require.NoError(t, os.WriteFile(f, []byte(b.String()), 0o600))
	code, out, _ := runLog(t, "patterns", f, "--format", "csv")
	require.Zero(t, code)
	rows, err := csv.NewReader(strings.NewReader(out)).ReadAll()
	require.NoError(t, err)
	require.Equal(t, []string{"line", "pattern", "template"}, rows[0])
	require.Len(t, rows, 1+4501)
	seen := map[string]bool{}
	for i, r := range rows[1:] {
		require.Equal(t, fmt.Sprint(i+1), r[0])
		seen[r[1]] = true
	}
	require.Len(t, seen, 4)
	require.Equal(t, rows[1][1:], rows[4][1:])
	require.Equal(t, "conn <*> from <*> closed", rows[1][2])

	code, out, _ = runLog(t, "patterns", f)
	require.Zero(t, code)
	require.Contains(t, out, "1500   "+rows[1][1]+"  conn <*> from <*> closed")
	code, out, _ = runLog(t, "patterns", f, "--format", "json")
	require.Zero(t, code)
	require.Equal(t, 4501, strings.Count(out, "\n"))

	code, _, errOut := runLog(t, "patterns", f, "--format", "xml")
	require.Equal(t, 1, code)
	require.Contains(t, errOut, "use table, csv or json")
	code, _, errOut = runLog(t, "patterns", f+".gone")
	require.Equal(t, 1, code)
	require.Contains(t, errOut, "does not exist")
}

func TestLogParse(t *testing.T) {
	dir := t.TempDir()
	f, own := filepath.Join(dir, "x.log"), filepath.Join(dir, "p.yaml")
	long := strings.Repeat("x", 3<<20)
	require.NoError(t, os.WriteFile(f, []byte("Feb 12 14:10:21 web-1 sshd[7]: Invalid user bob from 192.0.2.7 port 5\n"+long+"\nbell 7\n"), 0o600))
	code, out, _ := runLog(t, "parse", f, "--format", "json")
	require.Zero(t, code)
	lines := strings.Split(strings.TrimSpace(out), "\n")
	require.Len(t, lines, 3)
	var m map[string]string
	require.NoError(t, json.Unmarshal([]byte(lines[0]), &m))
	require.Equal(t, "sshd", m["format"])
	require.Equal(t, "bob", m["user"])
	require.Equal(t, "192.0.2.7", m["src_ip"])
	require.Less(t, len(lines[1]), 1<<20+100)

	require.NoError(t, os.WriteFile(own, []byte("parsers:\n  - {name: bell, pattern: 'bell %{int:times}'}\n"), 0o600))
	code, out, _ = runLog(t, "parse", f, "--parsers", own)
	require.Zero(t, code)
	require.Contains(t, out, `{"message":"bell 7","format":"bell","times":"7"}`)
	code, out, _ = runLog(t, "parse", f, "--parsers", own, "--check")
	require.Zero(t, code)
	require.Contains(t, out, `"parser":"bell","fits":true`)
	code, _, errOut := runLog(t, "parse", f, "--check")
	require.Equal(t, 1, code)
	require.Contains(t, errOut, "--check says how your parsers fit")
}
