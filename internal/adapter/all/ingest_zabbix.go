package all

import (
	_ "github.com/mainstay-ops/mainstay/internal/adapter/ingest/zabbix" // registers the protocol
)
