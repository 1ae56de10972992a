//go:build !unix

package spool

import "os"

// lockFile does nothing where there is no flock: the service manager starts one agent.
func lockFile(*os.File) error { return nil }
