package statsd

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/signal"
)

const (
	// maxSeries bounds what one port remembers; idleAfter is when a series ends.
	maxSeries  = 100_000
	idleAfter  = time.Hour
	maxKept    = 1000
	maxMembers = 100_000
)

// quantiles that timers are told with.
var quantiles = []float64{0.5, 0.9, 0.95, 0.99}

// series is one measure of one sender.
type series struct {
	measure
	hints   *signal.Hints
	used    time.Time
	// value of a counter or gauge; sum and count of a timer.
	value, sum, count float64
	// kept is a sample of the values of a timer since the last flush, each as likely
	// as any other (reservoir sampling, Vitter 1985); seen is how many there were.
	kept    []float64
	seen    int
	members map[string]struct{}
}

// aggregate is what senders of one port have told.
type aggregate struct {
	env signal.Env

	mu    sync.Mutex
	m     map[string]*series
	froms map[string]signal.Source // by the sender
}

func newAggregate(env signal.Env) *aggregate {
	return &aggregate{env: env, m: map[string]*series{}, froms: map[string]signal.Source{}}
}

// add takes one measure; it is false when there are too many series.
func (a *aggregate) add(from signal.Source, m measure, now time.Time) bool {
	key := from.Sender + "\x00" + m.key()
	a.mu.Lock()
	defer a.mu.Unlock()
	s := a.m[key]
	if s == nil {
		if len(a.m) >= maxSeries {
			return false
		}
		s = &series{measure: m}
		if m.host != "" {
			s.hints = &signal.Hints{Host: m.host}
		} else if from.Address.IsValid() && !from.Address.IsLoopback() && signal.Value(m.tags, "instance") == "" {
			// Two hosts that send the same measure are two series.
			s.tags = append(s.tags[:len(s.tags):len(s.tags)], signal.Field{Name: "instance", Value: from.Address.String()})
		}
		a.m[key] = s
		a.froms[from.Sender] = from
	}
	s.used = now
	switch m.kind {
	case 'c':
		for _, v := range m.values {
			s.value += v / m.rate
		}
	case 'g':
		for _, v := range m.values {
			if m.relative {
				s.value += v
			} else {
				s.value = v
			}
		}
	case 't':
		for _, v := range m.values {
			s.sum += v / m.rate
			s.count += 1 / m.rate
			s.keep(v)
		}
	case 's':
		if s.members == nil {
			s.members = map[string]struct{}{}
		}
		for _, t := range m.texts {
			if len(s.members) < maxMembers {
				s.members[t] = struct{}{}
			}
		}
	}
	return true
}

func (s *series) keep(v float64) {
	s.seen++
	if len(s.kept) < maxKept {
		s.kept = append(s.kept, v)
	} else if i := rand.IntN(s.seen); i < maxKept {
		s.kept[i] = v
	}
}

// flush writes the state of all series. Counters and gauges are told again while
// they are alive, so that graphs have no holes.
func (a *aggregate) flush(ctx context.Context, now time.Time) {
	a.mu.Lock()
	by := map[string][]signal.Sample{}
	meta := map[string]signal.Meta{}
	for key, s := range a.m {
		sender, _, _ := strings.Cut(key, "\x00")
		if now.Sub(s.used) > idleAfter {
			delete(a.m, key)
			continue
		}
		by[sender] = s.tell(by[sender], meta, now)
	}
	froms := make(map[string]signal.Source, len(by))
	for sender := range by {
		froms[sender] = a.froms[sender]
	}
	for sender := range a.froms {
		if _, alive := by[sender]; !alive {
			delete(a.froms, sender)
		}
	}
	a.mu.Unlock()
	for sender, samples := range by {
		_, _ = a.env.Samples.TakeSamples(ctx, froms[sender], samples, meta)
	}
}

// tell appends the samples of a series and begins the next interval.
func (s *series) tell(out []signal.Sample, meta map[string]signal.Meta, now time.Time) []signal.Sample {
	add := func(name string, v float64, more ...signal.Field) {
		ls := s.tags
		if len(more) > 0 {
			ls = append(slices.Clone(s.tags), more...)
		}
		out = append(out, signal.Sample{Name: name, Labels: ls, At: now, Value: v, Hints: s.hints})
	}
	switch s.kind {
	case 'c':
		name := s.name
		if !strings.HasSuffix(name, "_total") {
			name += "_total"
		}
		meta[name] = signal.Meta{Type: "counter"}
		add(name, s.value)
	case 'g':
		meta[s.name] = signal.Meta{Type: "gauge"}
		add(s.name, s.value)
	case 's':
		// A set tells the interval alone.
		meta[s.name] = signal.Meta{Type: "gauge"}
		add(s.name, float64(len(s.members)))
		clear(s.members)
	case 't':
		meta[s.name] = signal.Meta{Type: "summary"}
		add(s.name+"_count", s.count)
		add(s.name+"_sum", s.sum)
		if len(s.kept) > 0 {
			slices.Sort(s.kept)
			for _, q := range quantiles {
				i := int(math.Ceil(q*float64(len(s.kept)))) - 1
				add(s.name, s.kept[max(i, 0)], signal.Field{Name: "quantile", Value: strconv.FormatFloat(q, 'g', -1, 64)})
			}
		}
		s.kept, s.seen = s.kept[:0], 0
	}
	return out
}
