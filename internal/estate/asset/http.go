package asset

import (
	"bytes"
	"context"
	"encoding/csv"
	"net/http"
	"strconv"

	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/httpapi"
)

// TagIn names an asset in the path.
type TagIn struct {
	Tag string `path:"tag" maxLength:"40"`
}

// Fields is what is sent to change an asset.
type Fields struct {
	Details
	Item string `json:"item,omitempty" maxLength:"200" doc:"Name of the item that it is."`
}

type assetNewIn struct {
	Body struct {
		Tag   string `json:"tag,omitempty" maxLength:"40" doc:"The next number unless given."`
		State string `json:"state,omitempty" enum:"ordered,in_stock,in_use,repair,retired,disposed" doc:"in_stock unless given."`
		Fields
	}
}

type assetPutIn struct {
	TagIn
	Body Fields
}

type moveIn struct {
	TagIn
	Body struct {
		State string `json:"state" enum:"ordered,in_stock,in_use,repair,retired,disposed"`
	}
}

type checkOutIn struct {
	TagIn
	Body CheckOut
}

type checkInIn struct {
	TagIn
	Body struct {
		State    string `json:"state,omitempty" enum:"in_stock,repair,retired" doc:"Where it goes; in_stock unless given."`
		Note     string `json:"note,omitempty" maxLength:"2000"`
		Location string `json:"location,omitempty" maxLength:"200" doc:"Where it is now; as before unless given."`
	}
}

type seenIn struct {
	TagIn
	Body struct {
		Place string `json:"place,omitempty" maxLength:"200"`
		Moved bool   `json:"moved,omitempty" doc:"The place becomes the location."`
	}
}

type pageOfAssetIn struct {
	TagIn
	httpapi.Page
}

type handoverIn struct {
	TagIn
	ID string `path:"id" maxLength:"64"`
}

type labelsIn struct {
	Tags []string `query:"tags" minItems:"1" maxItems:"500" doc:"Tags, with commas between."`
}

type download struct {
	ContentType string `header:"Content-Type"`
	Disposition string `header:"Content-Disposition"`
	Body        []byte
}

type expiriesIn struct {
	httpapi.Page
	Days int `query:"days" minimum:"1" maximum:"3650" default:"90"`
}

func read(id, path, summary string) httpapi.Op {
	return httpapi.Op{ID: id, Method: http.MethodGet, Path: "/api/v1/" + path, Need: ReadAssets, Tag: "assets", Summary: summary}
}

func write(id, method, path, summary string, status int) httpapi.Op {
	return httpapi.Op{ID: id, Method: method, Path: "/api/v1/" + path, Need: WriteAssets, Tag: "assets", Summary: summary, Status: status}
}

// Routes implements module.HasRoutes.
func (s *Service) Routes(api *httpapi.API) {
	s.assetRoutes(api)
	s.custodyRoutes(api)
	s.stockRoutes(api)
	s.endOfLifeRoutes(api)
	s.licenseRoutes(api)
}

