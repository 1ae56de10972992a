package all

import (
	_ "github.com/mainstay-ops/mainstay/internal/adapter/notify/teams" // registers the teams channel
)
