//go:build unix

package update

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
)

// Able says that a program can replace itself on this system.
const Able = true

// Replace becomes the program at path, with the same arguments, instead of that at self.
func Replace(path, self string) error {
	_ = os.Unsetenv(Trial)
	if err := os.Setenv(InPlace, self); err != nil {
		return err
	}
	return syscall.Exec(path, append([]string{path}, os.Args[1:]...), os.Environ())
}

// Try runs the program that Fetch gave as a child, with the arguments of this one. When
// it has reported within limit, it becomes the program of the agent: Try does not
// return then, this process is the new program. Else the reason is noted and the error
// says it.
func (s *Store) Try(ctx context.Context, logger *slog.Logger, next, try, sum, self string, limit time.Duration) error {
	st := s.load()
	st.Trying = try
	if err := s.save(st); err != nil {
		return err
	}
	report := s.file("reported")
	_ = os.Remove(report)
	logger.Info("the new program is tried", "seconds", limit.Seconds())
	if err := s.run(ctx, next, report, self, limit); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return failedTry(err, s.fail(try, errs.Message(err)))
	}
	if err := os.Rename(next, s.file("mainstay")); err != nil {
		return failedTry(err, s.fail(try, "The new program cannot take its place."))
	}
	if err := s.save(state{Program: sum, Base: stamp(self)}); err != nil {
		return err
	}
	logger.Info("the new program reported; it goes on as the agent")
	return failedTry(Replace(s.file("mainstay"), self), s.fail(try, "The new program cannot be started."))
}

func failedTry(err, noted error) error {
	if noted != nil {
		return fmt.Errorf("%w (and it cannot be noted: %w)", err, noted)
	}
	return err
}

// run starts the program and waits for its report, then ends it.
func (s *Store) run(ctx context.Context, path, report, self string, limit time.Duration) error {
	// The child ends with the thread that started it.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, os.Args[1:]...) //nolint:gosec // signed by the server, checked by Fetch
	cmd.Env = append(os.Environ(), InPlace+"="+self, Trial+"="+report)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 20 * time.Second
	cmd.SysProcAttr = attributes()
	if err := cmd.Start(); err != nil {
		return errs.Wrap(errs.Unavailable, err, "The new program cannot be started: %v.", err)
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	end, look := time.NewTimer(limit), time.NewTicker(100*time.Millisecond)
	defer end.Stop()
	defer look.Stop()
	for {
		select {
		case err := <-done:
			return errs.New(errs.Unavailable, "The new program ended before it reported (%v).", err)
		case <-end.C:
			cancel()
			<-done //nolint:errcheck // it was told to end
			return errs.New(errs.Unavailable, "The new program did not report within %s.", limit)
		case <-ctx.Done():
			<-done //nolint:errcheck // it was told to end
			return ctx.Err()
		case <-look.C:
			if _, err := os.Stat(report); err == nil {
				cancel()
				<-done //nolint:errcheck // it was told to end
				return nil
			}
		}
	}
}
