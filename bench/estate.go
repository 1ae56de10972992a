package main

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"time"
)

// estateItems is the size of the estate that is measured.
const estateItems = 100_000

// estate makes 100,000 items with 300,000 relations through an import, and asks the
// API as a person does.
func estate(ctx context.Context) error {
	s, err := startServer(ctx, false)
	if err != nil {
		return err
	}
	defer s.stop()
	if _, err := s.do(ctx, http.MethodPost, "/api/v1/apply", "application/yaml", bytes.NewReader([]byte("kinds:\n  - name: host\n    attributes: [{name: serial, type: text, unique: true}, {name: memory, type: integer, unit: GiB}]\n"))); err != nil {
		return err
	}
	begin := time.Now()
	if _, err := s.do(ctx, http.MethodPost, "/api/v1/items/import", "text/csv", bytes.NewReader(estateFile())); err != nil {
		return err
	}
	row("import of 100,000 rows with 3 relations each", time.Since(begin).Seconds(), "s", 0, "goal: under 60")
	row("resident memory with 100,000 items", s.resident(), "MiB", 0, "")
	r := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // the same questions in each run
	name := func() string { return estateName(r.IntN(estateItems)) }
	for _, q := range []struct {
		what string
		path func() string
		goal float64
	}{
		{"impact of an item", func() string { return "/api/v1/items/" + name() + "/impact" }, 20},
		{"dependencies of an item", func() string { return "/api/v1/items/" + name() + "/dependencies" }, 20},
		{"one item", func() string { return "/api/v1/items/" + name() }, 100},
		{"its attributes with sources", func() string { return "/api/v1/items/" + name() + "/attributes" }, 100},
		{"its relations", func() string { return "/api/v1/items/" + name() + "/relations" }, 100},
		{"it as of a moment", func() string {
			return "/api/v1/items/" + name() + "?as_of=" + url.QueryEscape(time.Now().UTC().Format(time.RFC3339))
		}, 100},
		{"a page of the list", func() string { return "/api/v1/items?limit=50&kind=host" }, 50},
		{"a filter by label", func() string { return fmt.Sprintf("/api/v1/items?limit=50&label=rack%%3D%d", r.IntN(500)) }, 50},
		{"a filter by attribute", func() string { return fmt.Sprintf("/api/v1/items?attribute=serial%%3DS%d", r.IntN(estateItems)) }, 50},
		{"a filter by part of the name", func() string { return fmt.Sprintf("/api/v1/items?limit=50&q=%05d", r.IntN(estateItems)) }, 50},
		{"a filter that finds nothing", func() string { return fmt.Sprintf("/api/v1/items?limit=50&q=nothing-%d", r.IntN(estateItems)) }, 50},
		{"the numbers of the health of the inventory", func() string { return "/api/v1/inventory/health" }, 50},
		{"a page of items without an owner", func() string { return "/api/v1/inventory/health/no-owner?limit=50" }, 50},
		{"a page of orphans", func() string { return "/api/v1/inventory/health/orphans?limit=50" }, 50},
		{"search", func() string { return "/api/v1/search?q=" + name() }, 50},
	} {
		var ms []float64
		for range 300 {
			at := time.Now()
			if _, err := s.get(ctx, q.path()); err != nil {
				return err
			}
			ms = append(ms, float64(time.Since(at).Microseconds())/1000)
		}
		slices.Sort(ms)
		row(q.what+", p50", ms[len(ms)/2], "ms", 0, "")
		row(q.what+", p99", ms[len(ms)*99/100], "ms", 0, fmt.Sprintf("goal: under %.0f", q.goal))
	}
	return nil
}

func estateName(n int) string {
	switch {
	case n < 100:
		return fmt.Sprintf("room-%05d", n)
	case n < 20_000:
		return fmt.Sprintf("host-%05d", n)
	}
	return fmt.Sprintf("app-%05d", n)
}

// estateFile is an estate of 100 rooms, 19,900 hosts in them, and applications that
// run on hosts and need each other.
func estateFile() []byte {
	var b bytes.Buffer
	b.WriteString("name,kind,label:rack,label:env,serial,memory,member_of,connects_to,runs_on,depends_on\n")
	for n := range estateItems {
		switch {
		case n < 100:
			fmt.Fprintf(&b, "%s,location,,,,,,,,\n", estateName(n))
		case n < 20_000:
			peers := ""
			if n > 300 {
				peers = estateName(n-101) + ";" + estateName(n-150)
			}
			fmt.Fprintf(&b, "%s,host,%d,,S%d,32,%s,%s,,\n", estateName(n), n%500, n, estateName(n%100), peers)
		default:
			peers, needs := "", ""
			if n%7 != 0 && n > 40_000 {
				needs = estateName(n-20_000) + ";" + estateName(20_000+n%5_000)
			} else if n > 20_200 {
				peers = estateName(n-101) + ";" + estateName(n-150)
			}
			fmt.Fprintf(&b, "%s,application,,prod,,,,%s,%s,%s\n", estateName(n), peers, estateName(100+n%19_900), needs)
		}
	}
	return b.Bytes()
}
