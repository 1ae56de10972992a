package procrun

import (
	"fmt"
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/windows"
)

// family is a job object. It has the limit "kill on close": no process of it outlives
// this one.
type family struct{ job windows.Handle }

// attributes start the program stopped: nothing of it runs before it is in its job.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{
		HideWindow:    true,
		CreationFlags: windows.CREATE_SUSPENDED | windows.CREATE_NEW_PROCESS_GROUP,
	}
}

func start(path string, argv []string, attr *os.ProcAttr) (*os.Process, family, error) {
	job, err := newJob()
	if err != nil {
		return nil, family{}, err
	}
	f := family{job: job}
	p, err := os.StartProcess(path, argv, attr)
	if err != nil {
		f.close()
		return nil, family{}, err
	}
	if err := adopt(job, p.Pid); err != nil {
		_ = p.Kill()
		_, _ = p.Wait()
		f.close()
		return nil, family{}, err
	}
	return p, f, nil
}

func newJob() (windows.Handle, error) {
	job, err := windows.CreateJobObject(nil, nil)
	if err != nil {
		return 0, fmt.Errorf("no job object for the program: %w", err)
	}
	var limit windows.JOBOBJECT_EXTENDED_LIMIT_INFORMATION
	limit.BasicLimitInformation.LimitFlags = windows.JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE
	_, err = windows.SetInformationJobObject(job, windows.JobObjectExtendedLimitInformation,
		uintptr(unsafe.Pointer(&limit)), uint32(unsafe.Sizeof(limit)))
	if err != nil {
		_ = windows.CloseHandle(job)
		return 0, fmt.Errorf("the job object takes no limits: %w", err)
	}
	return job, nil
}

// adopt puts the stopped program into the job and lets its threads go on.
func adopt(job windows.Handle, pid int) error {
	id := uint32(pid) //nolint:gosec // process ids of Windows have 32 bits
	h, err := windows.OpenProcess(windows.PROCESS_SET_QUOTA|windows.PROCESS_TERMINATE, false, id)
	if err != nil {
		return fmt.Errorf("the program cannot be opened: %w", err)
	}
	defer func() { _ = windows.CloseHandle(h) }()
	if err := windows.AssignProcessToJobObject(job, h); err != nil {
		return fmt.Errorf("the program cannot be put into its job: %w", err)
	}
	return resume(id)
}

func resume(pid uint32) error {
	snap, err := windows.CreateToolhelp32Snapshot(windows.TH32CS_SNAPTHREAD, 0)
	if err != nil {
		return fmt.Errorf("the threads of the program are not seen: %w", err)
	}
	defer func() { _ = windows.CloseHandle(snap) }()
	entry := windows.ThreadEntry32{Size: uint32(unsafe.Sizeof(windows.ThreadEntry32{}))}
	found := false
	for err = windows.Thread32First(snap, &entry); err == nil; err = windows.Thread32Next(snap, &entry) {
		if entry.OwnerProcessID != pid {
			continue
		}
		th, err := windows.OpenThread(windows.THREAD_SUSPEND_RESUME, false, entry.ThreadID)
		if err != nil {
			return fmt.Errorf("a thread of the program cannot be opened: %w", err)
		}
		_, err = windows.ResumeThread(th)
		_ = windows.CloseHandle(th)
		if err != nil {
			return fmt.Errorf("the program cannot be let go on: %w", err)
		}
		found = true
	}
	if !found {
		return fmt.Errorf("the program has no thread: %w", err)
	}
	return nil
}

func (f family) kill() { _ = windows.TerminateJobObject(f.job, 1) }

func (f family) close() { _ = windows.CloseHandle(f.job) }

// signalOf is 0: Windows has no signals.
func signalOf(*os.ProcessState) syscall.Signal { return 0 }
