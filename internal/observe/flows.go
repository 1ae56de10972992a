package observe

import "github.com/mainstay-ops/mainstay/internal/core/access"

// Permissions on records of traffic. They tell who talked to whom, across all teams.
var (
	ReadFlows  = access.Permission{Name: "flow.read", Title: "See who talks to whom on the network", Least: access.Responder}
	WriteFlows = access.Permission{Name: "flow.write", Title: "Change how traffic is judged", Least: access.Operator}
)
