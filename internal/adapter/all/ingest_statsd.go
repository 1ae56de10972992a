package all

import (
	_ "github.com/mainstay-ops/mainstay/internal/adapter/ingest/statsd" // registers the protocol
)
