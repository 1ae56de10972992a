package all

import (
	_ "github.com/mainstay-ops/mainstay/internal/adapter/ingest/syslog" // registers the protocol
)
