// Package procrun runs a program with bounds: time, output and environment. When
// a bound is met, the program and all processes that it started are killed: its process group on Unix,
// its job object on Windows.
package procrun

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// MaxOutput is how many bytes of output are kept.
const MaxOutput = 64 << 10

// Command is a prepared program. It is made once and run many times.
type Command struct {
	path string
	argv []string
	attr os.ProcAttr
	null *os.File
}

// Outcome is how a program ended.
type Outcome struct {
	// Output holds standard output and standard error in the order written, at
	// most MaxOutput bytes.
	Output []byte
	// ExitCode is -1 when the program was killed by a signal.
	ExitCode int
	// Signal that ended the program, 0 for none.
	Signal syscall.Signal
	// TimedOut and Flooded tell that it was killed for its time or its output.
	TimedOut, Flooded bool
	// CPU is the processor time used by the program and its awaited children.
	CPU time.Duration
}

// inherited are the variables that a program gets from Mainstay itself. Secrets in
// the environment of the server stay there.
var inherited = [...]string{
	"PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "USER", "LOGNAME",
	// Windows starts hardly any program without these.
	"SYSTEMROOT", "COMSPEC", "PATHEXT", "TEMP", "TMP", "USERPROFILE",
}

// Prepare finds the program and makes its environment: the allowed variables of
// this process and those of env, which win. It reads nothing else.
func Prepare(argv []string, env map[string]string) (*Command, error) {
	if len(argv) == 0 || argv[0] == "" {
		return nil, errors.New("no program is named")
	}
	path := argv[0]
	if !filepath.IsAbs(path) {
		found, err := exec.LookPath(path)
		if err != nil {
			return nil, fmt.Errorf("the program %q was not found", path)
		}
		path = found
	}
	c := &Command{path: path, argv: argv}
	for _, k := range inherited {
		if _, own := env[k]; own {
			continue
		}
		if v, ok := os.LookupEnv(k); ok {
			c.attr.Env = append(c.attr.Env, k+"="+v)
		}
	}
	if c.attr.Env == nil {
		c.attr.Env = []string{}
	}
	for k, v := range env {
		if k == "" || strings.ContainsAny(k, "=\x00") || strings.ContainsRune(v, 0) {
			return nil, fmt.Errorf("the environment variable %q has a name or value that cannot be passed on", k)
		}
		c.attr.Env = append(c.attr.Env, k+"="+v)
	}
	null, err := devNull()
	if err != nil {
		return nil, err
	}
	c.null = null
	c.attr.Sys = attributes()
	return c, nil
}

// devNull is opened once for all programs; nobody can read anything from it.
var devNull = sync.OnceValues(func() (*os.File, error) { return os.Open(os.DevNull) })

var buffers = sync.Pool{New: func() any { b := make([]byte, 0, 4096); return &b }}

// Run starts the program and waits for its end, for the end of ctx, or for too much
// output; use gets the outcome, whose Output is valid only inside. The error tells
// that the program could not be started.
func (c *Command) Run(ctx context.Context, use func(Outcome)) error {
	r, w, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("no pipe for the program: %w", err)
	}
	attr := c.attr
	attr.Files = []*os.File{c.null, w, w}
	p, all, err := start(c.path, c.argv, &attr)
	_ = w.Close()
	if err != nil {
		_ = r.Close()
		var pe *os.PathError
		if errors.As(err, &pe) {
			err = pe.Err
		}
		return fmt.Errorf("the program %s could not be started: %w", c.path, err)
	}
	defer all.close()
	var timedOut atomic.Bool
	stop := context.AfterFunc(ctx, func() {
		timedOut.Store(true)
		all.kill()
		// Where pipes know no deadlines, closing the last writer ends the reading.
		_ = r.SetReadDeadline(time.Unix(1, 0))
	})
	buf := buffers.Get().(*[]byte)
	defer buffers.Put(buf)
	out, flooded := readAll(r, (*buf)[:0])
	*buf = out
	var o Outcome
	if flooded {
		o.Flooded = true
		all.kill()
	}
	_ = r.Close()
	st, err := p.Wait()
	if !stop() || timedOut.Load() {
		o.TimedOut = true
	}
	if err != nil {
		return fmt.Errorf("the end of the program was not seen: %w", err)
	}
	o.Output, o.ExitCode, o.CPU = out, st.ExitCode(), st.UserTime()+st.SystemTime()
	o.Signal = signalOf(st)
	use(o)
	return nil
}

// readAll reads until the end or until MaxOutput is passed.
func readAll(r io.Reader, buf []byte) ([]byte, bool) {
	for {
		if len(buf) == cap(buf) {
			buf = append(buf, 0)[:len(buf)]
		}
		n, err := r.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if len(buf) > MaxOutput {
			return buf[:MaxOutput], true
		}
		if err != nil {
			return buf, false
		}
	}
}
