package promapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime"
	"slices"

	"github.com/mainstay-ops/mainstay/internal/core/clock"
	"github.com/mainstay-ops/mainstay/internal/observe"
	"github.com/mainstay-ops/mainstay/internal/observe/metric/store"
)

// Prefix is the path under which Handler answers; a Prometheus client is
// configured with the part before "/api/v1".
const Prefix = "/prometheus/api/v1"

// maxBody bounds a form in the body of a request.
const maxBody = 1 << 20

// apiVersion is the Prometheus release whose query engine is embedded. Clients
// choose features by it.
const apiVersion = "3.14.0"

// Store is what the API needs from the metric store.
type Store interface {
	Execute(ctx context.Context, q store.Query) (store.Answer, error)
	LabelNames(ctx context.Context, sel store.Selection) (names, warnings []string, err error)
	LabelValues(ctx context.Context, name string, sel store.Selection) (values, warnings []string, err error)
	SeriesLabels(ctx context.Context, sel store.Selection) (data []byte, warnings []string, err error)
	Format(expr string) (string, error)
	Described(name string, limit int) []observe.MetricInfo
}

// Options of New.
type Options struct {
	Store Store
	// Version of Mainstay, shown as the revision in status/buildinfo.
	Version string
	// Clock may be nil.
	Clock clock.Clock
	// Logger gets internal failures; may be nil.
	Logger *slog.Logger
}

type api struct {
	Options
}

// reply is the envelope of every answer.
type reply struct {
	Status    string          `json:"status"`
	Data      json.RawMessage `json:"data,omitempty"`
	ErrorType store.Kind      `json:"errorType,omitempty"`
	Error     string          `json:"error,omitempty"`
	Warnings  []string        `json:"warnings,omitempty"`
	Infos     []string        `json:"infos,omitempty"`
}

// answer is what an endpoint gives: encoded data and remarks.
type answer struct {
	data            []byte
	warnings, infos []string
}

// New makes the handler. It answers the full paths under Prefix.
func New(o Options) http.Handler {
	if o.Clock == nil {
		o.Clock = clock.System{}
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	a := &api{o}
	mux := http.NewServeMux()
	both := func(path string, f endpoint) {
		mux.Handle("GET "+Prefix+path, a.wrap(f))
		mux.Handle("POST "+Prefix+path, a.wrap(f))
	}
	both("/query", a.query)
	both("/query_range", a.queryRange)
	both("/query_exemplars", a.exemplars)
	both("/format_query", a.format)
	both("/labels", a.labels)
	both("/series", a.series)
	mux.Handle("GET "+Prefix+"/label/{name}/values", a.wrap(a.labelValues))
	mux.Handle("GET "+Prefix+"/metadata", a.wrap(a.metadata))
	mux.Handle("GET "+Prefix+"/status/buildinfo", a.wrap(a.buildInfo))
	mux.Handle(Prefix+"/", a.wrap(func(*http.Request) (answer, error) {
		return answer{}, &notFoundError{}
	}))
	return mux
}

type endpoint func(*http.Request) (answer, error)

type notFoundError struct{}

func (*notFoundError) Error() string { return "this endpoint does not exist here" }

func (a *api) wrap(f endpoint) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		if err := r.ParseForm(); err != nil {
			a.fail(w, r, badData("", fmt.Errorf("error parsing form values: %w", err)))
			return
		}
		out, err := f(r)
		if err != nil {
			a.fail(w, r, err)
			return
		}
		a.send(w, r, http.StatusOK, reply{Status: "success", Data: out.data, Warnings: out.warnings, Infos: out.infos})
	})
}

// statusCanceled is what Prometheus answers to a client that went away.
const statusCanceled = 499

func (a *api) fail(w http.ResponseWriter, r *http.Request, err error) {
	kind, status := store.Internal, http.StatusInternalServerError
	var qe *store.QueryError
	var big *http.MaxBytesError
	var missing *notFoundError
	switch {
	case errors.As(err, &big):
		kind, status = store.BadData, http.StatusRequestEntityTooLarge
	case errors.As(err, &missing):
		kind, status = "not_found", http.StatusNotFound
	case errors.As(err, &qe):
		kind = qe.Kind
		switch kind {
		case store.BadData:
			status = http.StatusBadRequest
		case store.Execution:
			status = http.StatusUnprocessableEntity
		case store.Canceled:
			status = statusCanceled
		case store.Timeout, store.Unavailable:
			status = http.StatusServiceUnavailable
		}
	}
	message := err.Error()
	if status == http.StatusInternalServerError {
		a.Logger.Error("metric query failed", "path", r.URL.Path, "error", err)
		message = "the metric store could not answer; the log of Mainstay has the details"
	}
	a.send(w, r, status, reply{Status: "error", ErrorType: kind, Error: message})
}

func (a *api) send(w http.ResponseWriter, r *http.Request, status int, body reply) {
	b, err := appendReply(nil, body)
	if err != nil {
		a.Logger.Error("metric answer not encoded", "path", r.URL.Path, "error", err)
		http.Error(w, "internal error", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	// A client that went away is no failure of ours.
	_, _ = w.Write(b)
}

// appendReply encodes the envelope. Data is large and already JSON, so it is
// copied and not parsed again.
func appendReply(b []byte, body reply) ([]byte, error) {
	data := body.Data
	body.Data = nil
	head, err := json.Marshal(body)
	if err != nil || data == nil {
		return head, err
	}
	const start = `{"status":"success"`
	b = append(slices.Grow(b[:0], len(head)+len(data)+8), start...)
	b = append(b, `,"data":`...)
	b = append(b, data...)
	return append(b, head[len(start):]...), nil
}

func encoded(v any, warnings []string) (answer, error) {
	b, err := json.Marshal(v)
	return answer{data: b, warnings: warnings}, err
}

func (a *api) buildInfo(*http.Request) (answer, error) {
	return encoded(map[string]string{
		"version": apiVersion, "revision": a.Version, "branch": "mainstay",
		"buildUser": "", "buildDate": "", "goVersion": runtime.Version(),
	}, nil)
}

func (a *api) exemplars(*http.Request) (answer, error) { return encoded([]string{}, nil) }
