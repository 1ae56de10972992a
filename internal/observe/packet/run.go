package packet

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/packet/capture"
	"github.com/mainstay-ops/mainstay/internal/core/packet/sniff"
	"github.com/mainstay-ops/mainstay/internal/observe"
)

// plan is how long a capture goes on.
type plan struct {
	options     sniff.Options
	headersOnly bool
	packets     int64
	bytes       int64
	duration    time.Duration
	ring        bool // the oldest packets go when bytes are full
}

// run is a capture that takes packets now.
type run struct {
	id      string
	plan    plan
	source  sniff.Source
	stop    chan struct{}
	once    sync.Once
	packets atomic.Int64
	size    atomic.Int64
	dropped atomic.Int64
	why     string // it ended, for people

	mu      sync.Mutex
	more    sync.Cond
	opened  chan struct{} // closed when its packets can be asked for, or never can
	written int64         // bytes that a reader may read
	over    bool
}

func (r *run) end() { r.once.Do(func() { close(r.stop) }) }

func (s *Service) path(captureID, ext string) string { return filepath.Join(s.dir, captureID+ext) }

const (
	flushEvery  = 500 * time.Millisecond
	ringPieces  = 8
	pause       = 100 * time.Millisecond
	extPackets  = ".pcap"
	extIndex    = ".idx"
	mostRunning = 8
)

// begin opens the interface for a capture that is in the table.
func (s *Service) begin(ctx context.Context, r *row, p plan) error {
	s.mu.Lock()
	n := len(s.runs)
	s.mu.Unlock()
	var err error
	var src sniff.Source
	if n >= mostRunning {
		err = errs.New(errs.TooMany, "%d captures run already. Stop one of them first.", n)
	} else {
		src, err = s.openSource(r, &p)
	}
	if err != nil {
		return errors.Join(err, s.settle(ctx, r.ID, func(r *row) { r.State, r.Note, r.Reserved = stateFailed, say(err), 0 }))
	}
	u := &run{id: r.ID, plan: p, source: src, stop: make(chan struct{}), opened: make(chan struct{})}
	u.more.L = &u.mu
	s.mu.Lock()
	s.runs[r.ID] = u
	s.mu.Unlock()
	s.work.Go(func() { s.drive(u) })
	<-u.opened
	return nil
}

// say is the sentence of an error for people.
func say(err error) string {
	var e *errs.Error
	if errors.As(err, &e) {
		return e.Message
	}
	return sentence(err) + "."
}

func sentence(err error) string {
	t := err.Error()
	if t != "" && t[0] >= 'a' && t[0] <= 'z' {
		t = string(t[0]-'a'+'A') + t[1:]
	}
	return t
}

// drive takes packets until the end, and keeps the index beside them.
func (s *Service) drive(u *run) {
	f, err := os.OpenFile(s.path(u.id, extPackets), os.O_CREATE|os.O_TRUNC|os.O_RDWR, 0o600)
	if err != nil {
		close(u.opened)
		u.source.Close()
		s.finish(u, nil, err)
		return
	}
	if u.plan.ring {
		close(u.opened)
		err = s.takeRing(u, f)
		s.finish(u, f, err)
		return
	}
	o, ierr := s.openBuilder(u.id, f)
	close(u.opened)
	if ierr != nil {
		u.source.Close()
		s.finish(u, f, ierr)
		return
	}
	var indexed sync.WaitGroup
	indexed.Go(func() {
		note, err := o.builder.Fill(&tail{run: u, file: f, seal: o.builder.Seal}, nil, nil)
		if err == nil {
			err = o.builder.Finish(note)
		}
		if err != nil {
			s.logger.Error("the index of a capture cannot be written", "capture", u.id, "error", err)
			u.end()
		}
	})
	err = s.take(u, f)
	u.mu.Lock()
	u.over = true
	u.mu.Unlock()
	u.more.Broadcast()
	indexed.Wait()
	s.finish(u, nil, err)
	o.leave(s.db.Clock().Now())
}

// take writes packets to a file until a limit is reached.
func (s *Service) take(u *run, f *os.File) error {
	defer u.source.Close()
	buf := bufio.NewWriterSize(f, 1<<20)
	w := capture.NewPcapNG(&counter{w: buf, n: &u.size})
	flush := func() error {
		if err := buf.Flush(); err != nil {
			return fmt.Errorf("the capture cannot be written: %w", err)
		}
		u.mu.Lock()
		u.written = u.size.Load()
		u.mu.Unlock()
		u.more.Broadcast()
		return nil
	}
	if err := w.Begin(); err != nil {
		return err
	}
	err := s.packets(u, w.Write, func() bool { return u.size.Load() >= u.plan.bytes }, flush)
	return errors.Join(err, flush())
}

