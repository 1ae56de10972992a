package spool

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"sync"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
)

// Record is one thing to deliver.
type Record struct {
	Boot    string
	Seq     int64
	Payload []byte

	order, next int64
}

// Stats tell how much waits.
type Stats struct {
	// Bytes on disk, and batches that were dropped undelivered since the start,
	// because the limit was reached or their file was damaged.
	Bytes   int64
	Dropped int64
	Pending int64
}

type segment struct {
	order int64
	path  string
	boot  string
	size  int64
	count int64 // records not delivered
}

// Spool is a queue on disk for one writer and one reader.
type Spool struct {
	dir    string
	limit  int64
	roll   int64
	lock   *os.File
	notify chan struct{}

	mu      sync.Mutex
	segs    []*segment // oldest first; the last one is written
	out     *os.File
	seq     int64
	in      *os.File // of segs[0]
	offset  int64    // in segs[0]
	dropped int64
	// last are the highest sequence numbers by boot that were found when it was opened.
	last map[string]int64
}

const (
	segmentSuffix = ".seg"
	ackedFile     = "acked"
	minLimit      = 256 << 10
)

// Open opens or makes the spool in dir, with at most limit bytes (at least 256 KiB).
// newBoot gives the id of this boot, a UUID. The error is errs.Conflict when another
// process has it open.
func Open(dir string, limit int64, newBoot func() string) (*Spool, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, errs.Wrap(errs.Unavailable, err, "The buffer %s cannot be made.", dir)
	}
	lock, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, errs.Wrap(errs.Unavailable, err, "The buffer %s cannot be opened.", dir)
	}
	if err := lockFile(lock); err != nil {
		_ = lock.Close()
		return nil, errs.Wrap(errs.Conflict, err, "Another agent uses %s. Stop it first, or give this one a folder of its own with --dir.", dir)
	}
	limit = max(limit, minLimit)
	s := &Spool{last: map[string]int64{}, dir: dir, limit: limit, roll: min(4<<20, limit/8), lock: lock, notify: make(chan struct{}, 1)}
	if err := s.load(); err != nil {
		_ = s.Close()
		return nil, errs.Wrap(errs.Unavailable, err, "The buffer %s cannot be read.", dir)
	}
	boot := newBoot()
	if len(boot) != bootLen {
		_ = s.Close()
		return nil, fmt.Errorf("spool: boot %q is no UUID", boot)
	}
	order := int64(1)
	if n := len(s.segs); n > 0 {
		order = s.segs[n-1].order + 1
	}
	if err := s.begin(order, boot); err != nil {
		_ = s.Close()
		return nil, errs.Wrap(errs.Unavailable, err, "The buffer %s cannot be written.", dir)
	}
	return s, nil
}

// load finds the segments of earlier boots and goes to the first record that was not
// delivered.
func (s *Spool) load() error {
	es, err := os.ReadDir(s.dir)
	if err != nil {
		return err
	}
	for _, e := range es {
		name, ok := strings.CutSuffix(e.Name(), segmentSuffix)
		order, err := strconv.ParseInt(name, 10, 64)
		if !ok || err != nil || order < 1 {
			continue
		}
		s.segs = append(s.segs, &segment{order: order, path: filepath.Join(s.dir, e.Name())})
	}
	sort.Slice(s.segs, func(i, j int) bool { return s.segs[i].order < s.segs[j].order })
	boot, seq := s.acked()
	s.last[boot] = seq
	kept := s.segs[:0]
	for _, g := range s.segs {
		last, err := g.scan(boot, seq)
		if err != nil {
			return err
		}
		s.last[g.boot] = max(s.last[g.boot], last)
		if g.count == 0 {
			if err := os.Remove(g.path); err != nil {
				return err
			}
			continue
		}
		kept = append(kept, g)
	}
	s.segs = kept
	return s.enter(boot, seq)
}

