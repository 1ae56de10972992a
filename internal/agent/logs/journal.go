package logs

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/agentwire"
)

// levels are the words for PRIORITY 0 to 7, see sd-daemon(3).
var levels = [...]string{"emergency", "alert", "critical", "error", "warning", "notice", "info", "debug"}

const (
	maxEntry     = 1 << 20
	journalRetry = 10 * time.Second
)

// entry is one entry of the journal.
type entry struct {
	cursor string
	at     int64
	level  string
	stream map[string]string
	fields map[string]string
	text   string
	cut    int
}

// journal follows the journal with journalctl as a child: the format of its files is
// open to systemd alone.
type journal struct {
	dir     string
	units   []string
	max     int
	entries chan entry
	problem atomic.Pointer[string]
	cancel  context.CancelFunc
	done    chan struct{}
}

// follow begins behind cursor; without one at the end.
func follow(ctx context.Context, dir string, units []string, maxBytes int, cursor string) *journal {
	ctx, cancel := context.WithCancel(ctx)
	j := &journal{dir: dir, units: units, max: maxBytes, entries: make(chan entry, 1000), cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(j.done)
		for {
			err := j.run(ctx, &cursor)
			if ctx.Err() != nil {
				return
			}
			if err != nil {
				m := err.Error()
				j.problem.Store(&m)
			}
			select {
			case <-ctx.Done():
				return
			case <-time.After(journalRetry):
			}
		}
	}()
	return j
}

func (j *journal) stop() { j.cancel(); <-j.done }

func (j *journal) args(more ...string) []string {
	a := []string{"--output=json", "--all", "--quiet", "--no-pager", "--output-fields=MESSAGE,PRIORITY,SYSLOG_IDENTIFIER,SYSLOG_FACILITY,_SYSTEMD_UNIT,_SYSTEMD_USER_UNIT,UNIT,_PID,_COMM,_HOSTNAME,_UID,_TRANSPORT,CONTAINER_NAME,CODE_FILE,CODE_LINE"}
	if j.dir != "" {
		a = append(a, "--directory="+j.dir)
	}
	for _, u := range j.units {
		a = append(a, "--unit="+u)
	}
	return append(a, more...)
}

// end gives the cursor of the newest entry; empty when there is none.
func (j *journal) end(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	whole := &journal{dir: j.dir}                                                           // any entry will do, not only one of the units
	out, err := exec.CommandContext(ctx, "journalctl", whole.args("--lines=1")...).Output() //nolint:gosec // a directory of the host's own file
	if err != nil {
		return "", failed(err)
	}
	e, err := parseEntry(bytes.TrimSpace(out), 0)
	if err != nil {
		return "", nil //nolint:nilerr // the journal is empty
	}
	return e.cursor, nil
}

func failed(err error) error {
	var x *exec.ExitError
	switch {
	case errors.Is(err, exec.ErrNotFound):
		return errors.New("The journal cannot be read: this host has no journalctl.")
	case errors.As(err, &x) && len(x.Stderr) > 0:
		return fmt.Errorf("The journal cannot be read: %s", firstLine(x.Stderr))
	}
	return fmt.Errorf("The journal cannot be read: %w", err)
}

func firstLine(b []byte) string {
	l, _, _ := strings.Cut(strings.TrimSpace(string(b[:min(len(b), 300)])), "\n")
	return l
}

// run follows until ctx ends or journalctl does. *cursor moves with what was read.
func (j *journal) run(ctx context.Context, cursor *string) error {
	if *cursor == "" {
		c, err := j.end(ctx)
		if err != nil {
			return err
		}
		*cursor = c
		if c != "" {
			// The place is kept although nothing was read: a restart goes on here.
			if !j.give(ctx, entry{cursor: c}) {
				return nil
			}
		}
	}
	from := "--after-cursor=" + *cursor
	if *cursor == "" {
		from = "--lines=all"
	}
	cmd := exec.CommandContext(ctx, "journalctl", j.args("--follow", "--no-tail", from)...) //nolint:gosec // no shell; units are arguments of their own
	var said bytes.Buffer
	cmd.Stderr = &limited{w: &said, left: 2000}
	cmd.WaitDelay = 5 * time.Second
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		return failed(err)
	}
	r := bufio.NewReaderSize(out, 64<<10)
	for ctx.Err() == nil {
		line, cut, err := readLine(r, maxEntry)
		if err != nil {
			break
		}
		if cut {
			continue // more than a mebibyte of fields; the text alone is bounded elsewhere
		}
		e, err := parseEntry(line, j.max)
		if err != nil {
			continue
		}
		j.problem.Store(nil)
		*cursor = e.cursor
		if !j.give(ctx, e) {
			break
		}
	}
	if ctx.Err() == nil && cmd.Process != nil {
		_ = cmd.Process.Kill()
	}
	err = cmd.Wait()
	if ctx.Err() != nil {
		return nil
	}
	if m := firstLine(said.Bytes()); m != "" {
		return fmt.Errorf("The journal cannot be read: %s", m)
	}
	return failed(errors.Join(errors.New("journalctl ended"), err))
}