func (s *Service) assetRoutes(api *httpapi.API) {
	httpapi.Handle(api, read("list-assets", "assets", "Assets, by tag"), func(ctx context.Context, in *assetsIn) (*httpapi.Body[httpapi.List[Asset]], error) {
		q := s.d.DB.Reader()
		rows, next, err := s.list(ctx, q, in.Filter, in.Cursor, in.Limit)
		if err != nil {
			return nil, err
		}
		out, err := s.views(ctx, q, rows)
		return httpapi.NewList(out, next), err
	})
	httpapi.Handle(api, read("export-assets", "assets.csv", "Assets as CSV, at most 100,000"), s.exportCSV)
	httpapi.Handle(api, read("get-asset-summary", "asset-summary", "How many assets are in which state, and what needs care"), func(ctx context.Context, _ *struct{}) (*httpapi.Body[Summary], error) {
		v, err := s.summary(ctx, s.d.DB.Reader())
		return &httpapi.Body[Summary]{Body: v}, err
	})
	httpapi.Handle(api, read("list-expirations", "expirations", "Warranties, support, licenses and notice periods that end soon, the nearest first"), func(ctx context.Context, in *expiriesIn) (*httpapi.Body[httpapi.List[Expiry]], error) {
		rows, next, err := s.expiries(ctx, s.d.DB.Reader(), in.Days, in.Cursor, in.Limit)
		return httpapi.NewList(rows, next), err
	})
	httpapi.Handle(api, read("get-asset", "assets/{tag}", "One asset"), func(ctx context.Context, in *TagIn) (*httpapi.Body[Asset], error) { return s.one(ctx, in.Tag) })
	httpapi.Handle(api, write("create-asset", http.MethodPost, "assets", "Add an asset", http.StatusCreated), func(ctx context.Context, in *assetNewIn) (*httpapi.Body[Asset], error) {
		var made *assetRow
		err := s.change(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
			made, err = s.create(ctx, tx, in.Body.Tag, in.Body.State, in.Body.Item, in.Body.Details)
			return err
		})
		if err != nil {
			return nil, err
		}
		return s.one(ctx, made.Tag)
	})
	httpapi.Handle(api, write("put-asset", http.MethodPut, "assets/{tag}", "Change an asset; what is left out becomes empty", 0), func(ctx context.Context, in *assetPutIn) (*httpapi.Body[Asset], error) {
		return s.with(ctx, in.Tag, func(ctx context.Context, tx *db.Tx, r *assetRow) error {
			_, err := s.save(ctx, tx, r, in.Body.Item, in.Body.Details)
			return err
		})
	})
	httpapi.Handle(api, write("delete-asset", http.MethodDelete, "assets/{tag}", "Remove an asset that was entered by mistake", http.StatusNoContent), func(ctx context.Context, in *TagIn) (*struct{}, error) {
		return nil, s.change(ctx, func(ctx context.Context, tx *db.Tx) error {
			r, err := locked(ctx, tx, in.Tag)
			if err != nil {
				return err
			}
			return s.remove(ctx, tx, r)
		})
	})
	httpapi.Handle(api, write("move-asset", http.MethodPost, "assets/{tag}/move", "Set the state of an asset", 0), func(ctx context.Context, in *moveIn) (*httpapi.Body[Asset], error) {
		return s.with(ctx, in.Tag, func(ctx context.Context, tx *db.Tx, r *assetRow) error { return s.move(ctx, tx, r, in.Body.State) })
	})
	httpapi.Handle(api, read("list-asset-labels", "asset-labels", "Labels of assets with their codes, for printing"), func(ctx context.Context, in *labelsIn) (*httpapi.Body[httpapi.List[Label]], error) {
		out := []Label{}
		for _, tag := range in.Tags {
			r, err := byTag(ctx, s.d.DB.Reader(), tag)
			if err != nil {
				return nil, err
			}
			l, err := label(s.d.Config.PublicURL, r.Tag, r.Title)
			if err != nil {
				return nil, err
			}
			out = append(out, l)
		}
		return httpapi.NewList(out, ""), nil
	})
	httpapi.Handle(api, read("get-asset-settings", "asset-settings", "How new tags are made"), func(ctx context.Context, _ *struct{}) (*httpapi.Body[Settings], error) {
		v, err := settings(ctx, s.d.DB.Reader())
		return &httpapi.Body[Settings]{Body: v}, err
	})
	httpapi.Handle(api, write("put-asset-settings", http.MethodPut, "asset-settings", "Say how new tags are made", 0), func(ctx context.Context, in *struct{ Body Settings }) (*httpapi.Body[Settings], error) {
		err := s.change(ctx, func(ctx context.Context, tx *db.Tx) error { return s.saveSettings(ctx, tx, in.Body) })
		return &httpapi.Body[Settings]{Body: in.Body}, err
	})
}

func (s *Service) custodyRoutes(api *httpapi.API) {
	httpapi.Handle(api, write("check-out-asset", http.MethodPost, "assets/{tag}/check-out", "Hand an asset to a person", 0), func(ctx context.Context, in *checkOutIn) (*httpapi.Body[Asset], error) {
		if err := s.handOver(ctx, in.Tag, in.Body); err != nil {
			return nil, err
		}
		return s.one(ctx, in.Tag)
	})
	httpapi.Handle(api, write("check-in-asset", http.MethodPost, "assets/{tag}/check-in", "Take an asset back", 0), func(ctx context.Context, in *checkInIn) (*httpapi.Body[Asset], error) {
		return s.with(ctx, in.Tag, func(ctx context.Context, tx *db.Tx, r *assetRow) error {
			return s.checkIn(ctx, tx, r, in.Body.State, in.Body.Note, in.Body.Location)
		})
	})
	confirm := write("confirm-asset", http.MethodPost, "assets/{tag}/confirm", "Confirm that one has received an asset", 0)
	confirm.Need = ReadAssets
	httpapi.Handle(api, confirm, func(ctx context.Context, in *TagIn) (*httpapi.Body[Asset], error) {
		err := s.d.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
			r, err := locked(ctx, tx, in.Tag)
			if err != nil {
				return err
			}
			return s.confirm(ctx, tx, r)
		})
		if err != nil {
			return nil, err
		}
		return s.one(ctx, in.Tag)
	})
	httpapi.Handle(api, write("see-asset", http.MethodPost, "assets/{tag}/seen", "Write down that an asset was seen now", 0), func(ctx context.Context, in *seenIn) (*httpapi.Body[Asset], error) {
		return s.with(ctx, in.Tag, func(ctx context.Context, tx *db.Tx, r *assetRow) error {
			return s.seen(ctx, tx, r, in.Body.Place, in.Body.Moved)
		})
	})
	httpapi.Handle(api, read("list-asset-handovers", "assets/{tag}/handovers", "Who had an asset, the latest first"), func(ctx context.Context, in *pageOfAssetIn) (*httpapi.Body[httpapi.List[Handover]], error) {
		q := s.d.DB.Reader()
		r, err := byTag(ctx, q, in.Tag)
		if err != nil {
			return nil, err
		}
		out, next, err := s.handovers(ctx, q, r.ID, in.Cursor, in.Limit)
		return httpapi.NewList(out, next), err
	})
	httpapi.Handle(api, read("list-asset-sightings", "assets/{tag}/sightings", "Where an asset was seen, the latest first"), func(ctx context.Context, in *pageOfAssetIn) (*httpapi.Body[httpapi.List[Sighting]], error) {
		q := s.d.DB.Reader()
		r, err := byTag(ctx, q, in.Tag)
		if err != nil {
			return nil, err
		}
		out, next, err := sightings(ctx, q, r.ID, in.Cursor, in.Limit)
		return httpapi.NewList(out, next), err
	})
	httpapi.Handle(api, read("get-asset-signature", "assets/{tag}/handovers/{id}/signature", "The signature of a handover, a PNG"), func(ctx context.Context, in *handoverIn) (*download, error) {
		q := s.d.DB.Reader()
		r, err := byTag(ctx, q, in.Tag)
		if err != nil {
			return nil, err
		}
		b, err := s.signature(ctx, q, r.ID, in.ID)
		return &download{ContentType: "image/png", Disposition: "inline", Body: b}, err
	})
}

