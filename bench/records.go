package main

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	_ "modernc.org/sqlite" // the filling goes past the API
)

const (
	manyRecords = 1_000_000
	longEntries = 1_000
)

// records measures lists, filters and searches over a million incidents, and the
// opening of one with a thousand timeline entries. The incidents are put into the
// database directly: they are there to be read.
func records(ctx context.Context) error {
	s, err := startServer(ctx, false)
	if err != nil {
		return err
	}
	dir := s.dir
	defer func() { _ = os.RemoveAll(dir) }()
	var ops bytes.Buffer
	ops.WriteString("items:\n")
	for i := range 1000 {
		fmt.Fprintf(&ops, "  - {name: item-%d, kind: host}\n", i)
	}
	if _, err := s.do(ctx, "POST", "/api/v1/apply", "application/yaml", &ops); err != nil {
		return err
	}
	if err := s.halt(); err != nil {
		return err
	}
	begin := time.Now()
	if err := fillRecords(ctx, filepath.Join(dir, "mainstay.db")); err != nil {
		return err
	}
	row(fmt.Sprintf("put %d incidents there", manyRecords), time.Since(begin).Seconds(), "s", 0, "")
	if err := s.again(ctx); err != nil {
		return err
	}
	defer s.stop()
	row("start to ready with them", float64(s.ready.Milliseconds()), "ms", 0, "(goal: 500)")
	middle := fmt.Sprintf("cursor=0.%d", manyRecords/2)
	for _, q := range []struct{ what, path string }{
		{"list, first page", "/api/v1/incidents?limit=50"},
		{"list, a page in the middle", "/api/v1/incidents?limit=50&" + middle},
		{"open ones, most urgent first", "/api/v1/incidents?limit=50&open=true&sort=priority"},
		{"by a rare state", "/api/v1/incidents?limit=50&state=acknowledged"},
		{"by state and priority, middle", "/api/v1/incidents?limit=50&state=closed&priority=2&" + middle},
		{"by item", "/api/v1/incidents?limit=50&item=item-7"},
		{"by assignee none and state", "/api/v1/incidents?limit=50&assignee=none&state=new"},
		{"by a common word", "/api/v1/incidents?limit=50&q=slow"},
		{"by a rare word", "/api/v1/incidents?limit=50&q=zebra4711"},
		{"by two words and a state", "/api/v1/incidents?limit=50&q=slow+disk&state=closed"},
		{"search everywhere, common word", "/api/v1/search?q=slow"},
		{"search everywhere, half a word", "/api/v1/search?q=te"},
		{"search everywhere, two words", "/api/v1/search?q=disk+node77"},
		{"search everywhere, a number", "/api/v1/search?q=INC-500000"},
		{"open one", "/api/v1/incidents/INC-777"},
		{"a page of its 1,000 timeline entries", "/api/v1/incidents/INC-777/timeline?limit=500"},
	} {
		p, err := s.p99(ctx, q.path, 200)
		if err != nil {
			return err
		}
		row(q.what+", p99", p, "ms", 0, "(goal: 50)")
	}
	took, err := s.alarms(ctx)
	if err != nil {
		return err
	}
	row(fmt.Sprintf("result sent to its incident seen, p99 of %d", len(took)), took[len(took)*99/100], "ms", 0, "(goal: 200)")
	row("resident memory after that", s.resident(), "MiB", 0, "")
	return nil
}

// alarms lets checks fail one after the other and measures how long after the
// result was sent the alert is seen with its incident. Both requests are in it.
func (s *server) alarms(ctx context.Context) ([]float64, error) {
	const n = 100
	var ops bytes.Buffer
	ops.WriteString("checks:\n")
	for i := range n {
		fmt.Fprintf(&ops, "  - {name: watch-%d, item: item-%d, attempts: 1, passive: {}}\n", i, i)
	}
	if _, err := s.do(ctx, "POST", "/api/v1/apply", "application/yaml", &ops); err != nil {
		return nil, err
	}
	took := make([]float64, 0, n)
	for i := range n {
		name := fmt.Sprintf("watch-%d", i)
		begin := time.Now()
		if _, err := s.do(ctx, "POST", "/api/v1/checks/"+name+"/result", "application/json", strings.NewReader(`{"state":"critical","output":"away"}`)); err != nil {
			return nil, err
		}
		for {
			b, err := s.get(ctx, "/api/v1/alerts?limit=1")
			if err != nil {
				return nil, err
			}
			var page struct {
				Items []struct{ Check, Incident string }
			}
			if err := json.Unmarshal(b, &page); err != nil {
				return nil, err
			}
			if len(page.Items) == 1 && page.Items[0].Check == name && page.Items[0].Incident != "" {
				break
			}
			if time.Since(begin) > time.Minute {
				return nil, fmt.Errorf("the incident of %s did not open within a minute", name)
			}
		}
		took = append(took, float64(time.Since(begin).Microseconds())/1000)
	}
	slices.Sort(took)
	return took, nil
}

