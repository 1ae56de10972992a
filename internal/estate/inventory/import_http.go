package inventory

import (
	"context"
	"mime"

	"github.com/danielgtaylor/huma/v2"

	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/httpapi"
	"github.com/mainstay-ops/mainstay/internal/estate"
	"github.com/mainstay-ops/mainstay/internal/estate/inventory/sheet"
)

type importIn struct {
	DryRun      bool   `query:"dry_run" doc:"Check everything and say what would change; keep nothing."`
	Partial     bool   `query:"partial" doc:"Apply the rows without mistakes. Without it one mistake refuses all rows."`
	ContentType string `header:"Content-Type" doc:"text/csv, application/json or application/x-ndjson."`
	RawBody     []byte `contentType:"text/csv"`
}

type exportItemsIn struct {
	ListFilter
	Format string `query:"format" enum:"csv,json,ndjson" default:"csv"`
}

func (s *Service) importRoutes(api *httpapi.API) {
	httpapi.Handle(api, httpapi.Op{
		ID: "import-items", Method: "POST", Path: "/api/v1/items/import", Need: estate.WriteItems, Tag: "items", MaxBody: sheet.MaxBytes,
		Summary:     "Create and change items from a CSV or JSON file",
		Description: "The first line of a CSV file names the columns: name, kind, title, owner, criticality, lifecycle, description, label:KEY, attribute:NAME, attribute:NAME:json, and relation types with names separated by a semicolon. JSON is an array of objects with the same keys; application/x-ndjson is one object a line. At most 64 MiB and 200,000 rows. An empty cell says nothing, a - empties the field. Items are found by name. One wrong row refuses the whole file unless partial is set; a dry run always answers 200 with the mistakes.",
	}, func(ctx context.Context, in *importIn) (*httpapi.Body[ImportResult], error) {
		rows, bad, err := s.readSheet(ctx, in.ContentType, in.RawBody)
		if err != nil {
			return nil, err
		}
		out, err := s.Import(ctx, rows, bad, ImportOptions{DryRun: in.DryRun, Partial: in.Partial})
		return &httpapi.Body[ImportResult]{Body: out}, err
	})
	httpapi.Handle(api, httpapi.Op{
		ID: "export-items", Method: "GET", Path: "/api/v1/export/items", Need: estate.ReadItems, Tag: "items",
		Summary:     "Items as a file that an import takes back",
		Description: "The same filters as the list. The answer is streamed.",
	}, s.exportFile)
}

// readSheet reads the rows of a file by its media type.
func (s *Service) readSheet(ctx context.Context, contentType string, b []byte) ([]sheet.Row, *sheet.Mistakes, error) {
	bad := &sheet.Mistakes{Most: importShown}
	var attributes map[string]bool
	var failed error
	sch := sheet.Schema{Attribute: func(name string) bool {
		if attributes == nil && failed == nil {
			attributes, failed = s.attributeNames(ctx)
		}
		return attributes[name]
	}}
	m, err := s.model(ctx, s.db.Reader())
	if err != nil {
		return nil, nil, err
	}
	for _, t := range m.Relations() {
		sch.Relations = append(sch.Relations, t.Name)
	}
	mt, _, _ := mime.ParseMediaType(contentType)
	read := sheet.ReadCSV
	switch mt {
	case "application/json":
		read = sheet.ReadJSON
	case "application/x-ndjson", "application/jsonl":
		read = sheet.ReadLines
	case "text/csv", "text/tab-separated-values", "text/plain", "application/vnd.ms-excel":
	default:
		return nil, nil, errs.Fields(errs.Field{Path: "Content-Type", Value: short(contentType), Message: "must be text/csv, application/json or application/x-ndjson"})
	}
	rows, err := read(b, sch, bad)
	if failed != nil {
		err = failed
	}
	return rows, bad, err
}

// attributeNames are the attributes that any item has or any kind declares.
func (s *Service) attributeNames(ctx context.Context) (map[string]bool, error) {
	var names []string
	sql := "SELECT DISTINCT j.key FROM items i, json_each(i.attributes) j"
	if s.db.Dialect() == db.Postgres {
		sql = "SELECT DISTINCT json_object_keys(attributes::json) FROM items"
	}
	if err := s.db.Reader().NewRaw(sql).Scan(ctx, &names); err != nil {
		return nil, err
	}
	out := make(map[string]bool, len(names))
	for _, n := range names {
		out[n] = true
	}
	m, err := s.model(ctx, s.db.Reader())
	if err != nil {
		return nil, err
	}
	for _, k := range m.Kinds() {
		for _, a := range k.Attributes {
			out[a.Name] = true
		}
	}
	return out, nil
}

func (s *Service) exportFile(ctx context.Context, in *exportItemsIn) (*huma.StreamResponse, error) {
	q := s.db.Reader()
	f, err := s.narrow(ctx, q, in.ListFilter)
	if err != nil {
		return nil, err
	}
	x := exporter{s: s, q: q, filter: f}
	if err := x.prepare(ctx, in.Format == "csv"); err != nil {
		return nil, err
	}
	return &huma.StreamResponse{Body: func(h huma.Context) {
		types := map[string]string{"csv": "text/csv; charset=utf-8", "json": "application/json", "ndjson": "application/x-ndjson"}
		h.SetHeader("Content-Type", types[in.Format])
		h.SetHeader("Content-Disposition", `attachment; filename="items.`+in.Format+`"`)
		// The answer has begun: an error can only break it off, and then the file has no
		// end that an import would take.
		if err := x.write(h.Context(), h.BodyWriter(), in.Format); err != nil {
			_, _ = h.BodyWriter().Write([]byte("\n\"The export broke off."))
		}
	}}, nil
}
