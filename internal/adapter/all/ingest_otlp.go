package all

import (
	_ "github.com/mainstay-ops/mainstay/internal/adapter/ingest/otlp" // registers the protocol
)
