package all

import (
	_ "github.com/mainstay-ops/mainstay/internal/adapter/probe/path" // registers the path check
)
