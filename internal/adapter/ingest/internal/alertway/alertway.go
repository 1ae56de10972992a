// Package alertway is what the protocols that bring alerts share: the handler, and how
// labels lead to a host.
package alertway

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/mainstay-ops/mainstay/internal/adapter/ingest/internal/answer"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/signal"
)

// maxBody is the largest payload of alerts, in bytes. 10,000 alerts of Prometheus have
// about 8 MB.
const maxBody = 16 << 20

// Protocol makes the protocol of a webhook: one path, one reader. paths are what may
// stand behind /ingest/<name>; the first is named in refusals.
func Protocol(name, title string, read signal.AlertReader, paths ...string) signal.Protocol {
	return signal.Protocol{Name: name, Title: title, Alerts: read, HTTP: func(env signal.Env) http.Handler {
		return Handler(env, "/ingest/"+name, read, paths...)
	}}
}

// Handler takes alerts at paths below prefix.
func Handler(env signal.Env, prefix string, read signal.AlertReader, paths ...string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !slices.Contains(paths, strings.TrimSuffix(r.URL.Path, "/")) {
			answer.NotFound(w, r, prefix+paths[0])
			return
		}
		Serve(env, w, r, read)
	})
}

// Serve reads the alerts of one request and hands them on. It answers 200 when all
// were taken or some could not be read, and 400 when none could.
func Serve(env signal.Env, w http.ResponseWriter, r *http.Request, read signal.AlertReader) {
	if !answer.Method(w, r, http.MethodPost, http.MethodPut) {
		return
	}
	from, _ := signal.From(r.Context())
	body, err := signal.Body(r)
	if err == nil && len(body) > maxBody {
		err = errs.New(errs.TooLarge, "The body is larger than %d MiB. Send fewer alerts at once.", maxBody>>20)
	}
	if err != nil {
		answer.Error(w, err)
		return
	}
	got, err := read(signal.Payload{Path: r.URL.Path, Type: r.Header.Get("Content-Type"), Body: body})
	if err == nil && len(got.Alerts)+len(got.Bad) > signal.MaxAlerts {
		err = errs.New(errs.TooLarge, "The request has more than %d alerts. Send fewer at once.", signal.MaxAlerts)
	}
	if err != nil {
		env.Malformed(from, errs.Message(err))
		answer.Error(w, err)
		return
	}
	for _, why := range got.Bad {
		env.Malformed(from, why)
	}
	if len(got.Alerts) == 0 && len(got.Bad) > 0 {
		answer.Error(w, errs.New(errs.Invalid, "No alert could be read: %s", got.Bad[0]))
		return
	}
	taken := signal.Receipt{}
	if len(got.Alerts) > 0 {
		if taken, err = env.Alerts.TakeAlerts(r.Context(), from, got.Alerts); err != nil {
			answer.Error(w, err)
			return
		}
	}
	w.Header().Set("Content-Type", "application/json")
	// A sender that hung up misses it.
	_ = json.NewEncoder(w).Encode(map[string]any{"taken": taken.Taken, "bad": len(got.Bad), "why": append(got.Bad[:min(len(got.Bad), 10):min(len(got.Bad), 10)], nonEmpty(taken.Why)...)})
}

func nonEmpty(s string) []string {
	if s == "" {
		return nil
	}
	return []string{s}
}

// JSON reads one JSON value.
func JSON(body []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(body))
	if err := d.Decode(into); err != nil {
		return errs.Wrap(errs.Invalid, err, "The body is not the JSON that this program sends: %s.", err)
	}
	if d.More() {
		return errs.New(errs.Invalid, "The body has something behind its JSON.")
	}
	return nil
}

// Bad is the sentence about the alert at position i.
func Bad(i int, format string, args ...any) string {
	return fmt.Sprintf("Alert %d: %s.", i+1, fmt.Sprintf(format, args...))
}

// Bounds of the labels of an alert; what is beyond is left out.
const (
	MaxLabels = 50
	MaxValue  = 200
)

// Labels sorts labels by name and cuts what is too long.
func Labels(m map[string]string) []signal.Field {
	out := make([]signal.Field, 0, min(len(m), MaxLabels))
	names := make([]string, 0, len(m))
	for n := range m {
		names = append(names, n)
	}
	slices.Sort(names)
	for _, n := range names {
		if n == "" || len(out) == MaxLabels {
			continue
		}
		out = append(out, signal.Field{Name: Cut(n, MaxValue), Value: Cut(m[n], MaxValue)})
	}
	return out
}

// Cut keeps the first n characters.
func Cut(s string, n int) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if r := []rune(s); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return s
}

// Hints finds what labels say of the host, by the names that exporters use.
func Hints(labels map[string]string) signal.Hints {
	h := signal.Hints{Item: labels["item"], MachineID: first(labels, "machine_id", "machineid")}
	h.Host = first(labels, "host", "hostname", "host_name", "host.name", "node", "nodename", "kubernetes_node", "device", "server")
	if h.Host == "" {
		h.Host, h.Address = signal.HostOf(first(labels, "instance", "target", "url"))
	}
	if h.Address == "" {
		h.Address = first(labels, "ip", "address", "host_ip")
	}
	h.Service = first(labels, "service", "service_name", "service.name", "app", "application")
	return h
}

func first(m map[string]string, names ...string) string {
	for _, n := range names {
		if v := strings.TrimSpace(m[n]); v != "" {
			return v
		}
	}
	return ""
}

// Link keeps web addresses only.
func Link(s string) string {
	u, err := url.Parse(s)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || len(s) > 2000 {
		return ""
	}
	return s
}

// Millis is a time in milliseconds since 1970; the zero value for 0 and nonsense.
func Millis(n int64) time.Time {
	if n <= 0 || n > 4e12 {
		return time.Time{}
	}
	return time.UnixMilli(n).UTC()
}
