package all

import (
	_ "github.com/mainstay-ops/mainstay/internal/adapter/ingest/webhook" // registers the protocol
)
