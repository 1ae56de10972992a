package log

import (
	"context"
	"net/http"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/apply"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/httpapi"
	"github.com/mainstay-ops/mainstay/internal/core/logparse"
	"github.com/mainstay-ops/mainstay/internal/observe"
)

// ParserView is a parser with its work.
type ParserView struct {
	Parser

	Fits  uint64 `json:"fits" doc:"Lines that it read since the start of the server."`
	Fails uint64 `json:"fails" doc:"Lines that it should have read and that did not fit; they are kept as they are."`
}

type parserIn struct {
	Name string `path:"name" maxLength:"64"`
	Body Parser
}

type parserNameIn struct {
	Name string `path:"name" maxLength:"64"`
}

type tryParserIn struct {
	Body struct {
		Parser Parser   `json:"parser"`
		Lines  []string `json:"lines" maxItems:"100" doc:"Sample lines, as they come in."`
	}
}

func (s *Service) parserRoutes(api *httpapi.API) {
	const tag, base = "logs", "/api/v1/log-parsers"
	httpapi.Handle(api, httpapi.Op{ID: "list-log-parsers", Method: "GET", Path: base, Need: observe.WriteParsers, Tag: tag, Summary: "Parsers of your own for log lines"},
		func(ctx context.Context, _ *struct{}) (*httpapi.Body[httpapi.List[ParserView]], error) {
			ps, err := parsers(ctx, s.d.DB.Reader())
			out := make([]ParserView, len(ps))
			for i, p := range ps {
				out[i].Parser = p
				if l := s.parsers.Load(); l != nil {
					for _, o := range *l {
						if o.Name == p.Name {
							out[i].Fits, out[i].Fails = o.fits.Load(), o.fails.Load()
						}
					}
				}
			}
			return httpapi.NewList(out, ""), err
		})
	httpapi.Handle(api, httpapi.Op{ID: "put-log-parser", Method: "PUT", Path: base + "/{name}", Need: observe.WriteParsers, Tag: tag, Summary: "Make or change a parser; lines that come from now on are read by it"},
		func(ctx context.Context, in *parserIn) (*httpapi.Body[Parser], error) {
			in.Body.Name = in.Name
			err := s.d.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
				_, err := s.putParser(ctx, tx, in.Body)
				return err
			})
			return &httpapi.Body[Parser]{Body: in.Body}, err
		})
	httpapi.Handle(api, httpapi.Op{ID: "delete-log-parser", Method: "DELETE", Path: base + "/{name}", Need: observe.WriteParsers, Tag: tag, Summary: "Remove a parser", Status: http.StatusNoContent},
		func(ctx context.Context, in *parserNameIn) (*struct{}, error) {
			return nil, s.removeParser(ctx, in.Name)
		})
	httpapi.Handle(api, httpapi.Op{ID: "try-log-parser", Method: "POST", Path: "/api/v1/log-parsers/try", Need: observe.WriteParsers, Tag: tag, Summary: "Say what a parser makes of sample lines, without saving it"},
		func(_ context.Context, in *tryParserIn) (*httpapi.Body[httpapi.List[logparse.Trial]], error) {
			out, err := tryParser(in.Body.Parser, in.Body.Lines, s.d.DB.Clock().Now())
			return httpapi.NewList(out, ""), err
		})
}

// Resources implements module.HasResources.
func (s *Service) Resources() []apply.Resource {
	return []apply.Resource{{
		Key: "log_parsers", Order: 60, Need: observe.WriteParsers, New: func() any { return &Parser{} },
		Apply: func(ctx context.Context, tx *db.Tx, entry any) (apply.Change, error) {
			o, err := s.putParser(ctx, tx, *entry.(*Parser))
			return apply.Change{Outcome: o}, err
		},
		Export: func(ctx context.Context, q bun.IDB) ([]any, error) {
			ps, err := parsers(ctx, q)
			out := make([]any, len(ps))
			for i, p := range ps {
				out[i] = p
			}
			return out, err
		},
	}}
}
