package all

import (
	_ "github.com/mainstay-ops/mainstay/internal/adapter/ingest/prtg" // registers the protocol
)
