package poll

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/sample"
	"github.com/mainstay-ops/mainstay/internal/core/snmp"
	"github.com/mainstay-ops/mainstay/internal/core/snmp/column"
	core "github.com/mainstay-ops/mainstay/internal/core/snmp/device"
)

// dev is one device. The fields of the first group belong to Poller.mu; mu guards
// the rest.
type dev struct {
	id      string
	due     time.Time
	running bool

	mu     sync.Mutex
	item   string
	target snmp.Target
	every  time.Duration

	// known tells that the interfaces are identified.
	known   bool
	uptime  float64
	count   int64   // ifNumber
	changed float64 // ifTableLastChange
	ports   map[string]*port
	order   []*port
	cols    []snmp.OID
	what    []int

	gauges    []*gauge
	gaugeOIDs []snmp.OID
	gaugeAt   [][]int
	gaugeVars []snmp.Var
	about     *core.Device
	surveyed  time.Time
	queued    bool

	peers           map[string]*peer
	hasBGP, hasOSPF bool

	up, took, alive sample.ID
	hasOwn          bool
	samples         []sample.Sample
	refused         int
	limits          []string

	// What the last poll was like.
	last     time.Time
	answered time.Time
	duration time.Duration
	values   int
	err      error
	fails    int

	// shown is the last view that somebody asked for, at wanted (Unix seconds).
	shown  atomic.Pointer[core.View]
	wanted atomic.Int64
	// brief is the device in a list, as of the last poll.
	brief atomic.Pointer[core.Brief]
}

func (d *dev) source() string { return Source(d.id) }

const (
	sysUpTime         = "1.3.6.1.2.1.1.3.0"
	ifNumber          = "1.3.6.1.2.1.2.1.0"
	ifTableLastChange = "1.3.6.1.2.1.31.1.5.0"
	// resurvey is how often everything is read anew.
	resurvey = 24 * time.Hour
)

// poll reads a device once and appends what it gave. d.mu is held throughout, so
// that a page shows one poll and not halves of two; see dev.look.
func (s *Poller) poll(ctx context.Context, d *dev) {
	buf, _ := s.buffers.Get().(*[]byte)
	defer s.buffers.Put(buf)
	begin := time.Now()
	ctx, cancel := context.WithTimeout(ctx, min(max(d.every-time.Second, 5*time.Second), 5*time.Minute))
	defer cancel()
	d.samples = d.samples[:0]
	values, err := s.read(ctx, d, *buf)
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return // the program ends
	}
	if errors.Is(err, context.DeadlineExceeded) {
		err = errs.New(errs.Unavailable, "%s did not answer everything within %s.", d.target.Address, d.every)
	}
	d.last, d.duration, d.values, d.err = begin, time.Since(begin), values, err
	if err == nil {
		d.answered, d.fails = begin, 0
	} else {
		d.fails++
	}
	s.own(d, begin, err == nil)
	d.publish()
	d.remember()
	s.sink.Polled(ctx, &Result{
		ID: d.id, Item: d.item, Every: d.every, Start: begin, Duration: d.duration, Values: values, Err: err, Sure: err == nil || !d.answered.IsZero() || d.fails >= sureAfter,
		Samples: d.samples, View: d.view,
	})
	if err == nil && !d.queued && time.Since(d.surveyed) > resurvey {
		d.queued = true
		s.ask(d)
	}
}

// own adds the figures about the poll itself.
func (s *Poller) own(d *dev, at time.Time, up bool) {
	if !d.hasOwn {
		for name, id := range map[string]*sample.ID{"device_up": &d.up, "device_poll_duration_seconds": &d.took, "device_uptime_seconds": &d.alive} {
			var err error
			if *id, err = s.sink.Series(d.source(), map[string]string{"__name__": name, "item": d.item}); err != nil {
				d.refused++
				return
			}
		}
		d.hasOwn = true
	}
	d.samples = append(d.samples, sample.Sample{Series: d.up, At: at, Value: oneIf(up)}, sample.Sample{Series: d.took, At: at, Value: d.duration.Seconds()})
	if up && d.uptime > 0 {
		d.samples = append(d.samples, sample.Sample{Series: d.alive, At: at, Value: d.uptime})
	}
}

func (s *Poller) read(ctx context.Context, d *dev, buf []byte) (int, error) {
	r, err := column.Open(ctx, d.target, buf)
	if err != nil {
		return 0, err
	}
	defer func() { _ = r.Close() }()
	var uptime, changed float64
	var count int64
	err = r.Get(ctx, []snmp.OID{sysUpTime, ifNumber, ifTableLastChange}, func(i int, v *snmp.Var) {
		switch i {
		case 0:
			n, _ := v.Number()
			uptime = n / 100
		case 1:
			count, _ = v.Int()
		case 2:
			changed, _ = v.Number()
		}
	})
	if err != nil {
		return r.Values, err
	}
	if uptime < d.uptime {
		// The agent has started anew: nothing of before must be taken for granted.
		d.surveyed = time.Time{}
		d.known = false
	}
	if count != d.count || changed != d.changed {
		d.known = false
	}
	d.uptime, d.count, d.changed = uptime, count, changed
	look := !d.known
	if look {
		if err := d.identify(ctx, r); err != nil {
			return r.Values, err
		}
		d.known = true
	}
	if err := d.interfaces(ctx, r, s.sink); err != nil {
		return r.Values, err
	}
	if err := d.gaugesRead(ctx, r, s.sink); err != nil {
		return r.Values, err
	}
	return r.Values, d.peersRead(ctx, r, s.sink, look)
}

// surveyor reads devices in full, one after the other.
func (s *Poller) surveyor(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case d := <-s.surveys:
			s.survey(ctx, d)
		}
	}
}

// ask puts a device into the queue of surveys; when that is full, the next poll
// asks again.
func (s *Poller) ask(d *dev) {
	select {
	case s.surveys <- d:
	default:
		d.queued = false
	}
}

func (s *Poller) survey(ctx context.Context, d *dev) {
	d.mu.Lock()
	t := d.target
	d.mu.Unlock()
	rd, gs, err := survey(ctx, t)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.queued = false
	if err != nil {
		// Again in an hour; the interfaces are polled meanwhile.
		d.surveyed = time.Now().Add(time.Hour - resurvey)
		if ctx.Err() == nil {
			s.logger.Info("a device could not be read in full", "item", d.item, "error", err)
		}
		return
	}
	d.surveyed, d.about = time.Now(), rd.Device
	old := map[string]*gauge{}
	for _, g := range d.gauges {
		old[g.name+labelsOf(g)] = g
	}
	for _, g := range gs {
		if o := old[g.name+labelsOf(g)]; o != nil {
			g.series, g.has = o.series, o.has
		}
	}
	d.gauges, d.gaugeOIDs, d.gaugeAt, d.gaugeVars = gs, nil, nil, nil
	// Only what is shown is kept.
	d.about = &core.Device{Item: rd.Device.Item, Profile: rd.Device.Profile, Limits: rd.Device.Limits}
}
