package all

import (
	_ "github.com/mainstay-ops/mainstay/internal/adapter/ingest/grafana" // registers the protocol
)
