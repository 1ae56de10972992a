// Package influx takes the line protocol of InfluxDB, as Telegraf and many devices
// send it.
package influx

import (
	"net/http"
	"time"

	"github.com/mainstay-ops/mainstay/internal/adapter/ingest/internal/answer"
	"github.com/mainstay-ops/mainstay/internal/adapter/ingest/internal/naming"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/signal"
)

func init() {
	signal.Register(signal.Protocol{Name: "influx", Title: "InfluxDB line protocol", HTTP: func(env signal.Env) http.Handler { return &handler{env} }})
}

type handler struct{ env signal.Env }

// version is what senders ask for before they send; they want some number.
const version = "1.8.10"

// ServeHTTP implements http.Handler.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Influxdb-Version", version)
	switch r.URL.Path {
	case "/write", "/api/v2/write":
		if answer.Method(w, r, http.MethodPost) {
			h.write(w, r)
		}
	case "/ping", "/health", "/api/v2/ping":
		w.WriteHeader(http.StatusNoContent)
	case "/query":
		// Telegraf makes its database before it writes; there is none to make.
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"results":[{"statement_id":0}]}`))
	default:
		answer.NotFound(w, r, "/ingest/influx/write or /ingest/influx/api/v2/write")
	}
}

// units are the lengths of precision.
var units = map[string]time.Duration{
	"": time.Nanosecond, "n": time.Nanosecond, "ns": time.Nanosecond, "u": time.Microsecond, "us": time.Microsecond, "µ": time.Microsecond,
	"ms": time.Millisecond, "s": time.Second, "m": time.Minute, "h": time.Hour,
}

const maxLine = 64 << 10

func (h *handler) write(w http.ResponseWriter, r *http.Request) {
	from, _ := signal.From(r.Context())
	q := r.URL.Query()
	unit, ok := units[q.Get("precision")]
	if !ok {
		answer.Error(w, errs.Fields(errs.Field{Path: "precision", Value: q.Get("precision"), Message: "must be ns, us, ms, s, m or h"}))
		return
	}
	body, err := signal.Body(r)
	if err != nil {
		answer.Error(w, err)
		return
	}
	p := points{now: time.Now(), unit: unit, hosts: map[string]*signal.Hints{}}
	bad, first := 0, ""
	n := 0
	for len(body) > 0 {
		var line []byte
		line, body = nextLine(body)
		n++
		if len(line) == 0 || line[0] == '#' {
			continue
		}
		if err := p.line(line); err != nil {
			if bad++; first == "" {
				first = errs.New(errs.Invalid, "line %d: %s", n, err).Message
			}
		}
	}
	if bad > 0 {
		h.env.Malformed(from, first)
	}
	if p.texts > 0 {
		h.env.Dropped(from, "text values", p.texts)
	}
	var receipt signal.Receipt
	if len(p.samples) > 0 {
		if receipt, err = h.env.Samples.TakeSamples(r.Context(), from, p.samples, nil); err != nil {
			answer.Error(w, err)
			return
		}
	}
	if bad > 0 {
		// As InfluxDB does: what could be read is kept, and the sender is told.
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusBadRequest)
		_, _ = w.Write([]byte(`{"code":"invalid","error":` + quote("partial write: "+first) + `,"message":` + quote("partial write: "+first) + `}`))
		return
	}
	answer.Taken(w, r, receipt)
}

// metric names a field of a measurement: the field "value" is the measurement
// itself.
func metric(measurement, field string) string {
	if field == "value" {
		return naming.Metric(measurement)
	}
	return naming.Metric(measurement + "_" + field)
}
