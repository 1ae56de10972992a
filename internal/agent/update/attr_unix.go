//go:build unix && !linux

package update

import "syscall"

func attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{} }
