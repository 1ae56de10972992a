package all

import (
	_ "github.com/mainstay-ops/mainstay/internal/adapter/probe/trap" // registers the trap check
)
