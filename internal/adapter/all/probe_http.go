package all

import (
	_ "github.com/mainstay-ops/mainstay/internal/adapter/probe/http" // registers the http probe
)
