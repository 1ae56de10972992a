package edge

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/edgewire"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/packet/capture"
	"github.com/mainstay-ops/mainstay/internal/core/packet/sniff"
)

const (
	maxCaptures = 4
	// captureMemory bounds the parts of one capture that wait for the server.
	captureMemory = 64 << 20
	capturePart   = 500 * time.Millisecond
	capturePause  = 100 * time.Millisecond
	// captureAlone is how long what was captured is offered after its end while the
	// server does not answer.
	captureAlone = 2 * time.Minute
	captureRetry = 2 * time.Second
)

// captures take packets as the server asks.
type captures struct {
	e  *edge
	wg sync.WaitGroup

	mu      sync.Mutex
	running map[string]*sniffing
	done    map[string]bool // ids that ran: the server may tell of one twice
}

func newCaptures(e *edge) *captures {
	return &captures{e: e, running: map[string]*sniffing{}, done: map[string]bool{}}
}

// sniffing is one capture. Parts wait in memory until the server has them.
type sniffing struct {
	o      edgewire.Capture
	cancel context.CancelFunc

	mu      sync.Mutex
	parts   []*edgewire.Captured
	waiting int64
	more    chan struct{}
	seen    int64
	dropped int64 // lost by the kernel
	lost    int64 // lost here, because too much waited
	seq     int64
}

// sniffer tells what can be captured here.
func sniffer() edgewire.Sniffer {
	var out edgewire.Sniffer
	if err := sniff.Permitted(); err != nil {
		out.Problem = "Capturing needs the capability CAP_NET_RAW on the machine of the edge."
		if !errors.Is(err, sniff.ErrPermission) {
			out.Problem = "Capturing does not work on this machine: " + err.Error() + "."
		}
	}
	if is, err := sniff.Interfaces(); err == nil {
		out.Interfaces = is[:min(len(is), edgewire.MaxInterfaces)]
	}
	return out
}

