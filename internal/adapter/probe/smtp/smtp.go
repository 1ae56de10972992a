// Package smtp checks that an SMTP server greets, with or without TLS.
package smtp

import (
	"github.com/mainstay-ops/mainstay/internal/adapter/probe/internal/probekit"
	"github.com/mainstay-ops/mainstay/internal/observe"
)

func init() { observe.RegisterProbe(probekit.LineServiceType("smtp", "SMTP", "25", "465")) }
