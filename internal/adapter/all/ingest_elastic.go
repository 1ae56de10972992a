package all

import (
	_ "github.com/mainstay-ops/mainstay/internal/adapter/ingest/elastic" // registers the protocol
)
