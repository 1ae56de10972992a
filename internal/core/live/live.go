// Package live is the lossy lane to browsers: small notes that something has
// changed, sent as Server-Sent Events. Who misses one reads the API again; what
// must not be lost goes through core/event.
package live

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/access"
)

// Note is one message.
type Note struct {
	// Topic is the plural noun of the API: "checks", "incidents".
	Topic string `json:"topic"`
	// Kind is what happened: "changed", "created", "removed", "result".
	Kind string `json:"kind"`
	// ID of the thing: its name or number as in the API.
	ID string `json:"id"`
	// Data is what a list row needs to be right again; may be nil.
	Data any `json:"data,omitempty"`
}

const (
	buffer         = 1024
	maxSubscribers = 2000
	heartbeat      = 15 * time.Second
	beatsPerLook   = 4
)

type subscriber struct {
	ch     chan []byte
	topics []string // empty means all allowed
	can    map[string]bool
	lost   bool
}

// Hub hands notes to every browser that listens.
type Hub struct {
	mu     sync.Mutex
	subs   map[*subscriber]struct{}
	topics map[string]access.Permission
	closed bool
	// Still is asked once a minute whether the stream's owner may go on; nil means
	// yes.
	Still func(r *http.Request) bool
}

// NewHub makes a hub.
func NewHub() *Hub {
	return &Hub{subs: map[*subscriber]struct{}{}, topics: map[string]access.Permission{}}
}

// Topic declares a topic and the permission to hear it.
func (h *Hub) Topic(name string, read access.Permission) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.topics[name] = read
}

// Wanted tells whether anybody listens to topic, so that a busy source can save
// the work of making notes.
func (h *Hub) Wanted(topic string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	for s := range h.subs {
		if s.wants(topic) {
			return true
		}
	}
	return false
}

func (s *subscriber) wants(topic string) bool {
	return s.can[topic] && (len(s.topics) == 0 || slices.Contains(s.topics, topic))
}

// Send hands n to all that may hear it. It never blocks: a browser that does not
// keep up gets a "lost" note and reads again.
func (h *Hub) Send(n Note) {
	h.mu.Lock()
	defer h.mu.Unlock()
	var msg []byte
	for s := range h.subs {
		if !s.wants(n.Topic) {
			continue
		}
		if msg == nil {
			b, err := json.Marshal(n)
			if err != nil {
				return
			}
			msg = fmt.Appendf(nil, "data: %s\n\n", b)
		}
		select {
		case s.ch <- msg:
		default:
			s.lost = true
		}
	}
}

var lostNote = []byte("data: {\"topic\":\"live\",\"kind\":\"lost\",\"id\":\"\"}\n\n")

// takeLost tells once whether notes to s were dropped. It is asked when what waited
// has been written, so a browser hears of it although no further note comes.
func (h *Hub) takeLost(s *subscriber) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	lost := s.lost
	s.lost = false
	return lost
}

// Close ends all streams.
func (h *Hub) Close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return
	}
	h.closed = true
	for s := range h.subs {
		close(s.ch)
		delete(h.subs, s)
	}
}

// ServeHTTP streams notes as Server-Sent Events; ?topics=a,b narrows them. The
// caller has been authenticated before.
func (h *Hub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p := access.From(r.Context())
	if p == nil {
		http.Error(w, "Sign in first.", http.StatusUnauthorized)
		return
	}
	s := &subscriber{ch: make(chan []byte, buffer), can: map[string]bool{"live": true}}
	if t := r.URL.Query().Get("topics"); t != "" {
		s.topics = strings.Split(t, ",")
	}
	h.mu.Lock()
	if h.closed || len(h.subs) >= maxSubscribers {
		h.mu.Unlock()
		http.Error(w, "Too many live connections.", http.StatusServiceUnavailable)
		return
	}
	for t, perm := range h.topics {
		s.can[t] = p.Role.Reaches(perm.Least) && p.Can(perm)
	}
	h.subs[s] = struct{}{}
	h.mu.Unlock()
	defer func() {
		h.mu.Lock()
		delete(h.subs, s)
		h.mu.Unlock()
	}()

	hd := w.Header()
	hd.Set("Content-Type", "text/event-stream")
	hd.Set("Cache-Control", "no-store")
	hd.Set("X-Accel-Buffering", "no")
	rc := http.NewResponseController(w)
	_ = rc.SetWriteDeadline(time.Time{})
	if _, err := fmt.Fprint(w, "retry: 1500\ndata: {\"topic\":\"live\",\"kind\":\"hello\",\"id\":\"\"}\n\n"); err != nil || rc.Flush() != nil {
		return
	}
	beats := 0
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	for {
		select {
		case <-r.Context().Done():
			return
		case msg, ok := <-s.ch:
			if !ok {
				return
			}
			_ = rc.SetWriteDeadline(time.Now().Add(20 * time.Second))
			if _, err := w.Write(msg); err != nil {
				return
			}
			// What waits already goes out in the same flush.
			for n := len(s.ch); n > 0; n-- {
				if msg, ok = <-s.ch; !ok {
					return
				}
				if _, err := w.Write(msg); err != nil {
					return
				}
			}
			if h.takeLost(s) {
				if _, err := w.Write(lostNote); err != nil {
					return
				}
			}
			if rc.Flush() != nil {
				return
			}
		case <-beat.C:
			if beats++; beats%beatsPerLook == 0 && h.Still != nil && !h.Still(r) {
				return
			}
			_ = rc.SetWriteDeadline(time.Now().Add(20 * time.Second))
			if _, err := fmt.Fprint(w, ": beat\n\n"); err != nil || rc.Flush() != nil {
				return
			}
		}
	}
}
