// Package httpapi is the one way in: typed operations on the standard mux, each
// with a permission, described in OpenAPI 3.1 as they are registered. One place
// authenticates, decides, limits, logs and turns errors into RFC 9457 problems.
package httpapi

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"reflect"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
)

// MaxBody is the limit of a request body unless the operation says otherwise.
const MaxBody = 1 << 20

// API collects the operations of all modules.
type API struct {
	mux    *http.ServeMux
	huma   huma.API
	logger *slog.Logger
	idem   *idempotency
	names  *namer
	perms  map[string]string // operation id -> permission
}

// New makes the API on mux. The OpenAPI document is at /api/openapi.json.
func New(mux *http.ServeMux, version string, logger *slog.Logger) *API {
	cfg := huma.DefaultConfig("Mainstay", version)
	names := &namer{}
	cfg.Info.Description = "Everything that a person can click is here. Lists answer {\"items\": […], \"next\": \"…\"}; pass next as cursor to go on. Errors are RFC 9457 problem documents."
	cfg.OpenAPIPath = "/api/openapi"
	cfg.DocsPath = ""
	cfg.SchemasPath = "/api/schemas"
	cfg.CreateHooks = nil // no $schema links in bodies
	cfg.Components.Schemas = huma.NewMapRegistry("#/components/schemas/", names.schemaName)
	cfg.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"bearer": {Type: "http", Scheme: "bearer", Description: "An API token, made with `mainstay token create` or in the settings."},
		"cookie": {Type: "apiKey", In: "cookie", Name: CookieName},
	}
	a := &API{mux: mux, huma: humago.New(mux, cfg), logger: logger.With("component", "http"), idem: newIdempotency(), names: names, perms: map[string]string{}}
	return a
}

// Mux gives the mux, for handlers that are not typed operations (streams, the
// Prometheus API). They must check access themselves, with Guard.
func (a *API) Mux() *http.ServeMux { return a.mux }

// OpenAPI gives the description of all operations.
func (a *API) OpenAPI() *huma.OpenAPI { return a.huma.OpenAPI() }

// Permissions maps operation ids to the permission each needs; "" is public.
func (a *API) Permissions() map[string]string { return a.perms }

// Op describes one operation.
type Op struct {
	// ID in lower-kebab-case, unique: "list-items".
	ID string
	// Method and Path: "GET", "/api/v1/items/{name}".
	Method, Path string
	// Need is the permission; Public must be set for an operation without one.
	Need   access.Permission
	Public bool
	// Summary is one line for people; Description may say more.
	Summary, Description string
	// Tag groups operations: the plural noun.
	Tag string
	// MaxBody in bytes; 0 means MaxBody of this package.
	MaxBody int64
	// Status of success; 0 means 200 (201 for POST that creates is said here).
	Status int
}

// Handle registers a typed operation. In is a struct: fields with the tag path,
// query or header are parameters (text, numbers, bool, []string, time.Time), the
// field Body is read from JSON and checked against its schema, RawBody is the body as
// it came. Out is a struct: fields with the tag header, Status, and Body (a value, or
// func(huma.Context) that writes it). The handler returns errors of package errs.
func Handle[In, Out any](a *API, op Op, h func(context.Context, *In) (*Out, error)) {
	a.handle(op, reflect.TypeFor[In](), reflect.TypeFor[Out](), func(ctx context.Context, in any) (any, error) {
		out, err := h(ctx, in.(*In)) //nolint:forcetypeassert // made as a *In by serve
		if out == nil {
			return nil, err
		}
		return out, err
	})
}

