// Package pop3 checks that a POP3 server greets, with or without TLS.
package pop3

import (
	"github.com/mainstay-ops/mainstay/internal/adapter/probe/internal/probekit"
	"github.com/mainstay-ops/mainstay/internal/observe"
)

func init() { observe.RegisterProbe(probekit.LineServiceType("pop3", "POP3", "110", "995")) }
