package all

import (
	_ "github.com/mainstay-ops/mainstay/internal/adapter/notify/slack" // registers the slack channel
)