// handle is Handle without type parameters, so that it is in the program once.
func (a *API) handle(op Op, in, out reflect.Type, call func(context.Context, any) (any, error)) {
	if op.Need.Name == "" && !op.Public {
		panic("httpapi: operation without a permission: " + op.ID)
	}
	if op.MaxBody == 0 {
		op.MaxBody = MaxBody
	}
	o := &operation{call: call, Operation: huma.Operation{
		OperationID: op.ID, Method: op.Method, Path: op.Path, Summary: op.Summary, Description: op.Description,
		Tags: []string{op.Tag}, MaxBodyBytes: op.MaxBody, DefaultStatus: op.Status,
		Errors: []int{http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusConflict, http.StatusUnprocessableEntity},
	}}
	if !op.Public {
		o.Description = strings.TrimSpace(op.Description + "\n\nNeeds the permission `" + op.Need.Name + "`.")
		o.Security = []map[string][]string{{"bearer": {}}, {"cookie": {}}}
		o.Extensions = map[string]any{"x-permission": op.Need.Name}
		o.Middlewares = append(o.Middlewares, a.permit(op.Need))
	}
	if op.Method == http.MethodPost {
		o.Middlewares = append(o.Middlewares, a.idem.middleware)
	}
	if _, dup := a.perms[op.ID]; dup {
		panic("httpapi: operation registered twice: " + op.ID)
	}
	a.perms[op.ID] = op.Need.Name
	a.names.operation = op.ID
	a.describe(o, in, out)
	a.huma.Adapter().Handle(&o.Operation, o.Middlewares.Handler(func(ctx huma.Context) { a.serve(ctx, o) }))
}

// permit lets those through who may do what need says.
func (a *API) permit(need access.Permission) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		p := access.From(ctx.Context())
		switch {
		case p == nil:
			a.writeProblem(ctx, errs.New(errs.Unauthorized, "Sign in first, or send a valid token."))
		case !p.Can(need):
			a.writeProblem(ctx, errs.New(errs.Forbidden, "This needs the permission %s (%s). Ask an administrator.", need.Name, strings.ToLower(need.Title)))
		default:
			next(ctx)
		}
	}
}

// Guard protects a plain handler with a permission.
func (a *API) Guard(need access.Permission, h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p := access.From(r.Context())
		switch {
		case p == nil:
			WriteProblem(w, errs.New(errs.Unauthorized, "Sign in first, or send a valid token."))
		case !p.Can(need):
			WriteProblem(w, errs.New(errs.Forbidden, "This needs the permission %s (%s). Ask an administrator.", need.Name, strings.ToLower(need.Title)))
		default:
			h.ServeHTTP(w, r)
		}
	})
}

// Page is the input of every list; embed it.
type Page struct {
	Limit  int    `query:"limit" minimum:"1" maximum:"500" default:"50" doc:"How many at the most."`
	Cursor string `query:"cursor" maxLength:"500" doc:"The next of the page before."`
}

// List is the body of every list.
type List[T any] struct {
	Items []T    `json:"items"`
	Next  string `json:"next,omitempty" doc:"Cursor of the next page; absent on the last."`
	// Total is given where it is cheap.
	Total *int `json:"total,omitempty"`
}

// Body wraps a response body.
type Body[T any] struct {
	ETag string `header:"ETag"`
	Body T
}

// NewList wraps items; next is "" on the last page. A nil slice becomes [].
func NewList[T any](items []T, next string) *Body[List[T]] {
	if items == nil {
		items = []T{}
	}
	return &Body[List[T]]{Body: List[T]{Items: items, Next: next}}
}

// ETag writes a version as an entity tag.
func ETag(version int64) string { return `"` + strconv.FormatInt(version, 10) + `"` }

// CheckMatch compares an If-Match header with the present version; an empty
// header passes.
func CheckMatch(ifMatch string, version int64) error {
	if ifMatch == "" || ifMatch == "*" || ifMatch == ETag(version) || strings.TrimPrefix(ifMatch, "W/") == ETag(version) {
		return nil
	}
	return errs.New(errs.Precondition, "Somebody else has changed this meanwhile. Read it again and repeat your change.")
}

// problem turns err into a problem and logs what is ours to mend.
func (a *API) problem(ctx context.Context, err error) *Problem {
	p := toProblem(err)
	if p.Status >= 500 && !errors.Is(err, context.Canceled) {
		a.logger.Error("a request failed", "request_id", RequestID(ctx), "error", err)
	}
	p.Request = RequestID(ctx)
	return p
}

func (a *API) writeProblem(ctx huma.Context, err error) {
	p := a.problem(ctx.Context(), err)
	ctx.SetHeader("Content-Type", problemType)
	if p.Status == http.StatusUnauthorized {
		ctx.SetHeader("WWW-Authenticate", "Bearer")
	}
	ctx.SetStatus(p.Status)
	_ = writeJSON(ctx.BodyWriter(), p)
}
