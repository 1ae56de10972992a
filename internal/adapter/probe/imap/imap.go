// Package imap checks that an IMAP server greets, with or without TLS.
package imap

import (
	"github.com/mainstay-ops/mainstay/internal/adapter/probe/internal/probekit"
	"github.com/mainstay-ops/mainstay/internal/observe"
)

func init() { observe.RegisterProbe(probekit.LineServiceType("imap", "IMAP", "143", "993")) }
