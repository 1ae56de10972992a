package all

import (
	_ "github.com/mainstay-ops/mainstay/internal/adapter/probe/tcp" // registers the tcp probe
)
