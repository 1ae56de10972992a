package all

import (
	_ "github.com/mainstay-ops/mainstay/internal/adapter/probe/plugin" // registers the plugin probe
)
