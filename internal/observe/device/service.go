package device

import (
	"context"
	"embed"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/event"
	"github.com/mainstay-ops/mainstay/internal/core/module"
	"github.com/mainstay-ops/mainstay/internal/core/sample"
	"github.com/mainstay-ops/mainstay/internal/core/snmp/poll"
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
				d: d, away: map[string]*away{}, watched: map[string][]string{}, look: make(chan struct{}, 1),
			}
			s.poller = poll.New(s, d.Logger)
			s.stats.register(d.Metrics, s.poller.Late)
			module.Provide[observe.PlacedDevices](d, s)
			module.Want(d, &s.places)
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
	// defaultEvery is how often a device is polled unless its setting says otherwise.
	defaultEvery = time.Minute
	refreshEvery = 5 * time.Minute
	maxDevices   = 50_000
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

	poller *poll.Poller
	places observe.Places

	mu sync.Mutex
	// away are the devices that edges poll, by item.
	away map[string]*away
	// off are the names of devices whose polling is switched off, by item.
	off map[string]string
	// watched are names of interfaces that have a check, by item.
	watched map[string][]string

	look   chan struct{} // the list of devices may have changed
	cancel context.CancelFunc
	wg     sync.WaitGroup
}

type stats struct {
	polls    *prometheus.CounterVec
	values   prometheus.Counter
	lost     prometheus.Counter
	duration prometheus.Histogram
}

func (t *stats) register(r prometheus.Registerer, late func() int64) {
	t.polls = prometheus.NewCounterVec(prometheus.CounterOpts{Name: "mainstay_device_polls_total", Help: "Polls of devices by SNMP, by result."}, []string{"result"})
	t.values = prometheus.NewCounter(prometheus.CounterOpts{Name: "mainstay_device_values_total", Help: "Values that devices gave."})
	t.lost = prometheus.NewCounter(prometheus.CounterOpts{Name: "mainstay_device_samples_lost_total", Help: "Samples that the metric store did not take."})
	t.duration = prometheus.NewHistogram(prometheus.HistogramOpts{Name: "mainstay_device_poll_seconds", Help: "How long polls took.", Buckets: []float64{.01, .05, .1, .5, 1, 5, 10, 30, 60}})
	r.MustRegister(t.polls, t.values, t.lost, t.duration, prometheus.NewCounterFunc(
		prometheus.CounterOpts{Name: "mainstay_device_polls_late_total", Help: "Polls that began more than a second late, or were left out because the one before was still running."},
		func() float64 { return float64(late()) }))
}

func checkName(item string) string { return item + " snmp" }

// Start begins to poll.
func (s *Service) Start(ctx context.Context) error {
	s.metrics.Describe(described()...)
	if s.creds == nil {
		return nil
	}
	ctx, s.cancel = context.WithCancel(access.AsSystem(context.WithoutCancel(ctx)))
	s.wg.Go(func() { s.poller.Run(ctx) })
	s.wg.Go(func() { s.watch(ctx) })
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
	set, err := s.settings(ctx, q)
	if err != nil {
		return err
	}
	s.mu.Lock()
	clear(s.watched)
	for id, v := range set {
		if len(v.watch) > 0 {
			s.watched[id] = v.watch
		}
	}
	s.mu.Unlock()
	here, there, off := map[string]bool{}, map[string]*away{}, map[string]string{}
	for after := ""; len(here)+len(there) < maxDevices; {
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
		from, err := s.creds.SNMPFrom(ctx, q, ids)
		if err != nil {
			return err
		}
		for _, id := range ids {
			it, ok := items[id]
			if !ok {
				continue
			}
			if set[id].every < 0 {
				off[id] = it.Name
				continue
			}
			t, err := s.creds.SNMP(ctx, q, id)
			if errs.Is(err, errs.NotFound) {
				continue
			}
			if err != nil {
				return err
			}
			e := set[id].every
			if e == 0 {
				e = defaultEvery
			}
			if from[id] != "" {
				there[id] = &away{item: it.Name, place: from[id], every: e, target: t}
				continue
			}
			here[id] = true
			s.poller.Put(id, it.Name, e, t)
		}
	}
	s.mu.Lock()
	s.off = off
	s.mu.Unlock()
	gone := append(s.poller.Keep(func(id string) bool { return here[id] }), s.setAway(there)...)
	for _, g := range gone {
		if err := s.dropChecks(ctx, g.Name, set[g.ID].watch); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) ensure(ctx context.Context, item, from string, every time.Duration) error {
	return s.d.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		return s.makes.EnsureCheck(ctx, tx, observe.CheckSpec{
			Name: checkName(item), Item: item, Type: "passive", Probe: map[string]any{},
			Every: observe.Duration(every), Freshness: observe.Duration(max(5*every, 5*time.Minute)), Attempts: 3, From: from,
		})
	})
}

// Series implements poll.Sink.
func (s *Service) Series(source string, labels map[string]string) (sample.ID, error) {
	return s.metrics.Series(source, labels)
}

// Forget implements poll.Sink.
func (s *Service) Forget(source string) { s.metrics.Forget(source) }

// Polled implements poll.Sink.
func (s *Service) Polled(ctx context.Context, r *poll.Result) {
	if err := s.metrics.Append(ctx, r.Samples); err != nil {
		s.stats.lost.Add(float64(len(r.Samples)))
	}
	s.stats.values.Add(float64(r.Values))
	s.stats.polls.WithLabelValues(map[bool]string{true: "ok", false: "failed"}[r.Err == nil]).Inc()
	s.stats.duration.Observe(r.Duration.Seconds())
	t := told{item: r.Item, every: r.Every, start: r.Start, took: r.Duration, sure: r.Sure}
	if r.Err != nil {
		t.failure = errs.Message(r.Err)
	}
	s.tell(ctx, t)
	if r.Err == nil && len(s.watchOf(r.ID)) > 0 {
		s.tellPorts(ctx, r.ID, t, r.View())
	}
}

// told is what a poll means for the check of its device.
type told struct {
	item, from  string
	every, took time.Duration
	start       time.Time
	failure     string
	sure        bool
}

// tell sends the state of the device to its check, which is made at the first
// answer. A device that never answered has no check: discovery will tell.
func (s *Service) tell(ctx context.Context, t told) {
	ctx = access.AsSystem(ctx)
	name := checkName(t.item)
	res := observe.Result{Status: observe.OK, Start: t.start, Duration: t.took, Output: "The device answers SNMP."}
	if t.failure != "" {
		if !t.sure {
			return
		}
		res.Status, res.Output = observe.Critical, t.failure
	}
	err := s.results.SendResult(ctx, name, res)
	if errs.Is(err, errs.NotFound) && t.failure == "" {
		if err = s.ensure(ctx, t.item, t.from, t.every); err == nil {
			err = s.results.SendResult(ctx, name, res)
		}
	}
	if err != nil && !errs.Is(err, errs.NotFound) && ctx.Err() == nil {
		s.d.Logger.Warn("the state of a device could not be told", "item", t.item, "error", err)
	}
}
