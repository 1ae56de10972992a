package all

import (
	_ "github.com/mainstay-ops/mainstay/internal/adapter/ingest/datadog" // registers the protocol
)
