package all

import (
	_ "github.com/mainstay-ops/mainstay/internal/adapter/ingest/alertmanager" // registers the protocol
)
