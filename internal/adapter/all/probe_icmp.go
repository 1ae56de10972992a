package all

import (
	_ "github.com/mainstay-ops/mainstay/internal/adapter/probe/icmp" // registers the icmp probe
)
