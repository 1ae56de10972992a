// Package statsd takes StatsD and DogStatsD. Counters are totals that only grow,
// gauges keep their last value, timers become summaries with quantiles, sets the
// number of different members. What was told is written every ten seconds.
package statsd

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"net"
	"time"

	"github.com/mainstay-ops/mainstay/internal/adapter/ingest/internal/conns"
	"github.com/mainstay-ops/mainstay/internal/core/signal"
)

const protocol = "statsd"

func init() {
	signal.Register(signal.Protocol{Name: protocol, Title: "StatsD and DogStatsD", Listeners: []signal.Listener{
		{Port: protocol, Network: "udp", Packets: packets}, {Port: protocol, Network: "tcp", Stream: stream},
	}})
}

const (
	flushEvery = 10 * time.Second
	maxLine    = 8 << 10
)

// lines reads what a datagram holds, one measure on each line.
func (a *aggregate) lines(from signal.Source, b []byte) {
	for line := range bytes.Lines(b) {
		a.line(from, bytes.TrimSpace(line))
	}
}

func (a *aggregate) line(from signal.Source, line []byte) {
	if len(line) == 0 {
		return
	}
	if bytes.HasPrefix(line, []byte("_e{")) || bytes.HasPrefix(line, []byte("_sc|")) {
		a.event(from, line)
		return
	}
	m, err := parse(line)
	if err != nil {
		a.env.Malformed(from, err.Error())
		return
	}
	if !a.add(from, m, time.Now()) {
		a.env.Dropped(from, "too many series", 1)
	}
}

// flushing writes what was told now and then, and at the end.
func (a *aggregate) flushing(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		t := time.NewTicker(flushEvery)
		defer t.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case now := <-t.C:
				a.flush(ctx, now)
			}
		}
	}()
	return func() {
		cancel()
		<-done
		last, end := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer end()
		a.flush(last, time.Now())
	}
}

func packets(ctx context.Context, env signal.Env, sockets []net.PacketConn) error {
	a := newAggregate(env)
	defer a.flushing(ctx)()
	return conns.Packets(ctx, env, protocol, sockets, a.lines)
}

func stream(ctx context.Context, env signal.Env, ln net.Listener) error {
	a := newAggregate(env)
	defer a.flushing(ctx)()
	return conns.Serve(ctx, env, protocol, ln, func(_ context.Context, from signal.Source, c net.Conn) {
		r := bufio.NewReaderSize(c, maxLine)
		for {
			_ = c.SetReadDeadline(time.Now().Add(conns.Idle))
			line, err := r.ReadSlice('\n')
			if errors.Is(err, bufio.ErrBufferFull) {
				env.Malformed(from, "A line is longer than 8 KiB.")
				return
			}
			a.line(from, bytes.TrimSpace(line))
			if err != nil {
				return
			}
		}
	})
}