// packets gives frames to write until a limit is reached, somebody stops it or
// the interface goes away.
func (s *Service) packets(u *run, write func(*capture.Packet) error, full func() bool, flush func() error) error {
	begin := time.Now() // of the kernel's clock, as the times of the frames
	flushed, stats := begin, begin
	for {
		select {
		case <-u.stop:
			u.why = "It was stopped."
			return nil
		case <-s.base.Done():
			u.why = "The server stopped."
			return nil
		default:
		}
		p, err := u.source.Next(pause)
		var ended *observe.CaptureEnd
		switch {
		case errors.As(err, &ended):
			u.why = ended.Why
			return nil
		case errors.Is(err, sniff.ErrGone):
			u.why = "The interface " + u.plan.options.Interface + " went away. The packets until then were kept."
			return nil
		case err != nil:
			return err
		}
		now := time.Now()
		if p != nil {
			if u.plan.headersOnly {
				p.Data = capture.Headers(p.Link, p.Data)
			}
			if err := write(p); err != nil {
				return err
			}
			if u.packets.Add(1) >= u.plan.packets {
				u.why = fmt.Sprintf("It reached its limit of %d packets.", u.plan.packets)
				return nil
			}
			if full() {
				u.why = fmt.Sprintf("It reached its limit of %d MiB.", u.plan.bytes>>20)
				return nil
			}
		}
		if now.Sub(begin) >= u.plan.duration {
			u.why = fmt.Sprintf("It reached its time of %s.", u.plan.duration)
			return nil
		}
		if now.Sub(flushed) >= flushEvery {
			flushed = now
			if err := flush(); err != nil {
				return err
			}
		}
		if now.Sub(stats) >= time.Second {
			stats = now
			s.count(u)
			s.tell(u.id, "changed", map[string]any{"packets": u.packets.Load(), "size": u.size.Load(), "dropped": u.dropped.Load()})
		}
	}
}

func (s *Service) count(u *run) {
	if st, err := u.source.Stats(); err == nil {
		u.dropped.Store(st.Dropped)
	}
}

// takeRing writes packets to a row of files of which the oldest go, and joins
// what is left.
func (s *Service) takeRing(u *run, out *os.File) error {
	defer u.source.Close()
	each := max(u.plan.bytes/ringPieces, 64<<10)
	var pieces []string
	defer func() {
		for _, p := range pieces {
			os.Remove(p)
		}
	}()
	var f *os.File
	var buf *bufio.Writer
	var w *capture.Writer
	var size atomic.Int64
	next := 0
	closeOne := func() error {
		if f == nil {
			return nil
		}
		return errors.Join(buf.Flush(), f.Close())
	}
	write := func(p *capture.Packet) error {
		if f == nil || size.Load() >= each {
			if err := closeOne(); err != nil {
				return err
			}
			name := s.path(u.id, fmt.Sprintf(".ring%d", next))
			next++
			var err error
			if f, err = os.OpenFile(name, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600); err != nil {
				return err
			}
			if pieces = append(pieces, name); len(pieces) > ringPieces {
				os.Remove(pieces[0])
				pieces = pieces[1:]
			}
			buf = bufio.NewWriterSize(f, 256<<10)
			size.Store(0)
			w = capture.NewPcapNG(&counter{w: buf, n: &size})
		}
		err := w.Write(p)
		u.size.Store(int64(len(pieces)-1)*each + size.Load())
		return err
	}
	err := s.packets(u, write, func() bool { return false }, func() error { return nil })
	if err = errors.Join(err, closeOne()); err != nil {
		return err
	}
	for _, p := range pieces {
		if err := appendFile(out, p); err != nil {
			return err
		}
	}
	return nil
}

func appendFile(out io.Writer, name string) error {
	in, err := os.Open(name)
	if err != nil {
		return err
	}
	defer in.Close()
	_, err = io.Copy(out, in)
	return err
}

// finish writes what became of a run. rest is a capture that has no index yet.
func (s *Service) finish(u *run, rest *os.File, err error) {
	s.count(u)
	s.mu.Lock()
	delete(s.runs, u.id)
	o := s.open[u.id]
	s.mu.Unlock()
	ctx := context.WithoutCancel(s.base)
	note := u.why
	if err != nil {
		s.logger.Warn("a capture ended early", "capture", u.id, "error", err)
		note = say(err)
	}
	if rest != nil {
		if o, err = s.build(u.id, rest); err != nil {
			note = say(err)
		}
	}
	state := stateReady
	packets := u.packets.Load()
	if o != nil {
		packets = int64(o.index.Totals().Packets)
	} else {
		state = stateFailed
	}
	size := s.sizeOf(u.id)
	if err := s.settle(ctx, u.id, func(r *row) {
		r.State, r.Note, r.Packets, r.Dropped, r.Size, r.Reserved = state, note, packets, u.dropped.Load(), size, 0
	}); err != nil {
		s.logger.Error("the end of a capture cannot be written down", "capture", u.id, "error", err)
	}
}

func (s *Service) sizeOf(captureID string) (n int64) {
	for _, ext := range []string{extPackets, extIndex} {
		if st, err := os.Stat(s.path(captureID, ext)); err == nil {
			n += st.Size()
		}
	}
	return n
}

// counter counts what is written.
type counter struct {
	w io.Writer
	n *atomic.Int64
}

// Write implements io.Writer.
func (c *counter) Write(b []byte) (int, error) {
	n, err := c.w.Write(b)
	c.n.Add(int64(n))
	return n, err
}

// tail reads a file that grows. While there is nothing to read, what was read is
// made visible.
type tail struct {
	run    *run
	file   *os.File
	seal   func() error
	at     int64
	sealed time.Time
}

// Read implements io.Reader.
func (t *tail) Read(b []byte) (int, error) {
	u := t.run
	u.mu.Lock()
	for u.written == t.at && !u.over {
		if now := time.Now(); now.Sub(t.sealed) >= time.Second {
			u.mu.Unlock()
			t.sealed = now
			if err := t.seal(); err != nil {
				return 0, err
			}
			u.mu.Lock()
			continue
		}
		u.more.Wait() // every flush wakes it
	}
	most := u.written - t.at
	u.mu.Unlock()
	if most == 0 {
		return 0, io.EOF
	}
	n, err := t.file.ReadAt(b[:min(int64(len(b)), most)], t.at)
	t.at += int64(n)
	if errors.Is(err, io.EOF) && n > 0 {
		err = nil
	}
	return n, err
}