// start begins a capture unless it runs or ran already.
func (c *captures) start(ctx context.Context, body []byte) {
	var o edgewire.Capture
	if err := json.Unmarshal(body, &o); err != nil {
		c.e.o.Logger.Error("a capture cannot be read; is the version of the edge older than that of the server?", "error", err)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.done[o.ID] || ctx.Err() != nil {
		return
	}
	if len(c.done) > 1000 {
		clear(c.done)
	}
	c.done[o.ID] = true
	full := len(c.running) >= maxCaptures
	ctx, cancel := context.WithCancel(ctx)
	x := &sniffing{o: o, cancel: cancel, more: make(chan struct{}, 1)}
	c.running[o.ID] = x
	c.wg.Go(func() {
		defer cancel()
		var sent sync.WaitGroup
		sent.Go(func() { c.deliver(ctx, x) })
		if full {
			x.put(&edgewire.Captured{End: true, Failed: true, Why: fmt.Sprintf("The edge takes %d captures already.", maxCaptures)}, 0)
		} else {
			x.take(ctx)
		}
		sent.Wait()
		c.mu.Lock()
		delete(c.running, o.ID)
		c.mu.Unlock()
	})
}

// end ends a capture that is not wanted any more.
func (c *captures) end(id string) {
	c.mu.Lock()
	x := c.running[id]
	c.mu.Unlock()
	if x != nil {
		x.cancel()
	}
}

// take captures until a limit is reached. What it found waits in parts.
func (x *sniffing) take(ctx context.Context) {
	o := x.o
	src, err := sniff.Open(sniff.Options{Interface: o.Interface, Filter: o.Filter, Promiscuous: o.Promiscuous})
	if err != nil {
		x.put(&edgewire.Captured{End: true, Failed: true, Why: "On the edge: " + err.Error() + "."}, 0)
		return
	}
	defer src.Close()
	begin := time.Now()
	cut := begin
	var packets, size int64
	var buf bytes.Buffer
	w := capture.NewPcapNG(&buf)
	n := int64(0) // packets of this part
	part := func(end bool, why string, failed bool) {
		if st, err := src.Stats(); err == nil {
			x.mu.Lock()
			x.dropped = st.Dropped
			x.mu.Unlock()
		}
		p := &edgewire.Captured{End: end, Why: why, Failed: failed}
		if n > 0 {
			p.Data = bytes.Clone(buf.Bytes())
		}
		x.put(p, n)
		buf.Reset()
		w, n, cut = capture.NewPcapNG(&buf), 0, time.Now()
	}
	for ctx.Err() == nil {
		p, err := src.Next(capturePause)
		switch {
		case errors.Is(err, sniff.ErrGone):
			part(true, "The interface "+o.Interface+" went away. The packets until then were kept.", false)
			return
		case err != nil:
			part(true, "On the edge: "+err.Error()+".", true)
			return
		}
		if p != nil {
			if o.HeadersOnly {
				p.Data = capture.Headers(p.Link, p.Data)
			}
			if err := w.Write(p); err != nil {
				part(true, "On the edge: "+err.Error()+".", true)
				return
			}
			packets++
			n++
			size += int64(len(p.Data)) + 32
			if packets >= o.Packets {
				part(true, fmt.Sprintf("It reached its limit of %d packets.", o.Packets), false)
				return
			}
			if !o.Ring && size >= o.Bytes {
				part(true, fmt.Sprintf("It reached its limit of %d MiB.", o.Bytes>>20), false)
				return
			}
		}
		now := time.Now()
		if now.Sub(begin) >= o.Duration {
			part(true, fmt.Sprintf("It reached its time of %s.", o.Duration), false)
			return
		}
		if buf.Len() >= edgewire.MaxCaptured || now.Sub(cut) >= capturePart {
			part(false, "", false)
		}
	}
}

// put lets a part with n packets wait. When too much waits a ring loses the oldest part,
// else this one goes; a part that ends the capture stays.
func (x *sniffing) put(p *edgewire.Captured, n int64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.seen += n
	// Without packets it only says that the capture goes on.
	if len(p.Data) == 0 && !p.End && len(x.parts) > 0 {
		return
	}
	for x.o.Ring && len(x.parts) > 1 && x.waiting+int64(len(p.Data)) > captureMemory {
		old := x.parts[1] // the first is on its way
		x.parts = append(x.parts[:1], x.parts[2:]...)
		x.waiting -= int64(len(old.Data))
		x.lost += count(old.Data)
	}
	if x.waiting+int64(len(p.Data)) > captureMemory {
		x.lost += n
		if !p.End {
			return
		}
		p.Data = nil
	}
	x.seq++
	p.ID, p.Seq, p.Packets, p.Dropped = x.o.ID, x.seq, x.seen, x.dropped+x.lost
	x.parts = append(x.parts, p)
	x.waiting += int64(len(p.Data))
	select {
	case x.more <- struct{}{}:
	default:
	}
}

// count tells how many packets a part has.
func count(data []byte) (n int64) {
	r, err := capture.NewReader(bytes.NewReader(data))
	if err != nil {
		return 0
	}
	defer r.Close()
	for {
		if _, err := r.Next(); err != nil {
			return n
		}
		n++
	}
}

// first gives the part to send next.
func (x *sniffing) first() *edgewire.Captured {
	x.mu.Lock()
	defer x.mu.Unlock()
	if len(x.parts) == 0 {
		return nil
	}
	return x.parts[0]
}

// deliver sends parts, and again after a cut, until the last one is taken.
func (c *captures) deliver(ctx context.Context, x *sniffing) {
	defer x.cancel()
	var alone time.Time
	for ctx.Err() == nil {
		p := x.first()
		if p == nil {
			select {
			case <-ctx.Done():
			case <-x.more:
			}
			continue
		}
		err := c.send(ctx, p)
		if err == nil {
			alone = time.Time{}
			x.mu.Lock()
			x.parts = x.parts[1:]
			x.waiting -= int64(len(p.Data))
			x.mu.Unlock()
			if p.End {
				return
			}
			continue
		}
		if errs.Is(err, errs.NotFound) || errs.Is(err, errs.Invalid) || errs.Is(err, errs.Forbidden) {
			if !errs.Is(err, errs.NotFound) {
				c.e.o.Logger.Warn("the server refuses a capture", "reason", errs.Message(err))
			}
			return
		}
		if alone.IsZero() {
			alone = time.Now()
		} else if time.Since(alone) > x.o.Duration+captureAlone {
			c.e.o.Logger.Warn("a capture is given up: the server does not answer")
			return
		}
		select {
		case <-ctx.Done():
		case <-time.After(captureRetry):
		}
	}
}

func (c *captures) send(ctx context.Context, p *edgewire.Captured) error {
	l := c.e.current.Load()
	if l == nil || !l.connected() {
		return errs.New(errs.Unavailable, "The server is away.")
	}
	var buf bytes.Buffer
	z := gzip.NewWriter(&buf)
	if err := errors.Join(json.NewEncoder(z).Encode(p), z.Close()); err != nil {
		return err
	}
	return l.ask(ctx, edgewire.AskCaptured, nil, buf.Bytes(), nil)
}
