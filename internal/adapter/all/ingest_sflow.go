package all

import (
	_ "github.com/mainstay-ops/mainstay/internal/adapter/ingest/sflow" // registers the protocol
)
