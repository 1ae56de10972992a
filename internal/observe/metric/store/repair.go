package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/oklog/ulid/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/prometheus/tsdb"
	"github.com/prometheus/prometheus/util/compression"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/quiet"
)

// The database is tuned for a small footprint: a store with no data uses a few
// megabytes, and 500,000 series still spread well over the stripes.
const (
	stripes         = 2048
	walSegmentBytes = 16 << 20
	// Making a block reserves this much disk at once, so it stays below the free
	// space under which nothing is written.
	blockSegmentBytes = 32 << 20
	chunkBuffer       = 256 << 10
	blockRange        = 2 * time.Hour
	maxBlockRange     = 31 * 24 * time.Hour
	metaVersion       = 1
	quarantine        = "quarantine"
)

func (s *Store) tsdbOptions() *tsdb.Options {
	o := tsdb.DefaultOptions()
	o.RetentionDuration = s.opts.Retention.Milliseconds()
	o.MaxBytes = s.opts.MaxBytes
	o.WALSegmentSize = walSegmentBytes
	o.WALCompression = compression.Snappy
	o.MaxBlockChunkSegmentSize = blockSegmentBytes
	o.StripeSize = stripes
	o.HeadChunksWriteBufferSize = chunkBuffer
	o.MinBlockDuration = blockRange.Milliseconds()
	// Deleting works on whole blocks: a block covers at most a tenth of the retention.
	o.MaxBlockDuration = max(min(s.opts.Retention/10, maxBlockRange), blockRange).Milliseconds()
	o.OutOfOrderTimeWindow = outOfOrderWindow.Milliseconds()
	o.IsolationDisabled = true
	// The database's own timer would write chunks on a goroutine that cannot
	// report a full disk; maintain does that work.
	o.BlockReloadInterval = 10 * 365 * 24 * time.Hour
	return o
}

// openRepairing opens the database and, when files cannot be read, moves first
// the unreadable blocks and then the log out of the way.
func (s *Store) openRepairing() error {
	steps := []func() ([]string, error){
		func() ([]string, error) { return nil, nil },
		s.moveBadBlocks,
		s.moveHead,
	}
	var err error
	for i, step := range steps {
		moved, moveErr := step()
		if moveErr != nil {
			return openSentence(s.opts.Dir, errors.Join(moveErr, err))
		}
		if i > 0 && len(moved) == 0 {
			continue
		}
		for _, m := range moved {
			s.opts.Logger.Error("metric data could not be read and was moved", "to", m, "error", err)
		}
		s.repaired = append(s.repaired, moved...)
		if err = s.openOnce(); err == nil {
			return nil
		}
		if envFault(err) {
			break
		}
	}
	return openSentence(s.opts.Dir, err)
}

func (s *Store) openOnce() (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the database gave up: %v", p)
		}
	}()
	// A registry per attempt, as a failed one leaves its measurements behind.
	reg := prometheus.NewRegistry()
	db, err := tsdb.Open(s.opts.Dir, quiet.Logger(s.opts.Logger), reg, s.tsdbOptions(), nil)
	if err != nil {
		return err
	}
	s.db, s.registry = db, reg
	return nil
}

// moveBadBlocks moves every block that does not open.
func (s *Store) moveBadBlocks() ([]string, error) {
	entries, err := os.ReadDir(s.opts.Dir)
	if err != nil {
		return nil, err
	}
	var moved []string
	for _, e := range entries {
		if _, err := ulid.ParseStrict(e.Name()); err != nil || !e.IsDir() {
			continue
		}
		if s.readable(filepath.Join(s.opts.Dir, e.Name())) {
			continue
		}
		to, err := s.moveAway(e.Name())
		if err != nil {
			return moved, err
		}
		moved = append(moved, to)
	}
	return moved, nil
}

func (s *Store) readable(dir string) (ok bool) {
	defer func() {
		if recover() != nil {
			ok = false
		}
	}()
	b, err := tsdb.OpenBlock(quiet.Logger(s.opts.Logger), dir, nil, nil)
	if err != nil {
		return false
	}
	return b.Close() == nil
}

// moveHead moves what is not yet in blocks: at most the last three hours.
func (s *Store) moveHead() ([]string, error) {
	var moved []string
	for _, name := range []string{"wal", "wbl", "chunks_head"} {
		if _, err := os.Stat(filepath.Join(s.opts.Dir, name)); err != nil {
			continue
		}
		to, err := s.moveAway(name)
		if err != nil {
			return moved, err
		}
		moved = append(moved, to)
	}
	return moved, nil
}

func (s *Store) moveAway(name string) (string, error) {
	if err := os.MkdirAll(filepath.Join(s.opts.Dir, quarantine), 0o750); err != nil {
		return "", err
	}
	to := filepath.Join(quarantine, fmt.Sprintf("%s-%s", s.opts.Clock.Now().UTC().Format("20060102T150405.000000000"), name))
	return to, os.Rename(filepath.Join(s.opts.Dir, name), filepath.Join(s.opts.Dir, to))
}

// refuseNewer stops before a block of a later format is skipped in silence.
func refuseNewer(dir string) error {
	metas, err := filepath.Glob(filepath.Join(dir, "*", "meta.json"))
	if err != nil {
		return err
	}
	for _, path := range metas {
		var m struct {
			Version int `json:"version"`
		}
		if b, err := os.ReadFile(path); err != nil || json.Unmarshal(b, &m) != nil {
			continue // Unreadable is not newer; the repair looks at it.
		}
		if m.Version > metaVersion {
			return errs.New(errs.Precondition, "The metric store in %s was written by a newer version (block format %d, this program reads %d). Start the newer version, or use another directory.", dir, m.Version, metaVersion)
		}
	}
	return nil
}

func tryWrite(dir string) error {
	f, err := os.CreateTemp(dir, ".write-test-*")
	if err != nil {
		return err
	}
	_, err = f.WriteString("x")
	return errors.Join(err, f.Close(), os.Remove(f.Name()))
}

func locked(err error) bool {
	return strings.Contains(err.Error(), "lock DB directory")
}

// envFault tells faults of the machine from faults of the data. Only the second
// kind is repaired.
func envFault(err error) bool {
	if locked(err) {
		return true
	}
	for _, e := range []error{syscall.ENOSPC, syscall.EROFS, syscall.EACCES, syscall.EPERM, syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM, syscall.EIO} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

func openSentence(dir string, err error) error {
	switch {
	case err == nil:
		return nil
	case locked(err):
		return errs.Wrap(errs.Unavailable, err, "The metric store in %s is in use by another process.", dir)
	case errors.Is(err, syscall.ENOSPC):
		return errs.Wrap(errs.Unavailable, err, "The disk of the metric store in %s is full.", dir)
	case errors.Is(err, syscall.EROFS):
		return errs.Wrap(errs.Unavailable, err, "The disk of the metric store in %s is read-only.", dir)
	case errors.Is(err, os.ErrPermission):
		return errs.Wrap(errs.Unavailable, err, "The metric store in %s cannot be written: permission denied.", dir)
	}
	return errs.Wrap(errs.Unavailable, err, "The metric store in %s cannot be opened.", dir)
}
