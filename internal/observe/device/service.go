package device

import (
	"context"
	"embed"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/event"
	"github.com/mainstay-ops/mainstay/internal/core/module"
	"github.com/mainstay-ops/mainstay/internal/core/snmp"
	"github.com/mainstay-ops/mainstay/internal/estate"
	"github.com/mainstay-ops/mainstay/internal/observe"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Module declares observe.device.
func Module() module.Module {
	return module.Module{
		ID: "observe.device", Migrations: migrations,
		New: func(d module.Deps) (module.Instance, error) {
			s := &Service{
				d: d, devices: map[string]*dev{}, kick: make(chan struct{}, 1), look: make(chan struct{}, 1),
				surveys: make(chan *dev, 10_000), slots: make(chan struct{}, maxAtOnce),
				buffers: sync.Pool{New: func() any { b := make([]byte, 65535); return &b }},
			}
			s.stats.register(d.Metrics)
			module.Want(d, &s.creds)
			module.Need(d, &s.items)
			module.Need(d, &s.metrics)
			module.Need(d, &s.results)
			module.Need(d, &s.makes)
			return s, nil
		},
	}
}

const (
	// maxAtOnce is how many devices are waited for at the same time.
	maxAtOnce = 256
	// defaultEvery is how often a device is polled unless its setting says otherwise.
	defaultEvery = time.Minute
	refreshEvery = 5 * time.Minute
	maxDevices   = 50_000
	surveyors    = 2
)

// Service polls devices.
type Service struct {
	d       module.Deps
	creds   estate.Credentials
	items   estate.Items
	metrics observe.Appender
	results observe.ResultTaker
	makes   observe.CheckMaker
	stats   stats

	mu      sync.Mutex
	devices map[string]*dev
	kick    chan struct{} // the schedule has changed
	look    chan struct{} // the list of devices may have changed
	surveys chan *dev
	slots   chan struct{}
	buffers sync.Pool
	cancel  context.CancelFunc
	wg      sync.WaitGroup
}

type stats struct {
	polls    *prometheus.CounterVec
	values   prometheus.Counter
	lost     prometheus.Counter
	late     prometheus.Counter
	duration prometheus.Histogram
}

func (t *stats) register(r prometheus.Registerer) {
	t.polls = prometheus.NewCounterVec(prometheus.CounterOpts{Name: "mainstay_device_polls_total", Help: "Polls of devices by SNMP, by result."}, []string{"result"})
	t.values = prometheus.NewCounter(prometheus.CounterOpts{Name: "mainstay_device_values_total", Help: "Values that devices gave."})
	t.lost = prometheus.NewCounter(prometheus.CounterOpts{Name: "mainstay_device_samples_lost_total", Help: "Samples that the metric store did not take."})
	t.late = prometheus.NewCounter(prometheus.CounterOpts{Name: "mainstay_device_polls_late_total", Help: "Polls that began more than a second late, or were left out because the one before was still running."})
	t.duration = prometheus.NewHistogram(prometheus.HistogramOpts{Name: "mainstay_device_poll_seconds", Help: "How long polls took.", Buckets: []float64{.01, .05, .1, .5, 1, 5, 10, 30, 60}})
	r.MustRegister(t.polls, t.values, t.lost, t.late, t.duration)
}

func checkName(item string) string { return item + " snmp" }

// Start begins to poll.
func (s *Service) Start(ctx context.Context) error {
	s.metrics.Describe(described()...)
	if s.creds == nil {
		return nil
	}
	ctx, s.cancel = context.WithCancel(access.AsSystem(context.WithoutCancel(ctx)))
	s.wg.Go(func() { s.loop(ctx) })
	s.wg.Go(func() { s.watch(ctx) })
	for range surveyors {
		s.wg.Go(func() { s.surveyor(ctx) })
	}
	return nil
}

// Stop ends it, and waits for polls on their way.
func (s *Service) Stop(context.Context) {
	if s.cancel != nil {
		s.cancel()
	}
	s.wg.Wait()
}

// Subscribe implements module.HasEvents.
func (s *Service) Subscribe(r *event.Router) {
	changed := func(tx *db.Tx) { tx.AfterCommit(func() { nudge(s.look) }) }
	event.On(r, func(_ context.Context, tx *db.Tx, f estate.NetworkSeen, _ event.Meta) error {
		if f.Source == "snmp" {
			changed(tx)
		}
		return nil
	})
	event.On(r, func(_ context.Context, tx *db.Tx, _ estate.ItemChanged, _ event.Meta) error {
		changed(tx)
		return nil
	})
}

func nudge(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// watch keeps the list of devices.
func (s *Service) watch(ctx context.Context) {
	t := time.NewTicker(refreshEvery)
	defer t.Stop()
	for {
		if err := s.refresh(ctx); err != nil && ctx.Err() == nil {
			s.d.Logger.Error("the list of devices could not be read", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		case <-s.look:
			// Several changes come at once when a discovery runs.
			select {
			case <-ctx.Done():
				return
			case <-time.After(time.Second):
			}
		}
	}
}

func (s *Service) refresh(ctx context.Context) error {
	q := s.d.DB.Reader()
	every, err := s.settings(ctx, q)
	if err != nil {
		return err
	}
	found := map[string]bool{}
	for after := ""; len(found) < maxDevices; {
		ids, err := s.creds.SNMPItems(ctx, q, after, 500)
		if err != nil {
			return err
		}
		if len(ids) == 0 {
			break
		}
		after = ids[len(ids)-1]
		items, err := s.items.ByIDs(ctx, q, ids)
		if err != nil {
			return err
		}
		for _, id := range ids {
			it, ok := items[id]
			if !ok || every[id] < 0 {
				continue
			}
			t, err := s.creds.SNMP(ctx, q, id)
			if errs.Is(err, errs.NotFound) {
				continue
			}
			if err != nil {
				return err
			}
			found[id] = true
			e := every[id]
			if e == 0 {
				e = defaultEvery
			}
			s.put(id, it.Name, e, t)
		}
	}
	s.mu.Lock()
	var gone []*dev
	for id, d := range s.devices {
		if !found[id] {
			d.gone = true
			delete(s.devices, id)
			gone = append(gone, d)
		}
	}
	s.mu.Unlock()
	for _, d := range gone {
		d.mu.Lock()
		s.metrics.Forget(d.source())
		name := checkName(d.item)
		d.mu.Unlock()
		if err := s.d.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error { return s.makes.DropCheck(ctx, tx, name) }); err != nil {
			return err
		}
	}
	nudge(s.kick)
	return nil
}

func (s *Service) ensure(ctx context.Context, item string, every time.Duration) error {
	return s.d.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		return s.makes.EnsureCheck(ctx, tx, observe.CheckSpec{
			Name: checkName(item), Item: item, Type: "passive", Probe: map[string]any{},
			Every: observe.Duration(every), Freshness: observe.Duration(max(5*every, 5*time.Minute)), Attempts: 3,
		})
	})
}

// put adds a device or gives it what has changed.
func (s *Service) put(id, item string, every time.Duration, t snmp.Target) {
	s.mu.Lock()
	d := s.devices[id]
	if d == nil {
		d = &dev{id: id, item: item, every: every, target: t, ports: map[string]*port{}, peers: map[string]*peer{}}
		d.due = first(id, every, time.Now())
		s.devices[id] = d
		s.mu.Unlock()
		return
	}
	s.mu.Unlock()
	d.mu.Lock()
	renamed, again := d.item != item, d.every != every
	if renamed {
		// The series go on under the new name.
		s.metrics.Forget(d.source())
		d.known, d.hasOwn = false, false
		d.ports, d.order, d.peers = map[string]*port{}, nil, map[string]*peer{}
		for _, g := range d.gauges {
			g.has = false
		}
	}
	d.item, d.every, d.target = item, every, t
	d.mu.Unlock()
	if again {
		s.mu.Lock()
		d.due = first(id, every, time.Now())
		s.mu.Unlock()
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
func (s *Service) loop(ctx context.Context) {
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
					s.stats.late.Inc()
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
			s.wg.Go(func() {
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
