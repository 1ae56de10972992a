package logs

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"regexp"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/agentwire"
)

const (
	chunk = 64 << 10
	// settle is how long a record waits for a line that continues it.
	settle = 2 * time.Second
	// headBytes at the begin of a file tell it from another with the same number.
	headBytes = 256
)

// place is where reading of a file goes on.
type place struct {
	Path   string `json:"path"`
	ID     string `json:"id"`
	Offset int64  `json:"offset"`
	// Head is the SHA-256 of the first HeadLen bytes.
	Head    string `json:"head,omitempty"`
	HeadLen int64  `json:"head_len,omitempty"`
}

// tail reads one file.
type tail struct {
	f      *os.File
	place  place // Offset: all before it was handed out
	cfg    agentwire.LogFile
	begins *regexp.Regexp
	max    int

	at      int64 // read up to here
	line    []byte
	lineCut int
	// rec is the record that the next line may continue; it ends at recEnd.
	rec    []byte
	recCut int
	recEnd int64
	open   bool
	grown  time.Time
	// gone says that the path leads to another file now.
	gone bool
}

// record is what was read as one.
type record struct {
	text string
	cut  int
}

// resume sets the tail to its place; a file that is another now begins anew.
func (t *tail) resume(size int64) {
	if t.place.Offset > size || t.place.HeadLen > 0 && !t.sameHead() {
		t.restart()
	}
	t.rewind()
}

// restart begins the file anew.
func (t *tail) restart() {
	t.place.Offset, t.place.Head, t.place.HeadLen = 0, "", 0
	t.rewind()
}

// rewind forgets what was read and not handed out.
func (t *tail) rewind() {
	t.at, t.recEnd = t.place.Offset, t.place.Offset
	t.line, t.rec, t.lineCut, t.recCut, t.open = t.line[:0], t.rec[:0], 0, 0, false
}

func (t *tail) head(n int64) string {
	b := make([]byte, n)
	if _, err := t.f.ReadAt(b, 0); err != nil {
		return ""
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

func (t *tail) sameHead() bool { return t.head(t.place.HeadLen) == t.place.Head }

// mark notes the head of the file once there is enough of it.
func (t *tail) mark() {
	if n := min(t.place.Offset, headBytes); n > t.place.HeadLen {
		if h := t.head(n); h != "" {
			t.place.Head, t.place.HeadLen = h, n
		}
	}
}

// read hands out at most budget records with at most room bytes.
func (t *tail) read(budget, room int, now time.Time) ([]record, error) {
	st, err := t.f.Stat()
	if err != nil {
		return nil, err
	}
	if st.Size() < t.at || t.place.HeadLen > 0 && st.Size() > t.at && !t.sameHead() {
		t.restart() // it was cut to be written anew
	}
	var out []record
	emit := func() {
		r := record{text: string(t.rec), cut: t.recCut}
		out = append(out, r)
		room -= len(r.text)
		t.place.Offset, t.rec, t.recCut, t.open = t.recEnd, t.rec[:0], 0, false
	}
	buf := make([]byte, chunk)
	for len(out) < budget && room > 0 {
		n, err := t.f.ReadAt(buf, t.at)
		if err != nil && !errors.Is(err, io.EOF) {
			return out, err
		}
		if n == 0 {
			if t.gone && len(t.line) > 0 {
				if t.open && !t.continues() {
					emit()
				}
				t.endLine(t.at, now) // its last line has no end and will get none
			}
			if t.open && (t.gone || now.Sub(t.grown) >= settle) {
				emit()
			}
			break
		}
		for used := 0; used < n; {
			i := bytes.IndexByte(buf[used:n], '\n')
			if i < 0 {
				t.add(buf[used:n])
				used = n
				break
			}
			t.add(buf[used : used+i])
			used += i + 1
			if t.open && !t.continues() {
				emit()
				if len(out) >= budget || room <= 0 {
					t.at = t.place.Offset // the line that was just read is read again
					t.line, t.lineCut = t.line[:0], 0
					t.mark()
					return out, nil
				}
			}
			t.endLine(t.at+int64(used), now)
		}
		t.at += int64(n)
	}
	t.mark()
	return out, nil
}

// add adds to the line that is being read.
func (t *tail) add(b []byte) {
	n := min(len(b), max(t.max-len(t.line), 0))
	t.line = append(t.line, b[:n]...)
	t.lineCut += len(b) - n
}

func (t *tail) continues() bool {
	switch {
	case t.begins != nil:
		return !t.begins.Match(t.line)
	case len(t.line) == 0:
		return false
	}
	return t.line[0] == ' ' || t.line[0] == '\t'
}

// endLine puts the line into the record.
func (t *tail) endLine(end int64, now time.Time) {
	l := bytes.TrimSuffix(t.line, []byte("\r"))
	if t.open {
		l = append([]byte("\n"), l...)
	}
	n := min(len(l), max(t.max-len(t.rec), 0))
	t.rec = append(t.rec, l[:n]...)
	t.recCut += len(l) - n + t.lineCut
	t.recEnd, t.open, t.grown = end, true, now
	t.line, t.lineCut = t.line[:0], 0
}

// drained tells that nothing more will come of a file that is gone.
func (t *tail) drained() bool {
	st, err := t.f.Stat()
	return err != nil || t.gone && !t.open && len(t.line) == 0 && t.at >= st.Size()
}
