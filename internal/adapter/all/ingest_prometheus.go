package all

import (
	_ "github.com/mainstay-ops/mainstay/internal/adapter/ingest/prometheus" // registers the protocol
)
