package all

import (
	_ "github.com/mainstay-ops/mainstay/internal/adapter/notify/webhook" // registers the webhook channel
)
