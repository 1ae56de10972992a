//go:build !unix

package logs

import (
	"os"
	"strconv"
	"syscall"
)

// fileID is the time at which the file was made: what this system tells cheaply.
func fileID(st os.FileInfo) string {
	s, ok := st.Sys().(*syscall.Win32FileAttributeData)
	if !ok {
		return ""
	}
	return strconv.FormatInt(s.CreationTime.Nanoseconds(), 10)
}
