package all

import (
	_ "github.com/mainstay-ops/mainstay/internal/adapter/probe/ftp" // registers the ftp probe
)
