package all

import (
	_ "github.com/mainstay-ops/mainstay/internal/adapter/probe/postgres" // registers the postgres probe
)
