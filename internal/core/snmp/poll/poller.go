// Package poll reads devices by SNMP at intervals: the counters of their interfaces,
// processors, memory, storage, sensors, and the neighbors of routing protocols.
// Whoever takes the figures is a Sink: the metric store of the server, or the buffer of
// an edge.
package poll

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/sample"
	"github.com/mainstay-ops/mainstay/internal/core/snmp"
	core "github.com/mainstay-ops/mainstay/internal/core/snmp/device"
)

const (
	// maxAtOnce is how many devices are waited for at the same time.
	maxAtOnce = 256
	surveyors = 2
	// sureAfter failed polls a device that never answered counts as down.
	sureAfter = 3
)

// Sink takes what polls give.
type Sink interface {
	// Series gives the handle for labels, which hold the name as "__name__". The source
	// owns the series. After an error the figure is left out.
	Series(source string, labels map[string]string) (sample.ID, error)
	// Forget releases the handles of a source.
	Forget(source string)
	// Polled takes what one poll gave, before the next poll of the device.
	Polled(ctx context.Context, r *Result)
}

// Result is one poll.
type Result struct {
	// ID is that of the device, Item its name.
	ID, Item string
	Every    time.Duration
	Start    time.Time
	Duration time.Duration
	// Values is how many the device gave.
	Values int
	Err    error
	// Sure is false while a device that never answered may only be slow to begin.
	Sure bool
	// Samples are valid until Polled returns, and View may be called until then.
	Samples []sample.Sample
	View    func() *core.View
}

// Poller polls devices.
type Poller struct {
	sink   Sink
	logger *slog.Logger

	mu      sync.Mutex
	devices map[string]*dev
	kick    chan struct{} // the schedule has changed
	surveys chan *dev
	slots   chan struct{}
	buffers sync.Pool
	late    atomic.Int64
}

// New makes a poller without devices.
func New(sink Sink, logger *slog.Logger) *Poller {
	return &Poller{
		sink: sink, logger: logger, devices: map[string]*dev{}, kick: make(chan struct{}, 1), surveys: make(chan *dev, 10_000), slots: make(chan struct{}, maxAtOnce),
		buffers: sync.Pool{New: func() any { b := make([]byte, 65535); return &b }},
	}
}

// Run polls until ctx ends, and waits for polls on their way.
func (s *Poller) Run(ctx context.Context) {
	var wg sync.WaitGroup
	wg.Go(func() { s.loop(ctx, &wg) })
	for range surveyors {
		wg.Go(func() { s.surveyor(ctx) })
	}
	wg.Wait()
}

// Late is how many polls began more than a second late, or were left out because the
// one before was still running.
func (s *Poller) Late() int64 { return s.late.Load() }

// Len is how many devices are polled.
func (s *Poller) Len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.devices)
}

// Look gives a device as it was at its last poll; nil when it is not polled.
func (s *Poller) Look(id string) *core.View {
	s.mu.Lock()
	d := s.devices[id]
	s.mu.Unlock()
	if d == nil {
		return nil
	}
	return d.look()
}

// Briefs gives all devices as they stand in a list, by id. It waits for no poll.
func (s *Poller) Briefs() map[string]core.Brief {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make(map[string]core.Brief, len(s.devices))
	for id, d := range s.devices {
		if b := d.brief.Load(); b != nil {
			out[id] = *b
		}
	}
	return out
}

// Source names the series of a device.
func Source(id string) string { return "device/" + id }

// Put adds a device or gives it what has changed.
func (s *Poller) Put(id, item string, every time.Duration, t snmp.Target) {
	s.mu.Lock()
	d := s.devices[id]
	if d == nil {
		d = &dev{id: id, item: item, every: every, target: t, ports: map[string]*port{}, peers: map[string]*peer{}}
		d.due = first(id, every, time.Now())
		d.remember()
		s.devices[id] = d
		s.mu.Unlock()
		s.nudge()
		return
	}
	s.mu.Unlock()
	d.mu.Lock()
	renamed, again := d.item != item, d.every != every
	if renamed {
		// The series go on under the new name.
		s.sink.Forget(d.source())
		d.known, d.hasOwn = false, false
		d.ports, d.order, d.peers = map[string]*port{}, nil, map[string]*peer{}
		for _, g := range d.gauges {
			g.has = false
		}
	}
	d.item, d.every, d.target = item, every, t
	d.remember()
	d.mu.Unlock()
	if again {
		s.mu.Lock()
		d.due = first(id, every, time.Now())
		s.mu.Unlock()
		s.nudge()
	}
}

// Gone is a device that is polled no more.
type Gone struct{ ID, Name string }

// Keep drops the devices of which wanted is false, and names them.
func (s *Poller) Keep(wanted func(id string) bool) []Gone {
	s.mu.Lock()
	var gone []*dev
	for id, d := range s.devices {
		if !wanted(id) {
			delete(s.devices, id)
			gone = append(gone, d)
		}
	}
	s.mu.Unlock()
	names := make([]Gone, 0, len(gone))
	for _, d := range gone {
		d.mu.Lock()
		s.sink.Forget(d.source())
		names = append(names, Gone{d.id, d.item})
		d.mu.Unlock()
	}
	return names
}

func (s *Poller) nudge() {
	select {
	case s.kick <- struct{}{}:
	default:
	}
}

// first is the first moment for a device: its place in the interval comes from its
// id (FNV-1a), so that devices are spread the same way after every start.
func first(id string, every time.Duration, now time.Time) time.Time {
	h := uint64(14695981039346656037)
	for i := range len(id) {
		h = (h ^ uint64(id[i])) * 1099511628211
	}
	p := time.Duration(h % uint64(every)) //nolint:gosec // both are positive
	into := (time.Duration(now.UnixNano()%int64(every)) - p + every) % every
	return now.Add(every - into)
}

// loop hands out what is due.
func (s *Poller) loop(ctx context.Context, wg *sync.WaitGroup) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		case <-s.kick:
		}
		now := time.Now()
		wait := time.Minute
		var due []*dev
		s.mu.Lock()
		for _, d := range s.devices {
			if !d.due.After(now) {
				if d.running || now.Sub(d.due) > time.Second {
					s.late.Add(1)
				}
				if !d.running {
					d.running = true
					due = append(due, d)
				}
				for !d.due.After(now) {
					d.due = d.due.Add(d.every)
				}
			}
			wait = min(wait, d.due.Sub(now))
		}
		s.mu.Unlock()
		// A tick has several devices: looking through all is dearer than waiting a bit.
		timer.Reset(max(wait, 20*time.Millisecond))
		for _, d := range due {
			select {
			case s.slots <- struct{}{}:
			case <-ctx.Done():
				return
			}
			wg.Go(func() {
				defer func() { <-s.slots }()
				d.mu.Lock()
				s.poll(ctx, d)
				d.mu.Unlock()
				s.mu.Lock()
				d.running = false
				s.mu.Unlock()
			})
		}
	}
}

func labelsOf(g *gauge) string {
	var sb strings.Builder
	for _, k := range slices.Sorted(maps.Keys(g.labels)) {
		sb.WriteString("|" + k + "=" + g.labels[k])
	}
	return sb.String()
}
