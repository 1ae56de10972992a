package app

import (
	"github.com/mainstay-ops/mainstay/internal/core/module"
	"github.com/mainstay-ops/mainstay/internal/estate/inventory"
	"github.com/mainstay-ops/mainstay/internal/observe/check"
	"github.com/mainstay-ops/mainstay/internal/observe/metric"
)

// modules is THE list of modules, in the order in which they start. Adding one is
// one line here and one in web/src/modules.ts.
func modules() []module.Module {
	return []module.Module{
		inventory.Module(),
		metric.Module(),
		check.Module(),
	}
}
