// Package ftp checks that an FTP server greets, with or without TLS.
package ftp

import (
	"github.com/mainstay-ops/mainstay/internal/adapter/probe/internal/probekit"
	"github.com/mainstay-ops/mainstay/internal/observe"
)

func init() { observe.RegisterProbe(probekit.LineServiceType("ftp", "FTP", "21", "990")) }
