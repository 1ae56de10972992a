package all

import (
	_ "github.com/mainstay-ops/mainstay/internal/adapter/ingest/jaeger" // registers the protocol
)
