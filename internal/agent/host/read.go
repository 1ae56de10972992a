package host

import (
	"bytes"
	"context"
	"io"
	"os"
	"os/exec"
	"path"
	"regexp"
	"strings"
	"time"
)

// maxSmall bounds files of the kernel and of the system that are read whole.
const maxSmall = 1 << 20

func readSmall(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxSmall))
}

// line reads the first line of a file of the system, empty when there is none.
func line(name string) string {
	b, err := readSmall(name)
	if err != nil {
		return ""
	}
	s, _, _ := strings.Cut(string(b), "\n")
	return clean(s, 200)
}

func clean(s string, n int) string {
	s = strings.TrimSpace(strings.ToValidUTF8(strings.ReplaceAll(s, "\x00", ""), "_"))
	return strings.ToValidUTF8(s[:min(len(s), n)], "")
}

// limited keeps the first bytes that are written to it.
type limited struct {
	bytes.Buffer
	left int
}

func (l *limited) Write(p []byte) (int, error) {
	keep := p[:min(len(p), l.left)]
	l.left -= len(keep)
	_, err := l.Buffer.Write(keep)
	return len(p), err
}

const (
	programTimeout = 20 * time.Second
	maxProgramOut  = 8 << 20
)

// program runs a program of the system and gives its output; nil when it is not there
// or failed and said nothing.
func program(ctx context.Context, name string, args ...string) []byte {
	p, err := exec.LookPath(name)
	if err != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, programTimeout)
	defer cancel()
	out := &limited{left: maxProgramOut}
	cmd := exec.CommandContext(ctx, p, args...)
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	cmd.Stdout, cmd.WaitDelay = out, time.Second
	// Some tell findings by their exit code; what they wrote counts.
	if err := cmd.Run(); err != nil && out.Len() == 0 {
		return nil
	}
	return out.Bytes()
}

var optionRE = regexp.MustCompile(`^--?[A-Za-z][A-Za-z0-9_-]*$`)

// maskCommand writes what may be shown of a command line: the program, its first plain
// word, and the names of options. Values are left out: a password hides in too many
// places to look for it.
func maskCommand(args []string) string {
	if len(args) == 1 {
		args = strings.Fields(args[0]) // a process that writes its own title
	}
	out := make([]string, 0, min(len(args), 64))
	value := false
	for i, a := range args {
		if i >= 64 {
			break
		}
		word := "…"
		switch {
		case i == 0:
			word = path.Base(a)
		case strings.HasPrefix(a, "-"):
			name, _, assigned := strings.Cut(a, "=")
			switch {
			case !optionRE.MatchString(name):
				word = "-…"
			case !strings.HasPrefix(name, "--") && len(name) > 2:
				word = name[:2] + "…" // a short option may carry its value
			case assigned:
				word = name + "=…"
			default:
				word = name
			}
			value = !assigned
			out = append(out, word)
			continue
		case i == 1 && !value && !strings.ContainsAny(a, "=:@?&"):
			word = a
		}
		value = false
		if word == "…" && len(out) > 0 && out[len(out)-1] == "…" {
			continue
		}
		out = append(out, word)
	}
	return clean(strings.Join(out, " "), 500)
}
