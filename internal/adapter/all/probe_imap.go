package all

import (
	_ "github.com/mainstay-ops/mainstay/internal/adapter/probe/imap" // registers the imap probe
)
