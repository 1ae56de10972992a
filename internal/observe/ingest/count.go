package ingest

import (
	"cmp"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/mainstay-ops/mainstay/internal/core/signal"
)

// What is counted.
const (
	samples = iota
	lines
	spans
	flows
	alerts
	kinds
)

var kindNames = [kinds]string{"samples", "lines", "spans", "flows", "alerts"}

// bytesRate is the bucket of bytes behind those of the kinds.
const bytesRate = kinds

const (
	// maxSenders bounds memory; the one that was silent longest makes room.
	maxSenders = 5000
	// maxReasons bounds the words under which one sender's losses are counted.
	maxReasons = 20
	// slots of slotLength make the rate that is drawn.
	slots      = 60
	slotLength = 10 * time.Second
)

// Why something was dropped by the gate itself.
const (
	reasonRate        = "rate limit"
	reasonUnavailable = "no store"
	reasonStore       = "refused by the store"
	reasonMalformed   = "cannot be read"
	reasonOther       = "other"
)

type senderKey struct{ protocol, sender string }

// sender is what is known of one source.
type sender struct {
	key senderKey

	mu          sync.Mutex
	first, last time.Time
	address     string
	taken       [kinds]int64
	dropped     map[string]int64
	why         string
	whyAt       time.Time
	bytes       int64
	rates       [kinds + 1]bucket
	ring        [slots]int64
	ringAt      int64
}

// register are all senders since the start.
type register struct {
	now     func() time.Time
	taken   *prometheus.CounterVec
	dropped *prometheus.CounterVec
	bytes   *prometheus.CounterVec

	mu sync.RWMutex
	m  map[senderKey]*sender
}

func newRegister(now func() time.Time, reg prometheus.Registerer) *register {
	r := &register{
		now: now, m: map[senderKey]*sender{},
		taken:   prometheus.NewCounterVec(prometheus.CounterOpts{Name: "mainstay_ingest_taken_total", Help: "Samples, log lines, spans and flow records that were handed to a store."}, []string{"protocol", "kind"}),
		dropped: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "mainstay_ingest_dropped_total", Help: "Samples, log lines, spans, flow records and messages that were dropped, by reason."}, []string{"protocol", "reason"}),
		bytes:   prometheus.NewCounterVec(prometheus.CounterOpts{Name: "mainstay_ingest_bytes_total", Help: "Bytes that came in, before decompression."}, []string{"protocol"}),
	}
	reg.MustRegister(r.taken, r.dropped, r.bytes, prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "mainstay_ingest_senders", Help: "Senders that were heard since the start."}, func() float64 {
		r.mu.RLock()
		defer r.mu.RUnlock()
		return float64(len(r.m))
	}))
	return r
}

