package inventory

import (
	"context"
	"encoding/json"
	"io"
	"strings"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/account"
	"github.com/mainstay-ops/mainstay/internal/estate/inventory/sheet"
)

// exporter writes the items of a filter as a file.
type exporter struct {
	s      *Service
	q      bun.IDB
	filter Filter
	teams  map[string]string
	cols   sheet.Columns
}

// prepare reads what must be known before the first line; for CSV these are the
// columns, so that it goes through all items once more.
func (x *exporter) prepare(ctx context.Context, columns bool) (err error) {
	if x.teams, err = account.TeamNames(ctx, x.q); err != nil || !columns {
		return err
	}
	labels, attributes := map[string]bool{}, map[string]bool{}
	m, err := x.s.model(ctx, x.q)
	if err != nil {
		return err
	}
	for _, t := range m.Relations() {
		x.cols.Relations = append(x.cols.Relations, t.Name)
	}
	err = x.pages(ctx, func(page []Item) error {
		for n := range page {
			for k := range page[n].Labels {
				labels[k] = true
			}
			for k, v := range page[n].Attributes {
				attributes[k] = attributes[k] || !sheet.Plain(v) || strings.HasSuffix(k, ":json")
			}
		}
		return nil
	})
	x.cols.Labels = sortedKeys(labels)
	for _, k := range sortedKeys(attributes) {
		x.cols.Attributes = append(x.cols.Attributes, sheet.AttributeColumn{Name: k, JSON: attributes[k]})
	}
	return err
}

func (x *exporter) pages(ctx context.Context, f func([]Item) error) error {
	for filter := x.filter; ; {
		filter.Limit = exportPage
		page, err := x.s.listed(ctx, x.q, filter)
		if err != nil {
			return err
		}
		if err := f(page); err != nil || len(page) < exportPage {
			return err
		}
		filter.After = page[len(page)-1].Name
	}
}

func (x *exporter) write(ctx context.Context, w io.Writer, format string) error {
	begin, between, end := "", "\n", "\n"
	var out *sheet.CSVWriter
	switch format {
	case "csv":
		var err error
		if out, err = sheet.NewCSV(w, x.cols); err != nil {
			return err
		}
	case "json":
		begin, between, end = "[\n", ",\n", "\n]\n"
	}
	first := true
	err := x.pages(ctx, func(page []Item) error {
		rows, err := x.rows(ctx, page)
		if err != nil {
			return err
		}
		for _, r := range rows {
			if out != nil {
				if err := out.Write(r); err != nil {
					return err
				}
				continue
			}
			b, err := json.Marshal(r.Object())
			if err != nil {
				return err
			}
			lead := between
			if first {
				lead = begin
			}
			first = false
			if _, err := io.WriteString(w, lead+string(b)); err != nil {
				return err
			}
		}
		if out != nil {
			return out.Flush()
		}
		return nil
	})
	if err != nil || out != nil {
		return err
	}
	if first {
		if format == "ndjson" {
			return nil
		}
		end = begin + strings.TrimPrefix(end, "\n")
	}
	_, err = io.WriteString(w, end)
	return err
}

// rows turns items into rows, with relations as far as whoever asks may see them.
func (x *exporter) rows(ctx context.Context, page []Item) ([]sheet.Row, error) {
	ids := make([]string, len(page))
	at := make(map[string]*sheet.Row, len(page))
	out := make([]sheet.Row, len(page))
	for n := range page {
		i := &page[n]
		r := sheet.Row{Name: i.Name, Labels: map[string]*string{}, Attributes: i.Attributes, Relations: map[string][]string{}, Fields: map[string]string{
			"kind": i.Kind, "title": i.Title, "owner": x.teams[i.OwnerTeamID], "criticality": string(i.Criticality), "lifecycle": i.Lifecycle, "description": i.Description,
		}}
		for k, v := range i.Labels {
			r.Labels[k] = &v
		}
		for k, v := range r.Fields {
			if v == "" {
				delete(r.Fields, k)
			}
		}
		ids[n], out[n] = i.ID, r
		at[i.ID] = &out[n]
	}
	for part := range chunks(ids) {
		var rows []struct{ FromID, Type, Name, OwnerTeamID string }
		if err := x.q.NewRaw("SELECT r.from_id, r.type, i.name, i.owner_team_id FROM item_relations r JOIN items i ON i.id = r.to_id WHERE r.from_id IN (?) ORDER BY i.name", bun.In(part)).Scan(ctx, &rows); err != nil {
			return nil, err
		}
		for _, r := range rows {
			if visible(ctx, r.OwnerTeamID) {
				at[r.FromID].Relations[r.Type] = append(at[r.FromID].Relations[r.Type], r.Name)
			}
		}
	}
	return out, nil
}
