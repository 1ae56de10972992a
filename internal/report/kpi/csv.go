package kpi

import (
	"bytes"
	"encoding/csv"
	"strconv"
	"strings"
	"time"

	"github.com/mainstay-ops/mainstay/internal/report/kpi/figures"
)

// writeCSV writes a report with one figure in each row. A figure without a value
// has an empty cell.
func writeCSV(r Report) ([]byte, error) {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	w.UseCRLF = true // RFC 4180
	_ = w.Write([]string{"item", "from", "to", "rules_version", "figure", "title", "value", "unit", "median", "p90", "counted", "formula", "clock", "source", "population"})
	length := r.To.Sub(r.From).Seconds()
	row := func(d figures.Definition, value, unit string, m *figures.Mean) {
		cells := []string{r.Item, r.From.Format(time.RFC3339Nano), r.To.Format(time.RFC3339Nano), r.RulesVersion, d.Key, d.Title, value, unit, "", "", "", d.Formula, d.Clock, d.Source, d.Population}
		if m != nil {
			cells[8], cells[9], cells[10] = number(m.MedianSeconds), number(m.P90Seconds), strconv.Itoa(m.Population)
		}
		for i := range cells {
			cells[i] = inert(cells[i])
		}
		_ = w.Write(cells)
	}
	for _, d := range r.Definitions {
		switch d.Key {
		case "availability":
			row(d, number(r.Availability), "ratio", nil)
		case "downtime":
			row(d, number(&r.DowntimeSeconds), "s", nil)
		case "incidents":
			row(d, strconv.Itoa(r.Incidents), "count", nil)
		case "failures":
			row(d, strconv.Itoa(r.Failures), "count", nil)
		case "mtbf":
			row(d, number(r.MTBFSeconds), "s", nil)
		default:
			m := r.Means[d.Key]
			row(d, number(m.MeanSeconds), "s", &m)
		}
	}
	for _, x := range []struct {
		key, title string
		v          float64
	}{
		{"period", "Length of the period", length},
		{"up", "Up", r.Buckets.UpSeconds},
		{"down", "Down", r.Buckets.DownSeconds},
		{"planned", "Planned maintenance", r.Buckets.PlannedSeconds},
		{"unreachable", "Unreachable", r.Buckets.UnreachableSeconds},
		{"unknown", "Unknown", r.Buckets.UnknownSeconds},
		{"no_data", "No data", r.Buckets.NoDataSeconds},
	} {
		row(figures.Definition{Key: x.key, Title: x.title}, number(&x.v), "s", nil)
	}
	w.Flush()
	return b.Bytes(), w.Error()
}

func number(f *float64) string {
	if f == nil {
		return ""
	}
	return strconv.FormatFloat(*f, 'f', -1, 64)
}

// inert keeps a spreadsheet from taking a cell for a formula.
func inert(s string) string {
	if s != "" && strings.ContainsRune("=+-@\t\r\n", rune(s[0])) {
		return "'" + s
	}
	return s
}

// fileName makes a name for a download out of the name of an item.
func fileName(r Report) string {
	safe := strings.Map(func(c rune) rune {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_' || c == '.' {
			return c
		}
		return '_'
	}, r.Item)
	return "availability-" + safe + "-" + r.From.Format(time.DateOnly) + "-" + r.To.Format(time.DateOnly) + ".csv"
}
