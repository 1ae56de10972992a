package all

import (
	_ "github.com/mainstay-ops/mainstay/internal/adapter/notify/email" // registers the email channel
)
