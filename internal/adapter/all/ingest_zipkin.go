package all

import (
	_ "github.com/mainstay-ops/mainstay/internal/adapter/ingest/zipkin" // registers the protocol
)