func (j *journal) give(ctx context.Context, e entry) bool {
	select {
	case j.entries <- e:
		return true
	case <-ctx.Done():
		return false
	}
}

// limited keeps the beginning of what is written.
type limited struct {
	w    io.Writer
	left int
}

// Write implements io.Writer.
func (l *limited) Write(b []byte) (int, error) {
	n := min(len(b), l.left)
	l.left -= n
	if _, err := l.w.Write(b[:n]); err != nil {
		return 0, err
	}
	return len(b), nil
}

// readLine reads a line; cut tells that it was longer than limit and is left out.
func readLine(r *bufio.Reader, limit int) (line []byte, cut bool, err error) {
	for {
		part, err := r.ReadSlice('\n')
		if len(line)+len(part) <= limit {
			line = append(line, part...)
		} else {
			cut = true
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return line, cut, err
		}
	}
}

// text reads a field of the journal: a text, a list of bytes, or several values.
func text(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s
	}
	var b []int
	if json.Unmarshal(raw, &b) == nil {
		out := make([]byte, 0, len(b))
		for _, c := range b {
			out = append(out, byte(c)) //nolint:gosec // bytes, by the format
		}
		return string(out)
	}
	var many []json.RawMessage
	if json.Unmarshal(raw, &many) == nil && len(many) > 0 && raw[0] == '[' {
		return text(many[0])
	}
	return ""
}

// parseEntry reads an entry in the JSON format of journalctl, see
// https://systemd.io/JOURNAL_EXPORT_FORMATS/.
func parseEntry(b []byte, maxBytes int) (entry, error) {
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(b, &raw); err != nil {
		return entry{}, err
	}
	f := func(names ...string) string {
		for _, n := range names {
			if v, ok := raw[n]; ok {
				if s := strings.ReplaceAll(text(v), "\x00", ""); s != "" {
					return s
				}
			}
		}
		return ""
	}
	e := entry{cursor: f("__CURSOR"), text: f("MESSAGE"), stream: map[string]string{}, fields: map[string]string{}}
	if e.cursor == "" {
		return e, errors.New("the entry has no cursor")
	}
	if us, err := strconv.ParseInt(f("__REALTIME_TIMESTAMP"), 10, 64); err == nil && us > 0 && us < 1<<53 {
		e.at = us * 1000
	}
	if p, err := strconv.Atoi(f("PRIORITY")); err == nil && p >= 0 && p < len(levels) {
		e.level = levels[p]
		e.fields["priority"] = strconv.Itoa(p)
	}
	set := func(m map[string]string, name, v string) {
		if v != "" {
			m[name] = v[:min(len(v), 500)]
		}
	}
	set(e.stream, "source", "journal")
	set(e.stream, "host", f("_HOSTNAME"))
	set(e.stream, "unit", f("_SYSTEMD_UNIT", "UNIT", "_SYSTEMD_USER_UNIT"))
	set(e.stream, "app", f("SYSLOG_IDENTIFIER", "_COMM"))
	for _, n := range [][2]string{{"pid", "_PID"}, {"uid", "_UID"}, {"transport", "_TRANSPORT"}, {"container", "CONTAINER_NAME"}, {"code_file", "CODE_FILE"}, {"code_line", "CODE_LINE"}} {
		set(e.fields, n[0], f(n[1]))
	}
	if maxBytes > 0 && len(e.text) > maxBytes {
		e.text, e.cut = e.text[:maxBytes], len(e.text)-maxBytes
	}
	return e, nil
}

func (e entry) line(stream int, now time.Time) agentwire.Line {
	l := agentwire.Line{At: e.at, ReadAt: now.UnixNano(), Stream: stream, Level: e.level, Message: e.text, Fields: e.fields}
	if e.cut > 0 {
		l.Fields["cut_bytes"] = strconv.Itoa(e.cut)
	}
	return l
}

func sameUnits(a, b []string) bool { return slices.Equal(a, b) }
