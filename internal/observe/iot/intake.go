package iot

import (
	"context"
	"encoding/base64"
	"strings"
	"sync"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/observe"
	"github.com/mainstay-ops/mainstay/internal/observe/iot/payload"
	"github.com/mainstay-ops/mainstay/internal/observe/iot/wire"
)

const (
	// gather is how long figures wait for more before they are stored.
	gather = 150 * time.Millisecond
	// maxWaiting bounds figures that wait.
	maxWaiting = 500_000
	// maxRetained is how many retained messages a client may leave in a run of the
	// program.
	maxRetained = 5000
	// aheadMost and behindMost bound how far a device's clock is believed.
	aheadMost, behindMost = time.Minute, time.Hour
)

// batch is what waits to be stored.
type batch struct {
	mu      sync.Mutex
	samples []observe.Sample
	acks    []func()
	wake    chan struct{}
}

// take reads a message of a client. ack is called when its figures are stored.
func (s *Service) take(c *client, m wire.Publish, ack func()) {
	c.messages.Add(1)
	s.taken.Add(1)
	if !c.mayPublish(m.Topic) {
		s.lost(c, lostDenied, 1)
		ack()
		return
	}
	now := s.now()
	if m.Retain && len(m.Payload) > 0 && c.retained.Add(1) > maxRetained {
		s.lost(c, lostRetained, 1)
		m.Retain = false
	}
	if m.Retain || s.gate.broker.wanted(m.Topic) || m.QoS > 0 && s.sessions.Load() > 0 {
		if err := s.gate.broker.pass(m); err != nil {
			s.lost(c, lostBusy, 1)
		}
	}
	// An empty retained message takes one back, and says nothing otherwise.
	if m.Retain && len(m.Payload) == 0 && !isConfig(m.Topic) {
		ack()
		return
	}
	res := s.decoder.Decode(payload.Message{Topic: m.Topic, Data: m.Payload, At: now})
	if res.Reply != nil {
		if err := s.gate.broker.pass(wire.Publish{Topic: res.Reply.Topic, Payload: res.Reply.Data}); err != nil {
			s.d.Logger.Debug("a birth was not asked for", "topic", res.Reply.Topic, "error", err)
		}
	}
	if res.Problem != "" {
		s.lost(c, lostUnread, 1)
	}
	if !res.Known {
		s.noteUnknown(c, m, now)
	}
	if res.Remember {
		s.remember(c, m, now)
	}
	var samples []observe.Sample
	for i := range res.Reports {
		samples = append(samples, s.report(c, &res.Reports[i], m, now)...)
	}
	s.put1(c, samples, ack)
}

func (s *Service) put1(c *client, samples []observe.Sample, ack func()) {
	b := &s.batch
	b.mu.Lock()
	if len(b.samples)+len(samples) > maxWaiting {
		b.mu.Unlock()
		s.lost(c, lostBusy, 1)
		return // not acknowledged: a client with QoS 1 says it again
	}
	first := len(b.acks) == 0 && len(b.samples) == 0
	b.samples = append(b.samples, samples...)
	b.acks = append(b.acks, ack)
	b.mu.Unlock()
	if first {
		select {
		case b.wake <- struct{}{}:
		default:
		}
	}
}

// appendLoop stores figures and acknowledges the messages that they came in.
func (s *Service) appendLoop() {
	for {
		select {
		case <-s.batch.wake:
		case <-s.ctx.Done():
			s.appendNow(context.WithoutCancel(s.ctx))
			return
		}
		select {
		case <-time.After(gather):
		case <-s.ctx.Done():
		}
		s.appendNow(context.WithoutCancel(s.ctx))
	}
}

func (s *Service) appendNow(ctx context.Context) {
	b := &s.batch
	b.mu.Lock()
	samples, acks := b.samples, b.acks
	b.samples, b.acks = nil, nil
	b.mu.Unlock()
	if len(samples) > 0 {
		if err := s.store.Append(ctx, samples); err != nil {
			s.d.Logger.Error("figures of devices were not stored", "figures", len(samples), "error", err)
			return // not acknowledged
		}
	}
	s.stats.WithLabelValues("taken").Add(float64(len(acks)))
	for _, f := range acks {
		f()
	}
}

// remember keeps a message in which devices describe themselves.
func (s *Service) remember(c *client, m wire.Publish, now time.Time) {
	text := base64.StdEncoding.EncodeToString(m.Payload)
	err := s.d.DB.InTx(s.ctx, func(ctx context.Context, tx *db.Tx) error {
		if len(m.Payload) == 0 {
			_, err := tx.NewRaw("DELETE FROM iot_memory WHERE topic = ?", m.Topic).Exec(ctx)
			return err
		}
		_, err := tx.NewRaw("INSERT INTO iot_memory (topic, client, payload, at) VALUES (?, ?, ?, ?) ON CONFLICT (topic) DO UPDATE SET client = excluded.client, payload = excluded.payload, at = excluded.at", m.Topic, c.Name, text, now.UTC()).Exec(ctx)
		return err
	})
	if err != nil {
		s.d.Logger.Warn("what a device says of itself was not kept", "topic", m.Topic, "error", err)
	}
}

// when is the moment of a message: the device's clock where it is believable, else now.
// wrong tells that the device's clock is of another time altogether.
func when(told, now time.Time) (at time.Time, wrong bool) {
	switch {
	case told.IsZero():
		return now, false
	case told.Year() < 2015 || told.Sub(now) > 24*time.Hour:
		return now, true
	case told.Sub(now) > aheadMost || now.Sub(told) > behindMost:
		return now, false
	}
	return told, false
}

// isConfig tells whether an empty message means something: an announcement taken back.
func isConfig(topic string) bool { return strings.HasPrefix(topic, "homeassistant/") }
