// Package smtp checks that an SMTP server greets, with or without TLS.
package smtp

import "github.com/mainstay-ops/mainstay/internal/observe"

func init() { observe.RegisterProbe(observe.LineServiceType("smtp", "SMTP", "25", "465")) }
