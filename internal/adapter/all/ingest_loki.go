package all

import (
	_ "github.com/mainstay-ops/mainstay/internal/adapter/ingest/loki" // registers the protocol
)
