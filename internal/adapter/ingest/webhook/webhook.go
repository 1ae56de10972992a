// Package webhook takes alerts of any program that can post JSON, by a mapping that a
// person has written.
package webhook

import (
	"net/http"
	"strings"

	"github.com/mainstay-ops/mainstay/internal/adapter/ingest/internal/alertway"
	"github.com/mainstay-ops/mainstay/internal/adapter/ingest/internal/answer"
	"github.com/mainstay-ops/mainstay/internal/core/signal"
)

func init() {
	signal.Register(signal.Protocol{Name: "webhook", Title: "Webhook with a mapping", HTTP: func(env signal.Env) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			name := strings.Trim(r.URL.Path, "/")
			if name == "" || strings.Contains(name, "/") {
				answer.NotFound(w, r, "/ingest/webhook/ and the name of a mapping")
				return
			}
			alertway.Serve(env, w, r, func(p signal.Payload) (signal.Read, error) { return env.Alerts.MapAlerts(r.Context(), name, p) })
		})
	}})
}
