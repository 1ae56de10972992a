package iot

import (
	"context"
	"encoding/hex"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/file"
	"github.com/mainstay-ops/mainstay/internal/core/live"
	"github.com/mainstay-ops/mainstay/internal/core/module"
	"github.com/mainstay-ops/mainstay/internal/estate"
	"github.com/mainstay-ops/mainstay/internal/observe"
	"github.com/mainstay-ops/mainstay/internal/observe/iot/payload"
)

// Why messages are not taken.
const (
	lostFlood = iota
	lostDenied
	lostSize
	lostMalformed
	lostUnread
	lostOwner
	lostRetained
	lostBusy
	lostKinds
)

var lostNames = [lostKinds]string{"flood", "denied", "too_large", "malformed", "unreadable", "other_owner", "too_many_retained", "busy"}

// maxRefusals is how many refused connections are kept for people.
const maxRefusals = 50

// Refusal is a connection that was not let in.
type Refusal struct {
	At      time.Time `json:"at"`
	Client  string    `json:"client"`
	Address string    `json:"address"`
	Reason  string    `json:"reason"`
	Count   int64     `json:"count" doc:"How often it was tried."`
}

// Service takes what devices say.
type Service struct {
	d          module.Deps
	items      estate.Items
	discoverer estate.Discoverer
	store      observe.Appender
	metrics    observe.Metrics
	files      *file.Store
	gate       *gate
	decoder    *payload.Decoder
	pepper     []byte
	secret     string
	started    time.Time
	now        func() time.Time

	ctx    context.Context
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu       sync.RWMutex
	clients  map[string]*client
	devices  map[string]*device // by key
	byID     map[string]*device
	unknown  map[string]*unknownTopic
	refusals []Refusal
	gone1    []string   // unknown topics to be deleted from the table
	making   sync.Mutex // one device is made at a time

	batch    batch
	refused  atomic.Int64
	taken    atomic.Int64
	badClock atomic.Int64
	sessions atomic.Int64 // clients whose session the broker keeps while they are away
	stats    *prometheus.CounterVec
}

func newService(d module.Deps) *Service {
	s := &Service{
		d: d, decoder: payload.NewDecoder(), pepper: d.Secrets.Key("iot passwords"), secret: hex.EncodeToString(d.Secrets.Key("iot broker")), now: time.Now,
		clients: map[string]*client{}, devices: map[string]*device{}, byID: map[string]*device{}, unknown: map[string]*unknownTopic{},
	}
	s.gate = &gate{s: s, live: map[string]*conn{}, moves: map[string][]time.Time{}}
	s.batch.wake = make(chan struct{}, 1)
	s.stats = prometheus.NewCounterVec(prometheus.CounterOpts{Name: "mainstay_iot_messages_total", Help: "Messages of devices, by what became of them."}, []string{"result"})
	d.Metrics.MustRegister(s.stats)
	module.Need(d, &s.items)
	module.Need(d, &s.discoverer)
	module.Need(d, &s.store)
	module.Need(d, &s.metrics)
	d.Live.Topic("iot", read)
	d.Health.Add("devices", s.problem)
	return s
}

func (s *Service) dir(name string) string { return filepath.Join(s.d.Config.Data, "iot", name) }

// problem is told by /readyz. A port that could not be opened is told on the page only.
func (s *Service) problem() error { return nil }

// Start reads what is known and opens the ports.
func (s *Service) Start(ctx context.Context) error {
	s.started = s.now()
	s.ctx, s.cancel = context.WithCancel(access.AsSystem(context.WithoutCancel(ctx)))
	var err error
	if s.files, err = file.Open(s.dir("plans")); err != nil {
		return err
	}
	if err := s.load(s.ctx); err != nil {
		return err
	}
	s.wg.Go(s.appendLoop)
	s.wg.Go(s.watchLoop)
	if err := s.gate.start(s.ctx); err != nil {
		s.Stop(ctx)
		return err
	}
	return nil
}

// Stop closes the ports and stores what was taken.
func (s *Service) Stop(ctx context.Context) {
	if s.cancel == nil {
		return
	}
	s.gate.stop()
	s.cancel()
	s.wg.Wait()
	if err := s.flush(access.AsSystem(context.WithoutCancel(ctx))); err != nil {
		s.d.Logger.Warn("what is known of devices was not stored at the end", "error", err)
	}
}

// lost counts messages that were not taken.
func (s *Service) lost(c *client, why int, n int64) {
	c.lost[why].Add(n)
	s.stats.WithLabelValues(lostNames[why]).Add(float64(n))
}

// refuse keeps the sentence about a connection that was not let in.
func (s *Service) refuse(name, host, why string) {
	s.refused.Add(1)
	s.d.Logger.Debug("a device was refused", "client", name, "address", host, "reason", why)
	name = payload.Clip(name, 200)
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.refusals {
		if r := &s.refusals[i]; r.Client == name && r.Address == host && r.Reason == why {
			r.Count++
			r.At = s.now().UTC()
			return
		}
	}
	if len(s.refusals) >= maxRefusals {
		s.refusals = s.refusals[1:]
	}
	s.refusals = append(s.refusals, Refusal{At: s.now().UTC(), Client: name, Address: host, Reason: why, Count: 1})
}

// changed tells browsers.
func (s *Service) changed(kind, id string) {
	s.d.Live.Send(live.Note{Topic: "iot", Kind: kind, ID: id})
}

// came is told when a client connected; gone when it left.
func (s *Service) came(c *conn) {
	s.changed("clients", c.c.Name)
	s.direct(c.c.Name, true)
}

func (s *Service) gone(c *client) {
	if s.gate.ctx.Err() == nil {
		s.changed("clients", c.Name)
		if s.gate.connected(c.Name) == nil {
			s.direct(c.Name, false)
		}
	}
}

// direct sets the state of the device that is the client itself.
func (s *Service) direct(name string, up bool) {
	s.mu.RLock()
	var d *device
	for _, key := range []string{"devices/" + name, "tasmota/" + name} {
		if d == nil {
			d = s.devices[key]
		}
	}
	s.mu.RUnlock()
	if d == nil {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	// A device that comes and goes on purpose between messages is not offline.
	if up && d.Online == offline && !d.told {
		d.Online, d.dirty = "", true
	}
}
