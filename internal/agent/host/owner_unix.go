//go:build unix

package host

import (
	"io/fs"
	"syscall"
)

// ofRoot tells whether root owns the file and nobody else may change it.
func ofRoot(i fs.FileInfo) bool {
	s, ok := i.Sys().(*syscall.Stat_t)
	return ok && s.Uid == 0 && i.Mode().Perm()&0o022 == 0
}
