package all

import (
	_ "github.com/mainstay-ops/mainstay/internal/adapter/probe/redis" // registers the redis probe
)
