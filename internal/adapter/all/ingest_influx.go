package all

import (
	_ "github.com/mainstay-ops/mainstay/internal/adapter/ingest/influx" // registers the protocol
)
