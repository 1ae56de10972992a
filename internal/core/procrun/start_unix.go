//go:build unix

package procrun

import (
	"os"
	"syscall"
)

// family is a process group; its number is that of the program, see Setpgid.
type family struct{ pid int }

func attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

func start(path string, argv []string, attr *os.ProcAttr) (*os.Process, family, error) {
	p, err := os.StartProcess(path, argv, attr)
	if err != nil {
		return nil, family{}, err
	}
	return p, family{pid: p.Pid}, nil
}

func (f family) kill() { _ = syscall.Kill(-f.pid, syscall.SIGKILL) }

func (family) close() {}

func signalOf(st *os.ProcessState) syscall.Signal {
	if ws, ok := st.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		return ws.Signal()
	}
	return 0
}
