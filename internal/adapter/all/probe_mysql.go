package all

import (
	_ "github.com/mainstay-ops/mainstay/internal/adapter/probe/mysql" // registers the mysql probe
)
