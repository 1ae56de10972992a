// Package prometheus takes what Prometheus and its relatives send: remote write 1.0
// and 2.0, and the text of exporters, pushed.
package prometheus

import (
	"mime"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/prometheus/model/labels"

	"github.com/mainstay-ops/mainstay/internal/adapter/ingest/internal/answer"
	"github.com/mainstay-ops/mainstay/internal/adapter/ingest/internal/naming"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/exposition"
	"github.com/mainstay-ops/mainstay/internal/core/signal"
)

func init() {
	signal.Register(signal.Protocol{Name: "prometheus", Title: "Prometheus remote write", HTTP: func(env signal.Env) http.Handler {
		h := &handler{env: env}
		h.pool.New = func() any { return &batch{hosts: map[string]*signal.Hints{}} }
		return h
	}})
}

type handler struct {
	env  signal.Env
	pool sync.Pool
}

// ServeHTTP implements http.Handler.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch path := r.URL.Path; {
	case path == "/api/v1/write":
		if answer.Method(w, r, http.MethodPost) {
			h.write(w, r)
		}
	case path == "/api/v1/import", path == "/api/v1/import/prometheus", strings.HasPrefix(path, "/metrics/job/"):
		if answer.Method(w, r, http.MethodPost, http.MethodPut) {
			h.text(w, r)
		}
	default:
		answer.NotFound(w, r, "/ingest/prometheus/api/v1/write")
	}
}

const second = "io.prometheus.write.v2.Request"

func (h *handler) write(w http.ResponseWriter, r *http.Request) {
	from, _ := signal.From(r.Context())
	body, err := signal.Body(r)
	if err != nil {
		answer.Error(w, err)
		return
	}
	b := h.pool.Get().(*batch)
	defer h.pool.Put(b)
	b.reset()
	_, params, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	newer := params["proto"] == second
	if newer {
		err = b.decode2(body)
	} else {
		err = b.decode1(body)
	}
	if err != nil {
		h.env.Malformed(from, err.Error())
		answer.Error(w, errs.Wrap(errs.Invalid, err, "This is not a remote write request: %s.", err))
		return
	}
	if b.exemplars > 0 {
		h.env.Dropped(from, "exemplars", b.exemplars)
	}
	if b.histograms > 0 {
		h.env.Dropped(from, "native histograms", b.histograms)
	}
	taken := 0
	if len(b.samples) > 0 || len(b.meta) > 0 {
		got, err := h.env.Samples.TakeSamples(r.Context(), from, b.samples, b.meta)
		if err != nil {
			answer.Error(w, err)
			return
		}
		taken = got.Taken
	}
	if newer {
		w.Header().Set("X-Prometheus-Remote-Write-Samples-Written", strconv.Itoa(taken))
		w.Header().Set("X-Prometheus-Remote-Write-Histograms-Written", "0")
		w.Header().Set("X-Prometheus-Remote-Write-Exemplars-Written", "0")
	}
	w.WriteHeader(http.StatusNoContent)
}

// text takes what an exporter shows. Labels come from the path, as those of a push
// gateway do (/metrics/job/<job>/<label>/<value>…).
func (h *handler) text(w http.ResponseWriter, r *http.Request) {
	from, _ := signal.From(r.Context())
	body, err := signal.Body(r)
	if err != nil {
		answer.Error(w, err)
		return
	}
	extra, err := pathLabels(r.URL.Path)
	if err != nil {
		answer.Error(w, err)
		return
	}
	now := time.Now()
	b := &batch{hosts: map[string]*signal.Hints{}}
	found, err := exposition.Parse(body, r.Header.Get("Content-Type"), func(s exposition.Series) error {
		m := signal.Sample{At: s.At, Value: s.Value}
		if m.At.IsZero() {
			m.At = now
		}
		m.Labels = append(m.Labels, extra...)
		s.Labels.Range(func(l labels.Label) {
			switch {
			case l.Name == labels.MetricName:
				m.Name = l.Value
			case signal.Value(extra, l.Name) == "":
				m.Labels = append(m.Labels, signal.Field{Name: l.Name, Value: l.Value})
			}
		})
		m.Name = naming.Metric(m.Name)
		m.Hints = b.hints(signal.Value(m.Labels, "instance"), signal.Value(m.Labels, "host"))
		b.samples = append(b.samples, m)
		return nil
	})
	if err != nil {
		h.env.Malformed(from, err.Error())
		answer.Error(w, errs.Wrap(errs.Invalid, err, "This is not the text of an exporter: %s.", err))
		return
	}
	if found.Exemplars > 0 {
		h.env.Dropped(from, "exemplars", found.Exemplars)
	}
	if _, err := h.env.Samples.TakeSamples(r.Context(), from, b.samples, found.Meta); err != nil {
		answer.Error(w, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// pathLabels reads /metrics/job/<job>/<label>/<value>….
func pathLabels(path string) ([]signal.Field, error) {
	rest, ok := strings.CutPrefix(path, "/metrics/")
	if !ok {
		return nil, nil
	}
	parts := strings.Split(strings.TrimSuffix(rest, "/"), "/")
	if len(parts)%2 != 0 || len(parts) > 40 {
		return nil, errs.New(errs.Invalid, "The path must be /metrics/job/<job> with pairs of label and value behind it.")
	}
	var out []signal.Field
	for i := 0; i < len(parts); i += 2 {
		v, err := url.PathUnescape(parts[i+1])
		if err != nil || signal.Value(out, parts[i]) != "" {
			return nil, errs.New(errs.Invalid, "The label %q in the path is not right.", parts[i])
		}
		out = append(out, signal.Field{Name: naming.Label(parts[i]), Value: v})
	}
	return out, nil
}

// hints are what the labels of a series say of its host. They are made once for each
// host in a request.
func (b *batch) hints(instance, host string) *signal.Hints {
	key := instance
	if key == "" {
		key = host
	}
	if key == "" {
		return nil
	}
	if h := b.hosts[key]; h != nil {
		return h
	}
	name := strings.Clone(key)
	if instance != "" {
		if at, err := url.Parse(name); err == nil && at.Host != "" {
			name = at.Hostname()
		} else if only, _, err := net.SplitHostPort(name); err == nil {
			name = only
		}
	}
	h := &signal.Hints{Host: name}
	b.hosts[strings.Clone(key)] = h
	return h
}
