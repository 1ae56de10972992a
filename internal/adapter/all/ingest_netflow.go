package all

import (
	_ "github.com/mainstay-ops/mainstay/internal/adapter/ingest/netflow" // registers the protocol
)