// p99 asks n times and gives the 99th percentile in milliseconds.
func (s *server) p99(ctx context.Context, path string, n int) (float64, error) {
	took := make([]float64, n)
	for i := range took {
		begin := time.Now()
		b, err := s.get(ctx, path)
		if err != nil {
			return 0, err
		}
		took[i] = float64(time.Since(begin).Microseconds()) / 1000
		var page struct {
			Items []json.RawMessage `json:"items"`
		}
		if json.Unmarshal(b, &page) == nil && page.Items != nil && len(page.Items) == 0 {
			return 0, fmt.Errorf("%s found nothing", path)
		}
	}
	slices.Sort(took)
	return took[n*99/100], nil
}

func fillRecords(ctx context.Context, file string) error {
	d, err := sql.Open("sqlite", "file:"+(&url.URL{Path: file}).EscapedPath()+"?_pragma=synchronous(OFF)&_pragma=temp_store(MEMORY)&_pragma=cache_size(-200000)")
	if err != nil {
		return err
	}
	defer d.Close()
	d.SetMaxOpenConns(1)
	const numbers = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) "
	at := "'2026-01-01 00:00:00+00:00'"
	id := "printf('0190%012x-7000-8000', i)"
	title := "printf('%s is %s on node%d', CASE i % 5 WHEN 0 THEN 'disk' WHEN 1 THEN 'web' WHEN 2 THEN 'database' WHEN 3 THEN 'mail' ELSE 'tensor' END, CASE i % 4 WHEN 0 THEN 'slow' WHEN 1 THEN 'down' WHEN 2 THEN 'full' ELSE 'late' END, i % 5000) || CASE WHEN i % 50021 = 0 THEN ' zebra4711' ELSE '' END"
	state := "CASE WHEN i % 9973 = 0 THEN 'new' WHEN i % 9967 = 0 THEN 'acknowledged' WHEN i % 11 = 0 THEN 'resolved' ELSE 'closed' END"
	steps := []struct {
		sql string
		n   int
	}{
		{numbers + "INSERT INTO records SELECT " + id + ", 'incident', i, " + title + ", 'Something happened.', " + state + ", " + state + " IN ('new', 'acknowledged'), 1 + i % 3, 1 + i / 3 % 3, 1 + i % 5, '', '', '', " + at + ", " + at + ", NULL, 1 FROM n", manyRecords},
		{numbers + "INSERT INTO incidents SELECT " + id + ", 'check', " + at + ", " + at + ", NULL, '', NULL, NULL, NULL, '', '', 0, 'default', '', 'auto', 0, 0, 0, FALSE, '', '', '', '', NULL FROM n", manyRecords},
		{numbers + "INSERT INTO record_items SELECT " + id + ", 'item', (SELECT id FROM items WHERE name = 'item-' || (i % 1000)) FROM n", manyRecords},
		{numbers + "INSERT INTO search_docs (kind, ref_id, name, title, body, url, team_id, updated_at, name_words, title_words) SELECT 'incident', " + id + ", 'INC-' || i, " + title + ", 'something happened', '/respond/incidents/INC-' || i, '', " + at + ", 'inc ' || i, " + title + " FROM n", manyRecords},
		{numbers + "INSERT INTO record_timeline SELECT (SELECT id FROM records WHERE number = 777), " + id + ", " + at + ", 'comment', 'Ada', '', 'Looked at it once more, for the time ' || i, '{}' FROM n", longEntries},
		{"INSERT INTO record_numbers VALUES ('incident', ?)", manyRecords},
	}
	for _, st := range steps {
		if _, err := d.ExecContext(ctx, st.sql, st.n); err != nil {
			return fmt.Errorf("%.200s: %w", st.sql, err)
		}
	}
	return nil
}