// scan reads a segment once and counts what was not delivered. It gives the number of
// the last record in it.
func (g *segment) scan(boot string, acked int64) (last int64, err error) {
	f, err := os.Open(g.path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	head := make([]byte, headerSize)
	if _, err := io.ReadFull(f, head); err != nil {
		return 0, nil //nolint:nilerr // a file without a header holds nothing; it is removed
	}
	if g.boot, err = parseHeader(head); err != nil {
		return 0, nil //nolint:nilerr // as above
	}
	g.size = int64(headerSize)
	for {
		seq, _, next, err := readRecord(f, g.size)
		if errors.Is(err, io.EOF) || errors.Is(err, errDamaged) {
			return last, nil // the end was torn by a crash
		}
		if err != nil {
			return last, err
		}
		last = seq
		if g.boot != boot || seq > acked {
			g.count++
		}
		g.size = next
	}
}

// enter opens the oldest segment behind what was delivered.
func (s *Spool) enter(boot string, acked int64) error {
	if s.in != nil {
		_ = s.in.Close()
		s.in = nil
	}
	if len(s.segs) == 0 {
		return nil
	}
	f, err := os.Open(s.segs[0].path)
	if err != nil {
		return err
	}
	s.in, s.offset = f, int64(headerSize)
	for s.segs[0].boot == boot && acked > 0 {
		seq, _, next, err := readRecord(f, s.offset)
		if err != nil || seq > acked {
			break
		}
		s.offset = next
	}
	return nil
}

func (s *Spool) acked() (string, int64) {
	b, err := os.ReadFile(filepath.Join(s.dir, ackedFile))
	if err != nil {
		return "", 0
	}
	boot, n, _ := strings.Cut(strings.TrimSpace(string(b)), " ")
	seq, err := strconv.ParseInt(n, 10, 64)
	if err != nil {
		return "", 0
	}
	return boot, seq
}

// begin makes the next segment the one that is written.
func (s *Spool) begin(order int64, boot string) error {
	g := &segment{order: order, boot: boot, size: int64(headerSize), path: filepath.Join(s.dir, fmt.Sprintf("%020d%s", order, segmentSuffix))}
	f, err := os.OpenFile(g.path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if _, err := f.Write(segmentHeader(boot)); err != nil {
		_ = f.Close()
		_ = os.Remove(g.path)
		return err
	}
	if s.out != nil {
		_ = s.out.Close()
	}
	s.out = f
	s.segs = append(s.segs, g)
	if len(s.segs) == 1 {
		return s.enter("", 0)
	}
	return nil
}

// Kept tells whether the record of an earlier boot was in the buffer, or delivered,
// when this boot began. It knows the boots of which something was there.
func (s *Spool) Kept(boot string, seq int64) bool { return seq > 0 && s.last[boot] >= seq }

// Append keeps a payload; when it returns nil the payload survives the end of the
// process and of the machine. The oldest records make room when the limit is reached.
func (s *Spool) Append(payload []byte) error { return s.AppendNoting(payload, nil) }

// AppendNoting is Append; note hears before the payload is written which number it will
// have, and can stop it.
func (s *Spool) AppendNoting(payload []byte, note func(boot string, seq int64) error) error {
	if len(payload) > MaxRecord {
		return errs.New(errs.TooLarge, "A batch of %d bytes is larger than the buffer takes (%d).", len(payload), MaxRecord)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	g := s.segs[len(s.segs)-1]
	if g.size >= s.roll {
		if err := s.begin(g.order+1, g.boot); err != nil {
			return errs.Wrap(errs.Unavailable, err, "The buffer cannot be written.")
		}
		g = s.segs[len(s.segs)-1]
	}
	b := frame(s.seq+1, payload)
	for len(s.segs) > 1 && s.bytes()+int64(len(b)) > s.limit {
		s.dropped += s.segs[0].count
		if err := s.removeFirst(); err != nil {
			return errs.Wrap(errs.Unavailable, err, "The buffer cannot be shortened.")
		}
	}
	if note != nil {
		if err := note(g.boot, s.seq+1); err != nil {
			return err
		}
	}
	_, err := s.out.WriteAt(b, g.size)
	if err == nil {
		err = s.out.Sync()
	}
	if err != nil {
		_ = s.out.Truncate(g.size)
		return errs.Wrap(errs.Unavailable, err, "The buffer cannot be written. Is the disk full?")
	}
	s.seq++
	g.size += int64(len(b))
	g.count++
	select {
	case s.notify <- struct{}{}:
	default:
	}
	return nil
}

func (s *Spool) removeFirst() error {
	if err := os.Remove(s.segs[0].path); err != nil {
		return err
	}
	s.segs = s.segs[1:]
	return s.enter("", 0)
}

// Peek gives the oldest record that was not delivered; false when there is none.
func (s *Spool) Peek() (Record, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		g := s.segs[0]
		seq, payload, next, err := readRecord(s.in, s.offset)
		if err == nil {
			return Record{Boot: g.boot, Seq: seq, Payload: payload, order: g.order, next: next}, true, nil
		}
		if !errors.Is(err, io.EOF) && !errors.Is(err, errDamaged) {
			return Record{}, false, errs.Wrap(errs.Unavailable, err, "The buffer cannot be read.")
		}
		if len(s.segs) == 1 {
			if errors.Is(err, io.EOF) {
				return Record{}, false, nil
			}
			// What is written now was damaged from outside. The rest of it is given
			// up and a new segment begun.
			if err := s.begin(g.order+1, g.boot); err != nil {
				return Record{}, false, errs.Wrap(errs.Unavailable, err, "The buffer cannot be written.")
			}
		}
		s.dropped += g.count
		if err := s.removeFirst(); err != nil {
			return Record{}, false, errs.Wrap(errs.Unavailable, err, "The buffer cannot be read.")
		}
	}
}

// Ack says that the server has taken the record that Peek gave.
func (s *Spool) Ack(r Record) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.segs[0].order != r.order {
		return nil // it made room meanwhile
	}
	s.offset = r.next
	s.segs[0].count--
	if err := s.writeAcked(r); err != nil {
		return errs.Wrap(errs.Unavailable, err, "The buffer cannot note what was delivered.")
	}
	if len(s.segs) > 1 && s.segs[0].count <= 0 {
		return s.removeFirst()
	}
	return nil
}

// writeAcked replaces the note. If it is lost, the server sees records again and knows
// them by their numbers.
func (s *Spool) writeAcked(r Record) error {
	path := filepath.Join(s.dir, ackedFile)
	if err := os.WriteFile(path+".new", fmt.Appendf(nil, "%s %d\n", r.Boot, r.Seq), 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// Added is signaled when a record was appended.
func (s *Spool) Added() <-chan struct{} { return s.notify }

// Stats tell how much waits.
func (s *Spool) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := Stats{Bytes: s.bytes(), Dropped: s.dropped}
	for _, g := range s.segs {
		st.Pending += g.count
	}
	return st
}

func (s *Spool) bytes() int64 {
	var n int64
	for _, g := range s.segs {
		n += g.size
	}
	return n
}

// Close ends the use of the spool; what was not delivered stays.
func (s *Spool) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range []*os.File{s.in, s.out, s.lock} {
		if f != nil {
			_ = f.Close()
		}
	}
	return nil
}
