package edge

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"io"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/mainstay-ops/mainstay/internal/core/edgewire"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/packet/capture"
	"github.com/mainstay-ops/mainstay/internal/core/packet/sniff"
	"github.com/mainstay-ops/mainstay/internal/observe"
)

const (
	// captureBegins is how long an edge may take to begin a capture, and captureSilence
	// how long it may say nothing of one: a cut of its line is no end.
	captureBegins  = 30 * time.Second
	captureSilence = 2 * time.Minute
)

// remote is a capture on an edge, as a source of frames.
type remote struct {
	s      *Service
	name   string
	edgeID string
	id     string
	parts  chan *edgewire.Captured
	gone   chan struct{}
	once   sync.Once

	// taking keeps parts in order; last is the number of the newest.
	taking sync.Mutex
	last   int64

	mu    sync.Mutex
	stats sniff.Stats

	// What follows is touched by Next alone.
	reader *capture.Reader
	end    *edgewire.Captured
	heard  time.Time
	again  time.Time
	begun  bool
	told   []byte
}

// remotes are the captures under way.
type remotes struct {
	mu   sync.Mutex
	byID map[string]*remote
}

// Sniffer implements observe.CapturePlaces.
func (s *Service) Sniffer(name string) (edgewire.Sniffer, error) {
	s.mu.Lock()
	id := s.ids[name]
	s.mu.Unlock()
	if id == "" {
		return edgewire.Sniffer{}, errs.Fields(errs.Field{Path: "from", Value: name, Message: "is not an edge"})
	}
	h, _ := s.session(id).said()
	if why := s.Away(name); why != "" {
		return h.Sniffer, errs.New(errs.Unavailable, "The edge %s %s, so it cannot capture now.", name, why)
	}
	return h.Sniffer, nil
}

// Capture implements observe.CapturePlaces.
func (s *Service) Capture(name string, o edgewire.Capture) (sniff.Source, error) {
	s.mu.Lock()
	id := s.ids[name]
	s.mu.Unlock()
	if why := s.Away(name); id == "" || why != "" {
		return nil, errs.New(errs.Unavailable, "The edge %s cannot capture now: it %s.", name, why)
	}
	body, err := json.Marshal(o)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	r := &remote{s: s, name: name, edgeID: id, id: o.ID, parts: make(chan *edgewire.Captured), gone: make(chan struct{}), heard: now, again: now, told: body}
	s.remotes.mu.Lock()
	s.remotes.byID[o.ID] = r
	s.remotes.mu.Unlock()
	return r, nil
}

// Next implements sniff.Source.
func (r *remote) Next(wait time.Duration) (*capture.Packet, error) {
	for {
		if r.reader != nil {
			p, err := r.reader.Next()
			if err == nil {
				return p, nil
			}
			r.reader.Close()
			if r.reader = nil; !errors.Is(err, io.EOF) {
				return nil, errs.New(errs.Invalid, "What the edge %s captured cannot be read.", r.name)
			}
		}
		if r.end != nil {
			if r.end.Failed {
				return nil, errs.New(errs.Invalid, "%s", r.end.Why)
			}
			return nil, &observe.CaptureEnd{Why: r.end.Why}
		}
		now := time.Now()
		switch {
		case !r.begun && now.Sub(r.heard) > captureBegins:
			return nil, errs.New(errs.Unavailable, "The edge %s did not begin the capture. Is its version older than that of the server?", r.name)
		case now.Sub(r.heard) > captureSilence:
			return nil, &observe.CaptureEnd{Why: "The edge " + r.name + " fell silent. The packets until then were kept."}
		case !r.begun && !now.Before(r.again):
			r.again = now.Add(tellAgain)
			r.s.hub.publish(edgewire.Subject(r.edgeID, edgewire.ToldCapture), r.told)
		}
		t := time.NewTimer(wait)
		select {
		case <-t.C:
			return nil, nil
		case p := <-r.parts:
			t.Stop()
			r.begun, r.heard = true, time.Now()
			r.mu.Lock()
			r.stats = sniff.Stats{Packets: p.Packets, Dropped: p.Dropped}
			r.mu.Unlock()
			if p.End {
				r.end = p
			}
			if len(p.Data) > 0 {
				var err error
				if r.reader, err = capture.NewReader(bytes.NewReader(p.Data)); err != nil {
					return nil, errs.New(errs.Invalid, "What the edge %s captured cannot be read.", r.name)
				}
			}
		}
	}
}

// Stats implements sniff.Source.
func (r *remote) Stats() (sniff.Stats, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.stats, nil
}

// Close implements sniff.Source: the edge is told to end.
func (r *remote) Close() error {
	r.once.Do(func() {
		r.s.remotes.mu.Lock()
		delete(r.s.remotes.byID, r.id)
		r.s.remotes.mu.Unlock()
		close(r.gone)
		r.s.hub.publish(edgewire.Subject(r.edgeID, edgewire.ToldCaptureEnd), []byte(r.id))
	})
	return nil
}

// captured takes a part. It is answered when whoever wants it has it.
func (s *Service) captured(ctx context.Context, e *edgeRow, m *nats.Msg) (any, error) {
	p, err := readCaptured(m.Data)
	if err != nil {
		return nil, err
	}
	unwanted := errs.New(errs.NotFound, "This capture is not wanted any more.")
	s.remotes.mu.Lock()
	r := s.remotes.byID[p.ID]
	s.remotes.mu.Unlock()
	if r == nil || r.edgeID != e.ID {
		return nil, unwanted
	}
	r.taking.Lock()
	defer r.taking.Unlock()
	if p.Seq <= r.last {
		return struct{}{}, nil
	}
	select {
	case r.parts <- p:
		r.last = p.Seq
		return struct{}{}, nil
	case <-r.gone:
		return nil, unwanted
	case <-ctx.Done():
		return nil, errs.New(errs.Unavailable, "The server is not ready for more.")
	}
}

// readCaptured unpacks and bounds a part.
func readCaptured(data []byte) (*edgewire.Captured, error) {
	bad := errs.New(errs.Invalid, "The part of a capture is damaged, or too large.")
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, bad
	}
	// A frame may be as large as a part again, and JSON makes four bytes of three.
	const most = 8 * edgewire.MaxCaptured
	raw, err := io.ReadAll(io.LimitReader(z, most+1))
	if err != nil || len(raw) > most {
		return nil, bad
	}
	var p edgewire.Captured
	if err := json.Unmarshal(raw, &p); err != nil || p.Packets < 0 || p.Dropped < 0 {
		return nil, bad
	}
	p.Why = clip(p.Why, 500)
	return &p, nil
}
