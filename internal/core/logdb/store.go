package logdb

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/VictoriaMetrics/VictoriaLogs/lib/logstorage"

	"github.com/mainstay-ops/mainstay/internal/core/clock"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/signal"
)

// Field is a name and a value of a row.
type Field = signal.Field

// The names of the fields that every row has or may have.
const (
	// Message is the text of a row as a person reads it.
	Message = "_msg"
	// Time is the moment of a row, in RFC 3339 with nanoseconds, in UTC.
	Time = "_time"
	// Stream is the set of fields that tell streams apart, as {a="b",c="d"}.
	Stream = "_stream"
	// StreamID is the id of a stream.
	StreamID = "_stream_id"
)

// Options say where a store is and how much it keeps.
type Options struct {
	// Name is for people: "logs", "traces".
	Name string
	// Dir is its directory; it is made when missing.
	Dir string
	// Retention is how long rows are kept; at least one day.
	Retention time.Duration
	// MaxBytes is how large the files may grow; 0 sets no limit.
	MaxBytes int64
	// MinFree is the free space on the disk below which nothing is stored; 256 MiB
	// when 0. The oldest day goes when less than twice as much is free.
	MinFree int64
	// Future is how far ahead of the clock a row may be; one day at least.
	Future time.Duration
	// MaxRows is the largest number of rows that one query gives; 50,000 when 0.
	MaxRows int
	// MaxBytesOfQuery is the largest answer of one query; 64 MiB when 0.
	MaxBytesOfQuery int64
	// Timeout is how long one query may run; 30 s when 0.
	Timeout time.Duration
	// Parallel is how many queries run at one time; others wait. 4 when 0.
	Parallel int
	// NoSync leaves it to the system when the journal reaches the disk. Rows survive a
	// kill of the program then, but not a loss of power.
	NoSync bool
	Clock  clock.Clock
	Logger *slog.Logger
}

const (
	flushEvery = 5 * time.Second
	dayLength  = 24 * time.Hour
	dirPerm    = 0o700
)

// Store is one open store. Its methods may be called from many goroutines.
type Store struct {
	o       Options
	engine  *logstorage.Storage
	journal *journal
	slots   chan struct{} // one for each query that runs

	// use is held for reading by everything that needs the engine open.
	use    sync.RWMutex
	closed bool

	// writing is held for reading from the journal entry to the engine, so that a
	// part of the journal is complete in the engine when it is set aside.
	writing sync.RWMutex

	dropped atomic.Uint64
	damaged atomic.Int64 // days that could not be read
	names   names
	tails   *tails
	unlock  func() error

	stop context.CancelFunc
	done chan struct{}
}

// Open opens or makes a store and brings back what a crash left in the journal.
func Open(o Options) (_ *Store, err error) {
	o.defaults()
	prepareLibrary(o.Logger)
	if err := os.MkdirAll(o.Dir, dirPerm); err != nil {
		return nil, errs.Wrap(errs.Unavailable, err, "The directory %s of the %s cannot be made.", o.Dir, o.Name)
	}
	ctx, cancel := context.WithCancel(context.Background())
	s := &Store{o: o, slots: make(chan struct{}, o.Parallel), tails: newTails(), stop: cancel, done: make(chan struct{})}
	if err := s.openEngine(); err != nil {
		cancel()
		if s.unlock != nil {
			_ = s.unlock()
		}
		return nil, err
	}
	if s.journal, err = openJournal(filepath.Join(o.Dir, "journal"), !o.NoSync); err == nil {
		err = s.replay(ctx)
	}
	if err != nil {
		cancel()
		s.engine.MustClose()
		_ = s.unlock()
		return nil, errs.Wrap(errs.Unavailable, err, "The journal of the %s in %s cannot be read or written.", o.Name, o.Dir)
	}
	go s.keep(ctx)
	return s, nil
}

func (o *Options) defaults() {
	o.Retention = max(o.Retention, dayLength)
	o.Future = max(o.Future, dayLength)
	if o.MinFree == 0 {
		o.MinFree = 256 << 20
	}
	if o.MaxRows == 0 {
		o.MaxRows = 50_000
	}
	if o.MaxBytesOfQuery == 0 {
		o.MaxBytesOfQuery = 64 << 20
	}
	if o.Timeout == 0 {
		o.Timeout = 30 * time.Second
	}
	if o.Parallel == 0 {
		o.Parallel = 4
	}
	if o.Name == "" {
		o.Name = "rows"
	}
	if o.Clock == nil {
		o.Clock = clock.System{}
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
}

// Close ends queries that run, writes everything to files and closes the store.
func (s *Store) Close() error {
	s.stop()
	<-s.done
	s.use.Lock()
	defer s.use.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	if err := s.closeEngine(); err != nil {
		return err // the journal stays and is read when the store is opened again
	}
	return errors.Join(s.journal.closeEmpty(), s.unlock())
}

func (s *Store) closeEngine() (err error) {
	defer caught(&err, fmt.Sprintf("The files of the %s did not close well.", s.o.Name))
	s.engine.MustClose()
	return nil
}

// open holds the engine open until the function it gives is called.
func (s *Store) open() (release func(), err error) {
	s.use.RLock()
	if s.closed {
		s.use.RUnlock()
		return nil, errs.New(errs.Unavailable, "The store of the %s is closed.", s.o.Name)
	}
	return s.use.RUnlock, nil
}

// keep turns the journal over and watches the disk until the store closes.
func (s *Store) keep(ctx context.Context) {
	defer close(s.done)
	t := time.NewTicker(time.Second)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
		s.turnJournal()
		s.makeRoom()
	}
}

// turnJournal begins a new part of the journal now and then and deletes parts whose
// rows the engine has in files. The engine writes rows to files within one second and
// two flush intervals after it got them; a part waits four intervals and ten seconds,
// or until the engine says that it holds nothing in memory.
func (s *Store) turnJournal() {
	now := time.Now()
	if s.journal.wantsTurn(now) {
		s.writing.Lock()
		err := s.journal.turn(now)
		s.writing.Unlock()
		if err != nil {
			s.o.Logger.Error("journal cannot begin a new part", "store", s.o.Name, "error", err)
		}
	}
	st := s.engineStats()
	quiet := st.PendingRows == 0 && st.InmemoryRowsCount == 0 && st.ActiveInmemoryMerges == 0
	if err := s.journal.drop(now, quiet); err != nil {
		s.o.Logger.Error("part of the journal cannot be deleted", "store", s.o.Name, "error", err)
	}
}

// Flush makes everything that was written visible to queries at once. It is slow.
func (s *Store) Flush() error {
	release, err := s.open()
	if err != nil {
		return err
	}
	defer release()
	s.engine.DebugFlush()
	return nil
}
