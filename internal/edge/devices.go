package edge

import (
	"context"
	"math"
	"sync"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/edgewire"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/sample"
	"github.com/mainstay-ops/mainstay/internal/core/snmp/poll"
)

// leastPoll is the shortest interval of a device, whatever the server says.
const leastPoll = 10 * time.Second

// devices polls by SNMP and keeps what it reads; it is the sink of its poller.
type devices struct {
	poller *poll.Poller
	found  func(edgewire.Poll)

	mu     sync.Mutex
	next   sample.ID
	series map[sample.ID]series
	owned  map[string][]sample.ID
}

type series struct {
	name   string
	labels map[string]string
}

func newDevices(e *edge) *devices {
	d := &devices{found: e.polled, series: map[sample.ID]series{}, owned: map[string][]sample.ID{}}
	d.poller = poll.New(d, e.o.Logger)
	return d
}

// set makes ds what is polled. Devices that did not change go on as they are.
func (d *devices) set(ds []edgewire.Device) {
	want := map[string]bool{}
	for _, x := range ds {
		want[x.ID] = true
		d.poller.Put(x.ID, x.ID, max(time.Duration(x.EveryMS)*time.Millisecond, leastPoll), x.Target)
	}
	d.poller.Keep(func(id string) bool { return want[id] })
}

// Series implements poll.Sink. The server knows the name of the item.
func (d *devices) Series(source string, labels map[string]string) (sample.ID, error) {
	s := series{name: labels["__name__"], labels: make(map[string]string, len(labels))}
	for k, v := range labels {
		if k != "__name__" && k != "item" {
			s.labels[k] = v
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.next++
	d.series[d.next] = s
	d.owned[source] = append(d.owned[source], d.next)
	return d.next, nil
}

// Forget implements poll.Sink.
func (d *devices) Forget(source string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, id := range d.owned[source] {
		delete(d.series, id)
	}
	delete(d.owned, source)
}

// Polled implements poll.Sink.
func (d *devices) Polled(_ context.Context, r *poll.Result) {
	p := edgewire.Poll{Device: r.ID, Start: r.Start.UTC(), DurationNS: r.Duration.Nanoseconds(), Values: r.Values, Sure: r.Sure, View: r.View()}
	if r.Err != nil {
		p.Error = errs.Message(r.Err)
	}
	for i := range p.View.Gauges {
		if g := &p.View.Gauges[i]; !finite(g.Value) {
			g.Value = 0
		}
	}
	d.mu.Lock()
	for _, x := range r.Samples {
		if s, ok := d.series[x.Series]; ok && finite(x.Value) {
			p.Samples = append(p.Samples, edgewire.Sample{Name: s.name, Labels: s.labels, AtMS: x.At.UnixMilli(), Value: x.Value})
		}
	}
	d.mu.Unlock()
	d.found(p)
}

// finite tells whether JSON has a word for the number.
func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }
