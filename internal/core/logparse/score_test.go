package logparse_test

import (
	"encoding/csv"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/core/logparse"
	"github.com/mainstay-ops/mainstay/internal/testkit"
)

// now of the tests; lines without a year are of the year before it.
var now = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

type expectation struct {
	LogType string `json:"log_type"`
	Lines   []struct {
		Line     int               `json:"line"`
		Fields   map[string]string `json:"fields"`
		Meta     map[string]string `json:"meta"`
		Enriched map[string]string `json:"enriched"`
	} `json:"lines"`
}

// notCompared are names of the source that are no part of the line, with the reason.
var notCompared = map[string]string{
	"timestamp": "instant", "time_local": "instant", "timestamp8601": "instant", "date": "instant", "time": "instant",
	"accept_date": "instant", "cri_timestamp": "instant", "logdate": "instant", "event_timestamp[4:]": "instant", "syslog_timestamp": "instant",
	"haproxy_year": "instant", "haproxy_month": "instant", "haproxy_monthday": "instant", "haproxy_hour": "instant", "haproxy_minute": "instant",
	"haproxy_second": "instant", "haproxy_milliseconds": "instant", "haproxy_time": "instant",
	"exim_year": "instant", "exim_month": "instant", "exim_day": "instant", "exim_time": "instant", "year": "instant", "month": "instant", "day": "instant",
	"program": "name of the pipeline", "logsource": "name of the pipeline",
	"static_ressource": "judgement of the source", "impact_completion": "judgement of the source",
	"file_dir": "part of the path", "file_frag": "part of the path", "file_name": "part of the path", "file_ext": "part of the path",
}

// TestFieldsOfRealLines compares values, not names: what the source calls
// "sshd_client_ip" is src_ip here.
func TestFieldsOfRealLines(t *testing.T) {
	root := filepath.Join(testkit.Shared(t, "syslog"), "crowdsec")
	files, err := filepath.Glob(filepath.Join(root, "*", "expected.json"))
	require.NoError(t, err)
	require.Len(t, files, 36)
	found, all, times, allTimes := 0, 0, 0, 0
	for _, f := range files {
		raw, err := os.ReadFile(f)
		require.NoError(t, err)
		var e expectation
		require.NoError(t, json.Unmarshal(raw, &e))
		dir := filepath.Base(filepath.Dir(f))
		lines := linesOf(t, filepath.Dir(f))
		ok, n, missing := 0, 0, map[string]string{}
		for _, x := range e.Lines {
			line := lines[x.Line-1]
			p := logparse.Parse(line, now)
			have := map[string]bool{line: true, strings.TrimSpace(line): true, p.Host: true, p.App: true, p.PID: true, p.Message: true, p.Level: true}
			for _, fl := range p.Fields {
				have[fl.Value] = true
			}
			want := maps.Clone(x.Fields)
			if want == nil {
				want = map[string]string{}
			}
			for _, k := range []string{"source_ip", "target_user", "http_status", "http_path", "http_verb", "machine"} {
				if v := x.Meta[k]; v != "" {
					want["meta."+k] = v
				}
			}
			for k, v := range want {
				if v == "" || v == "-" || notCompared[k] != "" {
					continue
				}
				n++
				if have[v] {
					ok++
				} else {
					missing[k] = v
				}
			}
			for k, v := range x.Enriched {
				allTimes++
				got := p.Time.Format(time.RFC3339Nano)
				if strings.HasSuffix(k, "[4:]") {
					got = got[4:]
				}
				if same(got, v) {
					times++
				} else {
					missing["time "+k] = v + " is " + got
				}
			}
		}
		found, all = found+ok, all+n
		t.Logf("%-28s %4d of %4d values", dir, ok, n)
		for _, k := range slices.Sorted(maps.Keys(missing)) {
			t.Logf("    %s: %.90q", k, missing[k])
		}
	}
	t.Logf("values: %d of %d, %.1f %%; instants: %d of %d", found, all, 100*float64(found)/float64(all), times, allTimes)
	require.GreaterOrEqual(t, float64(found)/float64(all), 0.97)
	require.GreaterOrEqual(t, float64(times)/float64(allTimes), 0.97)
}

func same(a, b string) bool {
	ta, err := time.Parse(time.RFC3339Nano, a)
	tb, err2 := time.Parse(time.RFC3339Nano, b)
	if err != nil || err2 != nil {
		return strings.TrimRight(strings.TrimSuffix(a, "Z"), "0.") == strings.TrimRight(strings.TrimSuffix(b, "Z"), "0.")
	}
	if !strings.Contains(b, ".") {
		return ta.Truncate(time.Second).Equal(tb) // the source cut the fraction off
	}
	return ta.Truncate(time.Millisecond).Equal(tb.Truncate(time.Millisecond))
}

func linesOf(t *testing.T, dir string) []string {
	t.Helper()
	logs, err := filepath.Glob(filepath.Join(dir, "*.log"))
	require.NoError(t, err)
	require.Len(t, logs, 1)
	raw, err := os.ReadFile(logs[0])
	require.NoError(t, err)
	return strings.Split(strings.TrimSuffix(string(raw), "\n"), "\n")
}

// TestEveryLineIsKept reads the lines of all folders, also hostile ones.
func TestEveryLineIsKept(t *testing.T) {
	root := filepath.Join(testkit.Shared(t, "syslog"), "crowdsec")
	f, err := os.Open(filepath.Join(root, "index.csv"))
	require.NoError(t, err)
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	require.NoError(t, err)
	n, known := 0, 0
	for _, r := range rows[1:] {
		for _, line := range linesOf(t, filepath.Join(root, r[0])) {
			if strings.TrimSpace(line) == "" {
				continue
			}
			n++
			p := logparse.Parse(line, now)
			var back map[string]string
			require.NoError(t, json.Unmarshal(p.AppendJSON(nil, line), &back), "%s: %q", r[0], line)
			require.Equal(t, strings.ToValidUTF8(line, "\ufffd"), back["message"])
			if p.Format != "" {
				known++
			} else {
				t.Logf("%s: not recognized: %.100q", r[0], line)
			}
		}
	}
	t.Logf("%d of %d lines recognized", known, n)
	require.Equal(t, 2081, n)
	require.GreaterOrEqual(t, known, n-20)
}

func TestRFC3164(t *testing.T) {
	root := filepath.Join(testkit.Shared(t, "syslog"), "rfc3164")
	raw, err := os.ReadFile(filepath.Join(root, "expected.json"))
	require.NoError(t, err)
	var want []struct {
		Line                                          int
		Priority, Facility, Severity                  json.Number
		Timestamp, Hostname, Appname, Procid, Message string
	}
	require.NoError(t, json.Unmarshal(raw, &want))
	body, err := os.ReadFile(filepath.Join(root, "messages.log"))
	require.NoError(t, err)
	lines := strings.Split(string(body), "\n")
	require.Len(t, want, 13)
	for _, w := range want {
		p := logparse.Parse(lines[w.Line-1], now)
		require.Equal(t, []string{w.Priority.String(), w.Facility.String(), w.Severity.String()},
			[]string{p.Get("priority"), p.Get("facility"), p.Get("severity")}, "line %d", w.Line)
		require.Equal(t, []string{w.Hostname, w.Appname, w.Procid}, []string{p.Host, p.App, p.PID}, "line %d", w.Line)
		if w.Line != 1 {
			require.Equal(t, w.Message, p.Message, "line %d", w.Line)
		}
		layout := "Jan _2 15:04:05"
		if w.Timestamp[4] == '-' {
			layout = time.RFC3339
		}
		at, err := time.Parse(layout, strings.Replace(w.Timestamp, "Aug 7", "Aug  7", 1))
		require.NoError(t, err)
		if w.Line == 1 {
			continue // the access log inside has a time with year and zone, which counts
		}
		require.Equal(t, at.Format("01-02 15:04:05"), p.Time.Format("01-02 15:04:05"), "line %d", w.Line)
	}
}
