package logdb

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/klauspost/compress/s2"
)

// journal is an append-only list of batches in several files (parts). Batches of
// writers that come together share one write and one sync.
type journal struct {
	dir  string
	sync bool

	mu      sync.Mutex
	cond    *sync.Cond
	cur     *os.File
	curName string
	began   time.Time // of the current part
	size    int64     // of the current part
	old     []part    // oldest first
	next    uint64

	pending  []byte // batches that nobody wrote yet
	queued   uint64 // number of the last batch in pending
	written  uint64 // number of the last batch that is safe
	flushing bool
	failed   error // the last write failed; cleared by the next that works
}

type part struct {
	name  string
	ended time.Time
	size  int64
}

const (
	partAge  = 10 * time.Second
	partSize = 128 << 20
	// A part is deleted this long after it ended; see turnJournal.
	partWait = 4*flushEvery + 10*time.Second
	// partQuiet is how long after its end a part is deleted when the engine holds
	// nothing in memory. Rows are in its buffer for one second before it counts them.
	partQuiet = 3 * time.Second

	maxBatch   = 64 << 20
	headerSize = 12
	partSuffix = ".journal"
	filePerm   = 0o600
)

var crcTable = crc32.MakeTable(crc32.Castagnoli)

func openJournal(dir string, sync_ bool) (*journal, error) {
	if err := os.MkdirAll(dir, dirPerm); err != nil {
		return nil, err
	}
	j := &journal{dir: dir, sync: sync_, next: 1}
	j.cond = sync.NewCond(&j.mu)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		n, err := strconv.ParseUint(strings.TrimSuffix(e.Name(), partSuffix), 16, 64)
		if err != nil || !strings.HasSuffix(e.Name(), partSuffix) {
			continue
		}
		info, err := e.Info()
		if err != nil {
			return nil, err
		}
		j.next = max(j.next, n+1)
		j.old = append(j.old, part{name: e.Name(), size: info.Size()})
	}
	slices.SortFunc(j.old, func(a, b part) int { return strings.Compare(a.name, b.name) })
	return j, nil
}

// append makes one batch safe. It returns when it is on disk.
func (j *journal) append(payload []byte) error {
	packed := s2.Encode(nil, payload)
	j.mu.Lock()
	defer j.mu.Unlock()
	var head [headerSize]byte
	binary.LittleEndian.PutUint32(head[0:], uint32(len(packed)))
	binary.LittleEndian.PutUint32(head[4:], uint32(len(payload)))
	binary.LittleEndian.PutUint32(head[8:], crc32.Checksum(packed, crcTable))
	j.pending = append(append(j.pending, head[:]...), packed...)
	j.queued++
	mine := j.queued
	for j.written < mine {
		if j.flushing {
			j.cond.Wait()
			continue
		}
		if err := j.flushLocked(); err != nil {
			return err
		}
	}
	if j.failed != nil {
		return j.failed
	}
	return nil
}

// flushLocked writes everything that is pending. It lets go of the lock meanwhile.
func (j *journal) flushLocked() error {
	if j.cur == nil {
		if err := j.beginLocked(time.Now()); err != nil {
			j.failed, j.pending, j.written = err, nil, j.queued
			j.cond.Broadcast()
			return err
		}
	}
	batch, upTo, f, at := j.pending, j.queued, j.cur, j.size
	j.pending, j.flushing = nil, true
	j.mu.Unlock()
	_, err := f.Write(batch)
	if err == nil && j.sync {
		err = f.Sync()
	}
	if err != nil {
		// What was written in part must not stand before later batches.
		if terr := f.Truncate(at); terr != nil {
			err = errors.Join(err, terr)
		} else if _, serr := f.Seek(at, io.SeekStart); serr != nil {
			err = errors.Join(err, serr)
		}
	}
	j.mu.Lock()
	j.flushing, j.failed, j.written = false, err, upTo
	if err == nil {
		j.size += int64(len(batch))
	}
	j.cond.Broadcast()
	return err
}

func (j *journal) beginLocked(now time.Time) error {
	name := fmt.Sprintf("%016x%s", j.next, partSuffix)
	f, err := os.OpenFile(filepath.Join(j.dir, name), os.O_CREATE|os.O_EXCL|os.O_WRONLY, filePerm)
	if err != nil {
		return err
	}
	if err := syncDir(j.dir); err != nil {
		_ = f.Close()
		return err
	}
	j.next++
	j.cur, j.curName, j.began, j.size = f, name, now, 0
	return nil
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	err = d.Sync()
	return errors.Join(err, d.Close())
}

func (j *journal) broken() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.failed
}

func (j *journal) wantsTurn(now time.Time) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.cur != nil && j.size > 0 && (now.Sub(j.began) >= partAge || j.size >= partSize)
}

// turn ends the current part. Nobody may be appending.
func (j *journal) turn(now time.Time) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.cur == nil {
		return nil
	}
	err := j.cur.Close()
	j.old = append(j.old, part{name: j.curName, ended: now, size: j.size})
	j.cur, j.size = nil, 0
	return err
}

// drop deletes parts that are not needed any more.
func (j *journal) drop(now time.Time, quiet bool) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	for len(j.old) > 0 {
		age := now.Sub(j.old[0].ended)
		if age < partWait && (!quiet || age < partQuiet) {
			return nil
		}
		if err := os.Remove(filepath.Join(j.dir, j.old[0].name)); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		j.old = j.old[1:]
	}
	return nil
}

// closeEmpty deletes everything; the engine has all of it in files.
func (j *journal) closeEmpty() error {
	if err := j.turn(time.Now()); err != nil {
		return err
	}
	return j.drop(time.Now().Add(time.Hour), true)
}

func (j *journal) bytes() int64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	n := j.size
	for _, p := range j.old {
		n += p.size
	}
	return n
}

// parts are the files that a crash left, oldest first.
func (j *journal) parts() []string {
	var out []string
	for _, p := range j.old {
		out = append(out, p.name)
	}
	return out
}

// read gives the batches of a part until its end or until something cut off or
// damaged, which was never acknowledged when it is at the end.
func (j *journal) read(name string, batch func(payload string) error) (damaged bool, err error) {
	f, err := os.Open(filepath.Join(j.dir, name))
	if err != nil {
		return false, err
	}
	defer func() { _ = f.Close() }()
	var head [headerSize]byte
	for {
		if _, err := io.ReadFull(f, head[:]); errors.Is(err, io.EOF) {
			return false, nil
		} else if err != nil {
			return true, nil
		}
		packedLen, payloadLen := binary.LittleEndian.Uint32(head[0:]), binary.LittleEndian.Uint32(head[4:])
		if packedLen > 2*maxBatch || payloadLen > maxBatch {
			return true, nil
		}
		packed := make([]byte, packedLen)
		if _, err := io.ReadFull(f, packed); err != nil {
			return true, nil
		}
		if crc32.Checksum(packed, crcTable) != binary.LittleEndian.Uint32(head[8:]) {
			return true, nil
		}
		payload, err := s2.Decode(make([]byte, payloadLen), packed)
		if err != nil {
			return true, nil
		}
		if err := batch(string(payload)); err != nil {
			return false, err
		}
	}
}
