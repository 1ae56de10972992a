// Package graphite takes the plaintext protocol of Graphite: a path, a value and a
// time on each line, with tags if there are any.
package graphite

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"math"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mainstay-ops/mainstay/internal/adapter/ingest/internal/conns"
	"github.com/mainstay-ops/mainstay/internal/adapter/ingest/internal/naming"
	"github.com/mainstay-ops/mainstay/internal/core/signal"
)

const protocol = "graphite"

func init() {
	signal.Register(signal.Protocol{Name: protocol, Title: "Graphite plaintext", Listeners: []signal.Listener{
		{Port: protocol, Network: "tcp", Stream: stream}, {Port: protocol, Network: "udp", Packets: packets},
	}})
}

const (
	maxLine = 8 << 10
	// batchSize is how many lines of a stream are handed on together at the most.
	batchSize = 1000
	maxTags   = 60
)

var errLine = errors.New(`a line must be "path value time"`)

// parse reads a line. Tags follow the path: disk.used;host=web-1;disk=sda 1 1700000000.
func parse(line []byte, now time.Time) (s signal.Sample, err error) {
	parts := bytes.Fields(line)
	if len(parts) != 2 && len(parts) != 3 {
		return s, errLine
	}
	if s.Value, err = strconv.ParseFloat(string(parts[1]), 64); err != nil || math.IsNaN(s.Value) || math.IsInf(s.Value, 0) {
		return s, errors.New("the value is not a number")
	}
	s.At = now
	if len(parts) == 3 {
		at, err := strconv.ParseFloat(string(parts[2]), 64)
		if err != nil || at > 1e11 || at < -1 {
			return s, errors.New("the time must be seconds since 1970")
		}
		if at >= 0 { // -1 and N mean now
			s.At = time.UnixMilli(int64(at * 1000))
		}
	}
	path, tags, _ := strings.Cut(string(parts[0]), ";")
	s.Name = naming.Metric(path)
	host := ""
	for tags != "" {
		var tag string
		tag, tags, _ = strings.Cut(tags, ";")
		k, v, ok := strings.Cut(tag, "=")
		if !ok || k == "" || len(s.Labels) >= maxTags {
			return s, errors.New("a tag must be name=value")
		}
		f := signal.Field{Name: naming.Label(k), Value: v}
		if f.Name == "host" || f.Name == "hostname" && host == "" {
			host = v
		}
		s.Labels = append(s.Labels, f)
	}
	slices.SortStableFunc(s.Labels, func(a, b signal.Field) int { return cmp.Compare(a.Name, b.Name) })
	s.Labels = slices.CompactFunc(s.Labels, func(a, b signal.Field) bool { return a.Name == b.Name })
	if host != "" {
		s.Hints = &signal.Hints{Host: host}
	}
	return s, nil
}

func packets(ctx context.Context, env signal.Env, sockets []net.PacketConn) error {
	return conns.Packets(ctx, env, protocol, sockets, func(from signal.Source, b []byte) {
		var batch []signal.Sample
		now := time.Now()
		for line := range bytes.Lines(b) {
			if line = bytes.TrimSpace(line); len(line) == 0 {
				continue
			}
			s, err := parse(line, now)
			if err != nil {
				env.Malformed(from, err.Error())
				continue
			}
			batch = append(batch, s)
		}
		hand(ctx, env, from, batch)
	})
}

// hand passes samples on. The protocol has no answer: what is refused was counted.
func hand(ctx context.Context, env signal.Env, from signal.Source, batch []signal.Sample) {
	if len(batch) > 0 {
		_, _ = env.Samples.TakeSamples(ctx, from, batch, nil)
	}
}

func stream(ctx context.Context, env signal.Env, ln net.Listener) error {
	return conns.Serve(ctx, env, protocol, ln, func(ctx context.Context, from signal.Source, c net.Conn) {
		r := bufio.NewReaderSize(c, maxLine)
		var batch []signal.Sample
		for {
			_ = c.SetReadDeadline(time.Now().Add(conns.Idle))
			line, err := r.ReadSlice('\n')
			if errors.Is(err, bufio.ErrBufferFull) {
				env.Malformed(from, "A line is longer than 8 KiB.")
				return
			}
			if line = bytes.TrimSpace(line); len(line) > 0 {
				if s, bad := parse(line, time.Now()); bad != nil {
					env.Malformed(from, bad.Error())
				} else {
					batch = append(batch, s)
				}
			}
			// Hand on when nothing more has come yet.
			if err != nil || r.Buffered() == 0 || len(batch) >= batchSize {
				hand(ctx, env, from, batch)
				batch = batch[:0]
			}
			if err != nil {
				return
			}
		}
	})
}
