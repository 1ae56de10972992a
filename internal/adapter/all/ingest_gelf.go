package all

import (
	_ "github.com/mainstay-ops/mainstay/internal/adapter/ingest/gelf" // registers the protocol
)
