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

// The size of the estate that is measured.
const (
	estateItems = 100_000
	estateChunk = 2_000
)

// estate makes 100,000 items with 300,000 relations through ops.yaml, and asks the
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
	for n := 0; n < estateItems; n += estateChunk {
		if _, err := s.do(ctx, http.MethodPost, "/api/v1/apply", "application/yaml", bytes.NewReader(estateFile(n))); err != nil {
			return err
		}
	}
	took := time.Since(begin)
	row("items applied per second, 3 relations each", estateItems/took.Seconds(), "items/s", 0, "")
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

// estateFile is a part of an estate of 100 rooms, 19,900 hosts in them, and
// applications that run on hosts and need each other.
func estateFile(from int) []byte {
	var b bytes.Buffer
	b.WriteString("items:\n")
	for n := from; n < from+estateChunk; n++ {
		switch {
		case n < 100:
			fmt.Fprintf(&b, "  - {name: %s, kind: location}\n", estateName(n))
		case n < 20_000:
			fmt.Fprintf(&b, "  - {name: %s, kind: host, labels: {rack: \"%d\"}, attributes: {serial: S%d, memory: 32}, member_of: [%s]", estateName(n), n%500, n, estateName(n%100))
			if n > 300 {
				fmt.Fprintf(&b, ", connects_to: [%s, %s]", estateName(n-101), estateName(n-150))
			}
			b.WriteString("}\n")
		default:
			fmt.Fprintf(&b, "  - {name: %s, kind: application, labels: {env: prod}, runs_on: [%s]", estateName(n), estateName(100+n%19_900))
			if n%7 != 0 && n > 40_000 {
				fmt.Fprintf(&b, ", depends_on: [%s, %s]", estateName(n-20_000), estateName(20_000+n%5_000))
			} else if n > 20_200 {
				fmt.Fprintf(&b, ", connects_to: [%s, %s]", estateName(n-101), estateName(n-150))
			}
			b.WriteString("}\n")
		}
	}
	return b.Bytes()
}
