package trace

import (
	"strconv"
	"sync"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/signal"
)

// Figures that are made of spans as they come. Rules and dashboards use them; the
// names are in docs/traces.md.
const (
	mRequests   = "trace_requests_total"
	mDuration   = "trace_request_duration_seconds"
	mSatisfied  = "trace_apdex_satisfied_total"
	mTolerating = "trace_apdex_tolerating_total"
	mCalls      = "trace_calls_total"
	mCallTime   = "trace_call_seconds_total"
)

// bounds of the histogram of durations, in seconds.
var bounds = [...]float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}

// Limits, so that names with ids in them cannot fill the metric store.
const (
	maxServices   = 2_000
	maxOperations = 200
	maxEdges      = 20_000
	// maxWaiting spans wait for the other side of their call.
	maxWaiting = 200_000
	pairWithin = 15 * time.Second
	otherName  = "(other)"
)

// figures counts. All counters only grow while the program runs.
type figures struct {
	mu       sync.Mutex
	services map[string]*service
	edges    map[edge]*callCount
	clients  map[spanKey]waiting
	servers  map[spanKey]waiting
	// apdex is the satisfying duration of a service; zero means the usual one.
	apdex func(service string) time.Duration
}

type service struct {
	operations            map[string]*operation
	satisfied, tolerating float64
	fresh                 bool
}

type operation struct {
	ok, failed float64
	buckets    [len(bounds) + 1]float64
	sum        float64
	fresh      bool
}

type edge struct{ client, server, kind string }

type callCount struct {
	ok, failed, seconds float64
	fresh               bool
}

type spanKey struct{ trace, span string }

// waiting is one side of a call.
type waiting struct {
	service, peer string
	failed        bool
	took          time.Duration
	since         time.Time
}

func newFigures(apdex func(string) time.Duration) *figures {
	return &figures{services: map[string]*service{}, edges: map[edge]*callCount{}, clients: map[spanKey]waiting{}, servers: map[spanKey]waiting{}, apdex: apdex}
}

// take counts spans that came at a moment.
func (f *figures) take(spans []signal.Span, now time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range spans {
		s := &spans[i]
		switch s.Kind {
		case signal.KindServer, signal.KindConsumer:
			f.request(s)
			f.server(s, now)
		case signal.KindClient, signal.KindProducer:
			f.client(s, now)
		default:
			if s.ParentID == "" {
				f.request(s)
			}
		}
	}
}

func (f *figures) service(name string) *service {
	sv := f.services[name]
	if sv == nil {
		if len(f.services) >= maxServices && name != otherName {
			return f.service(otherName)
		}
		sv = &service{operations: map[string]*operation{}, fresh: true}
		f.services[name] = sv
	}
	return sv
}

func (sv *service) operation(name string) *operation {
	op := sv.operations[name]
	if op == nil {
		if len(sv.operations) >= maxOperations && name != otherName {
			return sv.operation(otherName)
		}
		op = &operation{fresh: true}
		sv.operations[name] = op
	}
	return op
}

func (f *figures) request(s *signal.Span) {
	sv := f.service(serviceOf(s))
	op := sv.operation(s.Name)
	took := duration(s)
	sec := took.Seconds()
	at := len(bounds)
	for i, b := range bounds {
		if sec <= b {
			at = i
			break
		}
	}
	op.buckets[at]++
	op.sum += sec
	if s.Failed {
		op.failed++
		return // a failed request satisfies nobody
	}
	op.ok++
	switch t := f.apdex(serviceOf(s)); {
	case took <= t:
		sv.satisfied++
	case took <= 4*t:
		sv.tolerating++
	}
}

func (f *figures) server(s *signal.Span, now time.Time) {
	if s.ParentID == "" {
		return
	}
	w := waiting{service: serviceOf(s), failed: s.Failed, took: duration(s), since: now}
	k := spanKey{s.TraceID, s.ParentID}
	if c, ok := f.clients[k]; ok {
		delete(f.clients, k)
		f.call(edge{c.service, w.service, peerService}, c.failed || w.failed, c.took)
		return
	}
	if len(f.servers) < maxWaiting {
		f.servers[k] = w
	}
}

func (f *figures) client(s *signal.Span, now time.Time) {
	name, kind, sure := peerOf(s)
	if sure {
		f.call(edge{serviceOf(s), name, kind}, s.Failed, duration(s))
		return
	}
	k := spanKey{s.TraceID, s.SpanID}
	if w, ok := f.servers[k]; ok {
		delete(f.servers, k)
		f.call(edge{serviceOf(s), w.service, peerService}, s.Failed || w.failed, duration(s))
		return
	}
	if len(f.clients) < maxWaiting {
		f.clients[k] = waiting{service: serviceOf(s), peer: name, failed: s.Failed, took: duration(s), since: now}
	}
}

func (f *figures) call(e edge, failed bool, took time.Duration) {
	c := f.edges[e]
	if c == nil {
		if len(f.edges) >= maxEdges {
			return
		}
		c = &callCount{fresh: true}
		f.edges[e] = c
	}
	if failed {
		c.failed++
	} else {
		c.ok++
	}
	c.seconds += took.Seconds()
}

// settle ends the waiting for the other side: what was called is outside then, if the
// span says what it is.
func (f *figures) settle(now time.Time) {
	for k, w := range f.clients {
		if now.Sub(w.since) >= pairWithin {
			delete(f.clients, k)
			if w.peer != "" {
				f.call(edge{w.service, w.peer, peerExternal}, w.failed, w.took)
			}
		}
	}
	for k, w := range f.servers {
		if now.Sub(w.since) >= pairWithin {
			delete(f.servers, k)
		}
	}
}

// samples gives every counter at a moment. A counter that is new is given as zero at
// the moment before too, so that what it counted already is seen as an increase.
func (f *figures) samples(before, now time.Time) []signal.Sample {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.settle(now)
	var out []signal.Sample
	add := func(name string, v float64, fresh bool, labels ...signal.Field) {
		if fresh {
			out = append(out, signal.Sample{Name: name, Labels: labels, At: before})
		}
		out = append(out, signal.Sample{Name: name, Labels: labels, At: now, Value: v})
	}
	label := func(n, v string) signal.Field { return signal.Field{Name: n, Value: v} }
	for name, sv := range f.services {
		l := label("service", name)
		add(mSatisfied, sv.satisfied, sv.fresh, l)
		add(mTolerating, sv.tolerating, sv.fresh, l)
		sv.fresh = false
		for opName, op := range sv.operations {
			o := label("operation", opName)
			add(mRequests, op.ok, op.fresh, l, o, label("failed", "false"))
			add(mRequests, op.failed, op.fresh, l, o, label("failed", "true"))
			n := 0.0
			for i, b := range op.buckets {
				n += b
				le := "+Inf"
				if i < len(bounds) {
					le = strconv.FormatFloat(bounds[i], 'g', -1, 64)
				}
				add(mDuration+"_bucket", n, op.fresh, l, o, label("le", le))
			}
			add(mDuration+"_count", n, op.fresh, l, o)
			add(mDuration+"_sum", op.sum, op.fresh, l, o)
			op.fresh = false
		}
	}
	for e, c := range f.edges {
		l := []signal.Field{label("client", e.client), label("server", e.server), label("type", e.kind)}
		add(mCalls, c.ok, c.fresh, append(l[:3:3], label("failed", "false"))...)
		add(mCalls, c.failed, c.fresh, append(l[:3:3], label("failed", "true"))...)
		add(mCallTime, c.seconds, c.fresh, l...)
		c.fresh = false
	}
	return out
}
