package detect

import "github.com/mainstay-ops/mainstay/internal/core/access"

// Permissions of alerts that other programs send.
var (
	ReadOutside  = access.Permission{Name: "outside.read", Title: "See alerts of other programs", Least: access.Viewer}
	EndOutside   = access.Permission{Name: "outside.end", Title: "End alerts of other programs", Least: access.Responder}
	WriteOutside = access.Permission{Name: "outside.write", Title: "Change how payloads of other programs become alerts", Least: access.Operator}
)

// OutsidePath is where the web UI shows an alert of another program; its id follows.
const OutsidePath = "/detect/outside/"
