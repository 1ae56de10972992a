package all

import (
	_ "github.com/mainstay-ops/mainstay/internal/adapter/probe/ntp" // registers the ntp probe
)
