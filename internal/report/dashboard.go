package report

import "github.com/mainstay-ops/mainstay/internal/core/access"

// DashboardKind is the entity kind of dashboards.
const DashboardKind = "dashboard"

// DashboardPath is where the web UI shows a dashboard; its name follows.
const DashboardPath = "/report/dashboards/"

// Permissions on dashboards. What a panel shows needs the permission of its signals as
// well.
var (
	ReadDashboards  = access.Permission{Name: "dashboard.read", Title: "See dashboards", Least: access.Viewer}
	WriteDashboards = access.Permission{Name: "dashboard.write", Title: "Change dashboards", Least: access.Responder}
	ShareDashboards = access.Permission{Name: "dashboard.share", Title: "Show dashboards to whoever has the link", Least: access.Operator}
)
