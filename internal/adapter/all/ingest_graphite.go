package all

import (
	_ "github.com/mainstay-ops/mainstay/internal/adapter/ingest/graphite" // registers the protocol
)