// with changes one asset and gives it as it is then.
func (s *Service) with(ctx context.Context, tag string, fn func(context.Context, *db.Tx, *assetRow) error) (*httpapi.Body[Asset], error) {
	err := s.change(ctx, func(ctx context.Context, tx *db.Tx) error {
		r, err := locked(ctx, tx, tag)
		if err != nil {
			return err
		}
		return fn(ctx, tx, r)
	})
	if err != nil {
		return nil, err
	}
	return s.one(ctx, tag)
}

func (s *Service) one(ctx context.Context, tag string) (*httpapi.Body[Asset], error) {
	q := s.d.DB.Reader()
	r, err := byTag(ctx, q, tag)
	if err != nil {
		return nil, err
	}
	vs, err := s.views(ctx, q, []assetRow{*r})
	if err != nil {
		return nil, err
	}
	vs[0].Proposed, err = s.proposed(ctx, q, r)
	return &httpapi.Body[Asset]{ETag: httpapi.ETag(r.Version), Body: vs[0]}, err
}

// maxExport bounds a CSV file.
const maxExport = 100_000

func (s *Service) exportCSV(ctx context.Context, in *struct{ Filter }) (*download, error) {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	line := func(cells ...string) {
		for i, c := range cells {
			cells[i] = plainCell(c)
		}
		_ = w.Write(cells) // a buffer takes all
	}
	line("tag", "title", "state", "category", "manufacturer", "model", "serial", "item", "holder", "due_on", "location", "vendor", "order_number", "purchased_on", "price", "currency", "warranty_until", "support_until", "end_of_life", "notes")
	for cursor, n := "", 0; n < maxExport; {
		q := s.d.DB.Reader()
		rows, next, err := s.list(ctx, q, in.Filter, cursor, 500)
		if err != nil {
			return nil, err
		}
		vs, err := s.views(ctx, q, rows)
		if err != nil {
			return nil, err
		}
		for _, a := range vs {
			holder, price := "", ""
			if a.Holder != nil {
				holder = a.Holder.Email
			}
			if a.Currency != "" {
				price = strconv.FormatInt(a.Price, 10)
			}
			line(a.Tag, a.Title, a.State, a.Category, a.Manufacturer, a.Model, a.Serial, a.Item, holder, a.DueOn, a.Location, a.Vendor, a.OrderNumber, a.PurchasedOn, price, a.Currency, a.WarrantyUntil, a.SupportUntil, a.EndOfLife, a.Notes)
		}
		n += len(rows)
		if cursor = next; next == "" {
			break
		}
	}
	w.Flush()
	if err := w.Error(); err != nil {
		return nil, errs.Wrap(errs.Internal, err, "The file could not be written.")
	}
	return &download{ContentType: "text/csv; charset=utf-8", Disposition: `attachment; filename="assets.csv"`, Body: b.Bytes()}, nil
}

// plainCell keeps a spreadsheet from running what somebody typed as a formula.
func plainCell(s string) string {
	if s != "" && (s[0] == '=' || s[0] == '+' || s[0] == '-' || s[0] == '@' || s[0] == '\t') {
		return "'" + s
	}
	return s
}
