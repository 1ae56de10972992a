package all

import (
	_ "github.com/mainstay-ops/mainstay/internal/adapter/probe/snmp" // registers the snmp probe
)
