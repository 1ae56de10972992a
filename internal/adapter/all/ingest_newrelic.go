package all

import (
	_ "github.com/mainstay-ops/mainstay/internal/adapter/ingest/newrelic" // registers the protocol
)
