// Package report is the contract of the wing that turns what happened into
// figures with a definition.
package report

import "github.com/mainstay-ops/mainstay/internal/core/access"

// Read is the permission to see reports.
var Read = access.Permission{Name: "report.read", Title: "See reports", Least: access.Viewer}
