package all

import (
	_ "github.com/mainstay-ops/mainstay/internal/adapter/probe/process" // registers the process probe
)
