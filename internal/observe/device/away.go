package device

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/edgewire"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/snmp"
	core "github.com/mainstay-ops/mainstay/internal/core/snmp/device"
	"github.com/mainstay-ops/mainstay/internal/core/snmp/poll"
	"github.com/mainstay-ops/mainstay/internal/observe"
)

// away is a device that an edge polls. Service.mu guards it.
type away struct {
	item, place string
	every       time.Duration
	target      snmp.Target
	// newest is the start of the newest poll that was taken, view what it showed.
	newest time.Time
	view   *core.View
}

// maxAhead is how far in the future a poll may seem to begin; what is farther is taken
// as of now.
const maxAhead = 5 * time.Minute

// setAway replaces the list, and names the items whose checks end: those that are gone,
// and those that something else polls now.
func (s *Service) setAway(next map[string]*away) []poll.Gone {
	s.mu.Lock()
	var gone []poll.Gone
	changed := len(next) != len(s.away)
	for id, old := range s.away {
		a := next[id]
		if a == nil || a.place != old.place {
			gone = append(gone, poll.Gone{ID: id, Name: old.item})
		}
		if a == nil || a.item != old.item {
			s.metrics.Forget(poll.Source(id))
		}
		if a == nil {
			continue
		}
		a.newest, a.view = old.newest, old.view
		changed = changed || a.place != old.place || a.every != old.every || a.target != old.target
	}
	for id := range next {
		changed = changed || s.away[id] == nil
	}
	s.away = next
	s.mu.Unlock()
	if changed && s.places != nil {
		s.places.ChecksChanged()
	}
	return gone
}

// DevicesFor implements observe.PlacedDevices.
func (s *Service) DevicesFor(place string) []edgewire.Device {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := []edgewire.Device{}
	for id, a := range s.away {
		if a.place == place {
			out = append(out, edgewire.Device{ID: id, EveryMS: a.every.Milliseconds(), Target: a.target})
		}
	}
	slices.SortFunc(out, func(a, b edgewire.Device) int { return strings.Compare(a.ID, b.ID) })
	return out
}

// TakePolls implements observe.PlacedDevices. The metric store drops a second value of
// one moment, and the check a result that is not newer.
func (s *Service) TakePolls(ctx context.Context, place string, ps []edgewire.Poll) error {
	for i := range ps {
		p := &ps[i]
		// The clock of the edge is wrong when a poll is of the future.
		ahead := time.Until(p.Start)
		if ahead < maxAhead {
			ahead = 0
		}
		p.Start = p.Start.Add(-ahead)
		s.mu.Lock()
		a := s.away[p.Device]
		if a == nil || a.place != place {
			s.mu.Unlock()
			continue // it is polled from elsewhere now, or no more
		}
		item, every := a.item, a.every
		if p.Start.After(a.newest) {
			a.newest = p.Start
			if p.View != nil {
				p.View.Item = item
				a.view = p.View
			}
		}
		s.mu.Unlock()
		samples := make([]observe.Sample, 0, len(p.Samples))
		refused := 0
		for _, x := range p.Samples {
			l := make(map[string]string, len(x.Labels)+2)
			maps.Copy(l, x.Labels)
			l["__name__"], l["item"] = x.Name, item
			id, err := s.metrics.Series(poll.Source(p.Device), l)
			if err != nil {
				refused++
				continue
			}
			samples = append(samples, observe.Sample{Series: id, At: time.UnixMilli(x.AtMS).Add(-ahead), Value: x.Value})
		}
		if err := s.metrics.Append(ctx, samples); err != nil {
			return err
		}
		s.stats.lost.Add(float64(refused))
		s.stats.values.Add(float64(p.Values))
		s.stats.polls.WithLabelValues(map[bool]string{true: "ok", false: "failed"}[p.Error == ""]).Inc()
		s.stats.duration.Observe(time.Duration(p.DurationNS).Seconds())
		t := told{item: item, from: place, every: every, start: p.Start, took: time.Duration(p.DurationNS), failure: p.Error, sure: p.Sure}
		s.tell(ctx, t)
		if p.Error == "" && p.View != nil {
			s.tellPorts(ctx, p.Device, t, p.View)
		}
	}
	return nil
}

// show gives a device as it was at its last poll.
func (s *Service) show(id, name string) (*core.View, error) {
	if v := s.poller.Look(id); v != nil {
		w := *v
		if w.Watch = s.watchOf(id); w.Watch == nil {
			w.Watch = []string{}
		}
		return &w, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if item, off := s.off[id]; off {
		v := empty("off", item)
		v.Watch = append(v.Watch, s.watched[id]...)
		return v, nil
	}
	a := s.away[id]
	if a == nil {
		return nil, errs.New(errs.NotFound, "%s is not polled by SNMP. Discovery must have read it with a credential first.", name)
	}
	v := a.now()
	v.Watch = append([]string{}, s.watched[id]...)
	return v, nil
}

// now gives what the edge told last; Service.mu is held.
func (a *away) now() *core.View {
	v := empty("waiting", a.item)
	v.Address, v.EverySeconds = a.target.Address, int64(a.every/time.Second)
	if a.view != nil {
		*v = *a.view
	}
	v.From = a.place
	return v
}

func empty(state, item string) *core.View {
	return &core.View{State: state, Item: item, Watch: []string{}, Interfaces: []core.InterfaceView{}, Gauges: []core.GaugeView{}, Peers: []core.PeerView{}}
}
