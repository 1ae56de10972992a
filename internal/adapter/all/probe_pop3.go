package all

import (
	_ "github.com/mainstay-ops/mainstay/internal/adapter/probe/pop3" // registers the pop3 probe
)
