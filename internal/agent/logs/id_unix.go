//go:build unix

package logs

import (
	"os"
	"strconv"
	"syscall"
)

// fileID tells files apart, whatever they are called.
func fileID(st os.FileInfo) string {
	s, ok := st.Sys().(*syscall.Stat_t)
	if !ok {
		return ""
	}
	return strconv.FormatUint(uint64(s.Dev), 16) + ":" + strconv.FormatUint(s.Ino, 10) //nolint:unconvert // Dev has another type on other systems
}
