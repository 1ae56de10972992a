package all

import (
	_ "github.com/mainstay-ops/mainstay/internal/adapter/probe/udp" // registers the udp probe
)
