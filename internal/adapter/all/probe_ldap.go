package all

import (
	_ "github.com/mainstay-ops/mainstay/internal/adapter/probe/ldap" // registers the ldap probe
)
