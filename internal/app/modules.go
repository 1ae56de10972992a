package app

import (
	"github.com/mainstay-ops/mainstay/internal/core/module"
	"github.com/mainstay-ops/mainstay/internal/detect/outside"
	"github.com/mainstay-ops/mainstay/internal/detect/pattern"
	"github.com/mainstay-ops/mainstay/internal/detect/rule"
	"github.com/mainstay-ops/mainstay/internal/estate/address"
	"github.com/mainstay-ops/mainstay/internal/estate/asset"
	"github.com/mainstay-ops/mainstay/internal/estate/discovery"
	"github.com/mainstay-ops/mainstay/internal/estate/inventory"
	"github.com/mainstay-ops/mainstay/internal/estate/topology"
	"github.com/mainstay-ops/mainstay/internal/observe/agent"
	"github.com/mainstay-ops/mainstay/internal/observe/check"
	"github.com/mainstay-ops/mainstay/internal/observe/device"
	"github.com/mainstay-ops/mainstay/internal/observe/edge"
	"github.com/mainstay-ops/mainstay/internal/observe/flow"
	"github.com/mainstay-ops/mainstay/internal/observe/ingest"
	"github.com/mainstay-ops/mainstay/internal/observe/iot"
	"github.com/mainstay-ops/mainstay/internal/observe/log"
	"github.com/mainstay-ops/mainstay/internal/observe/metric"
	"github.com/mainstay-ops/mainstay/internal/observe/packet"
	"github.com/mainstay-ops/mainstay/internal/observe/path"
	"github.com/mainstay-ops/mainstay/internal/observe/scrape"
	"github.com/mainstay-ops/mainstay/internal/observe/trace"
	"github.com/mainstay-ops/mainstay/internal/observe/trap"
	"github.com/mainstay-ops/mainstay/internal/report/dashboard"
	"github.com/mainstay-ops/mainstay/internal/report/kpi"
	"github.com/mainstay-ops/mainstay/internal/respond/alert"
	"github.com/mainstay-ops/mainstay/internal/respond/incident"
	"github.com/mainstay-ops/mainstay/internal/respond/notify"
	"github.com/mainstay-ops/mainstay/internal/respond/oncall"
)

// modules is THE list of modules, in the order in which they start. Adding one is
// one line here and one in web/src/modules.ts.
func modules() []module.Module {
	return []module.Module{
		inventory.Module(),
		metric.Module(),
		trace.Module(),
		log.Module(),
		check.Module(),
		alert.Module(),
		incident.Module(),
		notify.Module(),
		oncall.Module(),
		kpi.Module(),
		dashboard.Module(),
		rule.Module(),
		pattern.Module(),
		outside.Module(),
		discovery.Module(),
		topology.Module(),
		address.Module(),
		asset.Module(),
		agent.Module(),
		edge.Module(),
		device.Module(),
		flow.Module(),
		ingest.Module(),
		trap.Module(),
		path.Module(),
		packet.Module(),
		scrape.Module(),
		iot.Module(),
	}
}
