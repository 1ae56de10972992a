// Package grafana takes alerts of Grafana's webhook contact point.
package grafana

import (
	"github.com/mainstay-ops/mainstay/internal/adapter/ingest/internal/alertway"
	"github.com/mainstay-ops/mainstay/internal/core/signal"
)

func init() {
	signal.Register(alertway.Protocol("grafana", "Grafana alerting", alertway.ReadReceiver, "", "/webhook"))
}
