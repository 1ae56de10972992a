package all

import (
	_ "github.com/mainstay-ops/mainstay/internal/adapter/probe/dns" // registers the dns probe
)
