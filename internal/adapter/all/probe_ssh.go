package all

import (
	_ "github.com/mainstay-ops/mainstay/internal/adapter/probe/ssh" // registers the ssh probe
)
