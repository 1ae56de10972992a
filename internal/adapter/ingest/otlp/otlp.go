// Package otlp takes what OpenTelemetry SDKs and collectors send: metrics, logs and
// traces, over HTTP (protobuf and JSON) and over gRPC.
package otlp

import (
	"context"
	"fmt"
	"mime"
	"net/http"
	"sync"

	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/mainstay-ops/mainstay/internal/adapter/ingest/internal/answer"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/signal"
)

func init() {
	signal.Register(signal.Protocol{
		Name: "otlp", Title: "OpenTelemetry (OTLP)",
		HTTP:      func(env signal.Env) http.Handler { return &handler{newTaker(env)} },
		Listeners: []signal.Listener{{Port: "otlp_grpc", Network: "tcp", Stream: serveGRPC}},
	})
}

// taker turns requests into signals.
type taker struct {
	env    signal.Env
	names  names
	totals totals
}

func newTaker(env signal.Env) *taker {
	return &taker{env: env, names: names{m: map[nameKey]string{}}, totals: totals{m: map[string]*total{}}}
}

// The three services; the values are the paths over HTTP.
const (
	metricsPath = "/v1/metrics"
	logsPath    = "/v1/logs"
	tracesPath  = "/v1/traces"
)

// outcome is what the answer says.
type outcome struct {
	rejected int
	why      string
}

// message reads and writes one of the three kinds of requests and answers.
type message interface {
	UnmarshalProto(data []byte) error
	UnmarshalJSON(data []byte) error
}

type reply interface {
	MarshalProto() ([]byte, error)
	MarshalJSON() ([]byte, error)
}

// take reads a request and hands on what is in it.
func (t *taker) take(ctx context.Context, from signal.Source, path string, body []byte, asJSON bool) (out reply, err error) {
	// The generated readers are trusted with valid messages; what is outside must not
	// end the program.
	defer func() {
		if p := recover(); p != nil {
			err = t.malformed(from, fmt.Errorf("it cannot be read: %v", p))
		}
	}()
	switch path {
	case metricsPath:
		req, res := pmetricotlp.NewExportRequest(), pmetricotlp.NewExportResponse()
		if err := t.read(from, req, path, body, asJSON); err != nil {
			return nil, err
		}
		o, err := t.metrics(ctx, from, req.Metrics())
		if o.rejected > 0 {
			res.PartialSuccess().SetRejectedDataPoints(int64(o.rejected))
			res.PartialSuccess().SetErrorMessage(o.why)
		}
		return res, err
	case logsPath:
		req, res := plogotlp.NewExportRequest(), plogotlp.NewExportResponse()
		if err := t.read(from, req, path, body, asJSON); err != nil {
			return nil, err
		}
		o, err := t.logs(ctx, from, req.Logs())
		if o.rejected > 0 {
			res.PartialSuccess().SetRejectedLogRecords(int64(o.rejected))
			res.PartialSuccess().SetErrorMessage(o.why)
		}
		return res, err
	case tracesPath:
		req, res := ptraceotlp.NewExportRequest(), ptraceotlp.NewExportResponse()
		if err := t.read(from, req, path, body, asJSON); err != nil {
			return nil, err
		}
		o, err := t.traces(ctx, from, req.Traces())
		if o.rejected > 0 {
			res.PartialSuccess().SetRejectedSpans(int64(o.rejected))
			res.PartialSuccess().SetErrorMessage(o.why)
		}
		return res, err
	}
	return nil, errs.New(errs.NotFound, "%q is not a path of OTLP. Send to /v1/metrics, /v1/logs or /v1/traces.", path)
}

func (t *taker) read(from signal.Source, req message, path string, body []byte, asJSON bool) error {
	var err error
	if asJSON {
		if err = shallowJSON(body); err == nil {
			err = req.UnmarshalJSON(body)
		}
	} else if err = shallowProto(body, path); err == nil {
		err = req.UnmarshalProto(body)
	}
	if err != nil {
		return t.malformed(from, err)
	}
	return nil
}

func (t *taker) malformed(from signal.Source, err error) error {
	t.env.Malformed(from, err.Error())
	return errs.Wrap(errs.Invalid, err, "This is not an OTLP request: %s.", err)
}

type handler struct{ *taker }

// ServeHTTP implements http.Handler.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := r.URL.Path
	if path != metricsPath && path != logsPath && path != tracesPath {
		answer.NotFound(w, r, "/ingest/otlp/v1/metrics, /v1/logs or /v1/traces")
		return
	}
	if !answer.Method(w, r, http.MethodPost) {
		return
	}
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	asJSON := kind == "application/json"
	if !asJSON && kind != "application/x-protobuf" && kind != "application/protobuf" {
		http.Error(w, "The content type must be application/json or application/x-protobuf.", http.StatusUnsupportedMediaType)
		return
	}
	body, err := signal.Body(r)
	if err != nil {
		answer.Error(w, err)
		return
	}
	from, _ := signal.From(r.Context())
	res, err := h.take(r.Context(), from, path, body, asJSON)
	if err != nil {
		status(w, err, asJSON)
		return
	}
	marshal, kind := res.MarshalProto, "application/x-protobuf"
	if asJSON {
		marshal, kind = res.MarshalJSON, "application/json"
	}
	b, err := marshal()
	if err != nil {
		answer.Error(w, err)
		return
	}
	w.Header().Set("Content-Type", kind)
	_, _ = w.Write(b)
}

// The codes of google.rpc.Status that are used.
const (
	rpcInvalid     = 3
	rpcExhausted   = 8
	rpcInternal    = 13
	rpcUnavailable = 14
)

func rpcCode(err error) (code int32, status int) {
	switch errs.CodeOf(err) {
	case errs.Invalid, errs.TooLarge:
		return rpcInvalid, http.StatusBadRequest
	case errs.TooMany:
		return rpcExhausted, http.StatusTooManyRequests
	case errs.Unavailable:
		return rpcUnavailable, http.StatusServiceUnavailable
	}
	return rpcInternal, http.StatusInternalServerError
}

// status answers with google.rpc.Status, as the protocol asks.
func status(w http.ResponseWriter, err error, asJSON bool) {
	code, st := rpcCode(err)
	if st == http.StatusTooManyRequests || st == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "5")
	}
	if asJSON {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(st)
		_, _ = fmt.Fprintf(w, `{"code":%d,"message":%s}`, code, quote(errs.Message(err)))
		return
	}
	b := protowire.AppendTag(nil, 1, protowire.VarintType)
	b = protowire.AppendVarint(b, uint64(code))
	b = protowire.AppendTag(b, 2, protowire.BytesType)
	b = protowire.AppendString(b, errs.Message(err))
	w.Header().Set("Content-Type", "application/x-protobuf")
	w.WriteHeader(st)
	_, _ = w.Write(b)
}

// names keeps translated names of metrics.
type names struct {
	mu sync.RWMutex
	m  map[nameKey]string
}
