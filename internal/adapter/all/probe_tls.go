package all

import (
	_ "github.com/mainstay-ops/mainstay/internal/adapter/probe/tls" // registers the tls probe
)