func (r *register) of(from signal.Source) *sender {
	k := senderKey{from.Protocol, from.Sender}
	r.mu.RLock()
	s := r.m[k]
	r.mu.RUnlock()
	if s != nil {
		return s
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if s = r.m[k]; s != nil {
		return s
	}
	if len(r.m) >= maxSenders {
		r.evict()
	}
	s = &sender{key: k, first: r.now(), dropped: map[string]int64{}}
	r.m[k] = s
	return s
}

// evict forgets the sender that was silent longest. The register is locked.
func (r *register) evict() {
	var oldest *sender
	var at time.Time
	for _, s := range r.m {
		s.mu.Lock()
		last := s.last
		s.mu.Unlock()
		if oldest == nil || last.Before(at) {
			oldest, at = s, last
		}
	}
	if oldest != nil {
		delete(r.m, oldest.key)
	}
}

// allow asks the rate limit for n of a kind (or bytesRate); wait is how long the
// sender should wait when it is refused.
func (s *sender) allow(now time.Time, kind int, n, perSecond int64) (ok bool, wait time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := &s.rates[kind]
	return b.take(now, n, perSecond), b.wait(perSecond)
}

func (r *register) heard(s *sender, from signal.Source, bytes int) {
	now := r.now()
	s.mu.Lock()
	s.last = now
	if from.Address.IsValid() {
		s.address = from.Address.Unmap().String()
	}
	s.bytes += int64(bytes)
	s.mu.Unlock()
	if bytes > 0 {
		r.bytes.WithLabelValues(s.key.protocol).Add(float64(bytes))
	}
}

func (r *register) took(s *sender, kind, n int) {
	if n <= 0 {
		return
	}
	slot := r.now().Unix() / int64(slotLength.Seconds())
	s.mu.Lock()
	s.taken[kind] += int64(n)
	s.roll(slot)
	s.ring[slot%slots] += int64(n)
	s.mu.Unlock()
	r.taken.WithLabelValues(s.key.protocol, kindNames[kind]).Add(float64(n))
}

// roll empties the slots that have passed since the last one was used.
func (s *sender) roll(slot int64) {
	if slot-s.ringAt >= slots {
		clear(s.ring[:])
	} else {
		for i := s.ringAt + 1; i <= slot; i++ {
			s.ring[i%slots] = 0
		}
	}
	s.ringAt = max(s.ringAt, slot)
}

func (r *register) lost(s *sender, reason, why string, n int) {
	if n <= 0 {
		return
	}
	s.mu.Lock()
	if _, known := s.dropped[reason]; !known && len(s.dropped) >= maxReasons {
		reason = reasonOther
	}
	s.dropped[reason] += int64(n)
	if why != "" {
		s.why, s.whyAt = cut(why, 300), r.now()
	}
	s.mu.Unlock()
	r.dropped.WithLabelValues(s.key.protocol, reason).Add(float64(n))
}

// Source is a sender with a protocol, and what became of what it sent since the
// server started.
type Source struct {
	Protocol string    `json:"protocol"`
	Sender   string    `json:"sender" doc:"Name of the token, or address."`
	Address  string    `json:"address,omitempty" doc:"From where it was heard last."`
	First    time.Time `json:"first_seen"`
	Last     time.Time `json:"last_seen"`
	Samples  int64     `json:"samples"`
	Lines    int64     `json:"lines"`
	Spans    int64     `json:"spans"`
	Flows    int64     `json:"flows" doc:"Records of traffic."`
	Alerts   int64     `json:"alerts"`
	Series   int64     `json:"series" doc:"Different series that had a value within two hours."`
	Bytes    int64     `json:"bytes" doc:"As received, before decompression."`
	Dropped  int64     `json:"dropped"`
	Losses   []Loss    `json:"losses" doc:"What was dropped, by reason, the most first."`
	Why      string    `json:"why,omitempty" doc:"One sentence about what was dropped last."`
	WhyAt    time.Time `json:"why_at,omitzero"`
	Rate     []float64 `json:"rate" doc:"Taken per second, in steps of ten seconds, the newest last."`
}

// Loss is how many were dropped for a reason.
type Loss struct {
	Reason string `json:"reason"`
	Count  int64  `json:"count"`
}

func (r *register) list() []Source {
	r.mu.RLock()
	all := slices.Collect(maps.Values(r.m))
	r.mu.RUnlock()
	slot := r.now().Unix() / int64(slotLength.Seconds())
	out := make([]Source, len(all))
	for i, s := range all {
		out[i] = s.view(slot)
	}
	slices.SortFunc(out, func(a, b Source) int {
		return cmp.Or(cmp.Compare(a.Protocol, b.Protocol), cmp.Compare(a.Sender, b.Sender))
	})
	return out
}

func (s *sender) view(slot int64) Source {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.roll(slot)
	v := Source{
		Protocol: s.key.protocol, Sender: s.key.sender, Address: s.address, First: s.first.UTC(), Last: s.last.UTC(),
		Samples: s.taken[samples], Lines: s.taken[lines], Spans: s.taken[spans], Flows: s.taken[flows], Alerts: s.taken[alerts], Bytes: s.bytes,
		Losses: []Loss{}, Why: s.why, Rate: make([]float64, 0, slots-1),
	}
	if !s.whyAt.IsZero() {
		v.WhyAt = s.whyAt.UTC()
	}
	for reason, n := range s.dropped {
		v.Dropped += n
		v.Losses = append(v.Losses, Loss{reason, n})
	}
	slices.SortFunc(v.Losses, func(a, b Loss) int { return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Reason, b.Reason)) })
	// The slot that is filled now is not complete and not shown.
	for i := slot - slots + 1; i < slot; i++ {
		v.Rate = append(v.Rate, float64(s.ring[(i+slots)%slots])/slotLength.Seconds())
	}
	return v
}

func cut(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	for limit > 0 && s[limit]&0xc0 == 0x80 {
		limit--
	}
	return s[:limit] + "…"
}
