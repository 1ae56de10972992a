//go:build !unix

package host

import "io/fs"

// ofRoot is not known elsewhere, and nothing is run there.
func ofRoot(fs.FileInfo) bool { return false }
