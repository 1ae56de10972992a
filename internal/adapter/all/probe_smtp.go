package all

import (
	_ "github.com/mainstay-ops/mainstay/internal/adapter/probe/smtp" // registers the smtp probe
)
