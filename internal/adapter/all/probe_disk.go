package all

import (
	_ "github.com/mainstay-ops/mainstay/internal/adapter/probe/disk" // registers the disk probe
)
