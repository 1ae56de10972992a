package detect

import "github.com/mainstay-ops/mainstay/internal/core/access"

// Permissions of log patterns. Whoever reads them must be allowed to see all logs too.
var (
	ReadPatterns  = access.Permission{Name: "pattern.read", Title: "See log patterns", Least: access.Viewer}
	MarkPatterns  = access.Permission{Name: "pattern.mark", Title: "Mark log patterns as known, muted or notable", Least: access.Responder}
	WritePatterns = access.Permission{Name: "pattern.write", Title: "Say which log patterns raise alerts", Least: access.Operator}
)
