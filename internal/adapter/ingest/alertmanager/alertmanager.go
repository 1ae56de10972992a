// Package alertmanager takes alerts as Alertmanager does: what Prometheus, vmalert and
// the ruler of Loki send to it (API version 2), and what it sends on to webhooks.
package alertmanager

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/mainstay-ops/mainstay/internal/adapter/ingest/internal/alertway"
	"github.com/mainstay-ops/mainstay/internal/adapter/ingest/internal/answer"
	"github.com/mainstay-ops/mainstay/internal/core/signal"
)

// resolveAfter is how long an alert is believed whose sender does not say. It is the
// resolve_timeout of Alertmanager.
const resolveAfter = 5 * time.Minute

const (
	alertsPath  = "/api/v2/alerts"
	statusPath  = "/api/v2/status"
	webhookPath = "/webhook"
)

func init() {
	signal.Register(signal.Protocol{Name: "alertmanager", Title: "Prometheus and Alertmanager", Alerts: read, HTTP: func(env signal.Env) http.Handler {
		return &handler{env: env, in: alertway.Handler(env, "/ingest/alertmanager", read, alertsPath, webhookPath)}
	}})
}

type handler struct {
	env signal.Env
	in  http.Handler
}

// ServeHTTP implements http.Handler.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != statusPath {
		h.in.ServeHTTP(w, r)
		return
	}
	if !answer.Method(w, r, http.MethodGet) {
		return
	}
	w.Header().Set("Content-Type", "application/json")
	// Senders ask for it to see whether somebody is there.
	_ = json.NewEncoder(w).Encode(map[string]any{
		"cluster": map[string]any{"status": "disabled", "peers": []string{}}, "config": map[string]string{"original": ""},
		"uptime":      time.Now().UTC().Format(time.RFC3339),
		"versionInfo": map[string]string{"branch": "", "buildDate": "", "buildUser": "", "goVersion": "", "revision": "", "version": "mainstay"},
	})
}

// posted is an alert of POST /api/v2/alerts.
type posted struct {
	Labels       map[string]string `json:"labels"`
	Annotations  map[string]string `json:"annotations"`
	StartsAt     time.Time         `json:"startsAt"`
	EndsAt       time.Time         `json:"endsAt"`
	GeneratorURL string            `json:"generatorURL"`
}

func read(p signal.Payload) (signal.Read, error) {
	if p.Path == webhookPath {
		return alertway.ReadReceiver(p)
	}
	var in []json.RawMessage
	if err := alertway.JSON(p.Body, &in); err != nil {
		return signal.Read{}, err
	}
	var out signal.Read
	now := time.Now()
	for i, raw := range in {
		var a posted
		if err := json.Unmarshal(raw, &a); err != nil {
			out.Bad = append(out.Bad, alertway.Bad(i, "%s", err))
			continue
		}
		if len(a.Labels) == 0 {
			out.Bad = append(out.Bad, alertway.Bad(i, "it has no labels"))
			continue
		}
		s := alertway.FromLabels(a.Labels, a.Annotations)
		s.Began, s.Ends, s.Link = a.StartsAt, a.EndsAt, alertway.Link(a.GeneratorURL)
		switch {
		case s.Ends.IsZero():
			s.Ends = now.Add(resolveAfter)
		case !s.Ends.After(now):
			s.Over = true
		}
		out.Alerts = append(out.Alerts, s)
	}
	return out, nil
}
