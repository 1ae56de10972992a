package edge

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/edgewire"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/icmp"
	"github.com/mainstay-ops/mainstay/internal/core/snmp/visit"
	"github.com/mainstay-ops/mainstay/internal/core/sweep"
)

const (
	maxSweeps = 4
	// A report holds at most so many hosts, bytes of them, and lines.
	maxHosts  = 500
	maxReport = 8 << 20
	maxNotes  = 2000
	// sweepAlone is how long a sweep goes on while no report arrives. The server lets
	// another begin where this one was.
	sweepAlone = 2 * time.Minute
)

// sweeps looks for hosts as the server asks.
type sweeps struct {
	e   *edge
	net sweep.Net
	wg  sync.WaitGroup

	mu      sync.Mutex
	running map[string]bool
}

func newSweeps(e *edge) *sweeps {
	var d net.Dialer
	return &sweeps{
		e: e, running: map[string]bool{},
		net: sweep.Net{Ping: &icmp.Sockets{}, Dial: d.DialContext, Resolver: net.DefaultResolver, ARP: sweep.ReadARP},
	}
}

// start begins a sweep unless it runs already.
func (s *sweeps) start(ctx context.Context, body []byte) {
	var o edgewire.Sweep
	if err := json.Unmarshal(body, &o); err != nil {
		s.e.o.Logger.Error("a sweep cannot be read; is the version of the edge older than that of the server?", "error", err)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running[o.ID] || len(s.running) >= maxSweeps || ctx.Err() != nil {
		return
	}
	s.running[o.ID] = true
	s.wg.Go(func() {
		s.run(ctx, &o)
		s.mu.Lock()
		delete(s.running, o.ID)
		s.mu.Unlock()
	})
}

// sweeping is a sweep at work.
type sweeping struct {
	s     *sweeps
	o     *edgewire.Sweep
	sw    *sweep.Sweep
	found chan *sweep.Host
	seq   int64

	mu    sync.Mutex
	notes []edgewire.SweepNote
}

func (w *sweeping) note(address, method string, ok bool, text string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.notes) < maxNotes {
		w.notes = append(w.notes, edgewire.SweepNote{Address: address, Method: method, OK: ok, Text: text})
	}
}

func (s *sweeps) run(ctx context.Context, o *edgewire.Sweep) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	w := &sweeping{s: s, o: o, found: make(chan *sweep.Host, maxHosts)}
	ts, err := sweep.Parse(o.Targets, o.Exclude, 0)
	if err != nil {
		_ = w.report(ctx, nil, &edgewire.Swept{Error: errs.Message(err)})
		return
	}
	p := sweep.Plan{
		Targets: ts, From: min(max(o.From, 0), ts.Count()), Rate: o.Rate, Ping: o.Ping, Tries: o.Tries, Timeout: o.Timeout, Ports: o.Ports, Everything: o.Everything, Names: o.Names,
		Say: func(t string) { w.note("", "sweep", false, t) },
		Found: func(h *sweep.Host) {
			select {
			case w.found <- h:
			case <-ctx.Done():
			}
		},
	}
	if len(o.Credentials) > 0 {
		v := &visit.Visitor{Credentials: o.Credentials, Worked: o.Worked, Note: func(a string, ok bool, t string) { w.note(a, "snmp", ok, t) }}
		p.Visit = v.Visit
	}
	w.sw = sweep.New(s.net, p)
	s.e.o.Logger.Info("a sweep begins", "addresses", ts.Count()-p.From)
	var swept error
	go func() {
		swept = w.sw.Run(ctx)
		close(w.found)
	}()
	if err := w.deliver(ctx); err != nil {
		if ctx.Err() == nil {
			s.e.o.Logger.Info("a sweep ends early", "reason", errs.Message(err))
		}
		cancel()
		for range w.found { // Run ends when nobody waits for it
		}
		return
	}
	if swept == nil {
		s.e.o.Logger.Info("a sweep is done", "addresses", ts.Count())
	}
}

// deliver reports until the sweep has ended and everything was taken.
func (w *sweeping) deliver(ctx context.Context) error {
	t := time.NewTicker(edgewire.SweptEvery)
	defer t.Stop()
	var batch []*sweep.Host
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case h, open := <-w.found:
			if !open {
				if ctx.Err() != nil {
					return ctx.Err()
				}
				return w.report(ctx, batch, &edgewire.Swept{End: true})
			}
			if batch = append(batch, h); len(batch) < maxHosts {
				continue
			}
		case <-t.C:
		}
		if err := w.report(ctx, batch, &edgewire.Swept{}); err != nil {
			return err
		}
		batch = nil
	}
}

// report delivers hosts, in several reports if they are large. It tries again until
// the server takes them, does not want them, or was away for long.
func (w *sweeping) report(ctx context.Context, hosts []*sweep.Host, last *edgewire.Swept) error {
	for {
		r, size, n := &edgewire.Swept{}, 0, 0
		for n < len(hosts) && size < maxReport {
			f := w.wire(hosts[n])
			b, err := json.Marshal(f)
			if err != nil {
				// A figure that JSON has no word for; the host itself is still worth telling.
				w.note(f.Host.Address.String(), "snmp", false, "What SNMP gave of it cannot be told to the server.")
				f.Reading = nil
			}
			size += len(b)
			r.Hosts = append(r.Hosts, f)
			n++
		}
		sent := hosts[:n]
		if hosts = hosts[n:]; len(hosts) == 0 {
			r.End, r.Error = last.End, last.Error
		}
		w.seq++
		r.ID, r.Seq = w.o.ID, w.seq
		if w.sw != nil {
			r.Progress = w.sw.Progress()
		}
		w.mu.Lock()
		r.Notes, w.notes = w.notes, nil
		w.mu.Unlock()
		if err := w.send(ctx, r); err != nil {
			return err
		}
		for _, h := range sent {
			w.sw.Done(h)
		}
		if len(hosts) == 0 {
			return nil
		}
	}
}

func (w *sweeping) wire(h *sweep.Host) edgewire.Found {
	f := edgewire.Found{Host: *h}
	f.Reading, _ = h.Extra.(*visit.Reading)
	if ms := w.macs(h.Address); len(ms) > 1 {
		f.MACs = ms
	}
	return f
}

func (w *sweeping) macs(a netip.Addr) []string { return w.sw.MACs(a) }

func (w *sweeping) send(ctx context.Context, r *edgewire.Swept) error {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if err := errors.Join(json.NewEncoder(z).Encode(r), z.Close()); err != nil {
		return err
	}
	begun, pause := time.Now(), 250*time.Millisecond
	for {
		var err error = errs.New(errs.Unavailable, "There is no connection.")
		if l := w.s.e.current.Load(); l != nil {
			err = l.ask(ctx, edgewire.AskSwept, nil, b.Bytes(), nil)
		}
		switch {
		case err == nil, ctx.Err() != nil:
			return err
		case errs.Is(err, errs.NotFound), errs.Is(err, errs.Forbidden), errs.Is(err, errs.Invalid), time.Since(begun) > sweepAlone:
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
		pause = min(2*pause, 5*time.Second)
	}
}
