package all

import (
	_ "github.com/mainstay-ops/mainstay/internal/adapter/probe/script" // registers the script probe
)
