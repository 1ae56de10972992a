package gelf

import (
	"errors"
	"sync"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/signal"
)

// Chunks have two magic bytes, eight bytes of id, a number and a count in front.
const (
	chunkHead = 12
	maxChunks = 128
	chunkWait = 5 * time.Second
	// maxOpen and maxWaiting bound what waits for its other chunks.
	maxOpen    = 2000
	maxWaiting = 64 << 20
)

type chunkKey struct {
	from signal.Source
	id   [8]byte
}

type message struct {
	since time.Time
	parts [][]byte
	have  int
	bytes int
}

// assembly puts chunks together.
type assembly struct {
	now   func() time.Time
	mu    sync.Mutex
	open  map[chunkKey]*message
	bytes int
}

func newAssembly(now func() time.Time) *assembly {
	return &assembly{now: now, open: map[chunkKey]*message{}}
}

var (
	errChunk = errors.New("the head of a chunk is wrong")
	errLost  = errors.New("chunks of a message did not come within 5 seconds")
	errFull  = errors.New("too many messages wait for their chunks")
)

// add gives the whole message when it is complete, and a datagram that is no chunk at
// once.
func (a *assembly) add(from signal.Source, b []byte) ([]byte, error) {
	if len(b) < 2 || b[0] != 0x1e || b[1] != 0x0f {
		return b, nil
	}
	if len(b) < chunkHead || b[11] == 0 || b[11] > maxChunks || b[10] >= b[11] {
		return nil, errChunk
	}
	key := chunkKey{from: from, id: [8]byte(b[2:10])}
	a.mu.Lock()
	defer a.mu.Unlock()
	now := a.now()
	var lost error
	if len(a.open) >= maxOpen/2 || a.bytes > maxWaiting/2 {
		lost = a.expire(now)
	}
	m := a.open[key]
	if m != nil && now.Sub(m.since) > chunkWait {
		a.drop(key, m)
		m, lost = nil, errLost
	}
	if m == nil {
		if len(a.open) >= maxOpen || a.bytes > maxWaiting {
			return nil, errFull
		}
		m = &message{since: now, parts: make([][]byte, b[11])}
		a.open[key] = m
	}
	if len(m.parts) != int(b[11]) {
		return nil, errChunk
	}
	if m.parts[b[10]] != nil {
		return nil, lost
	}
	part := append([]byte{}, b[chunkHead:]...)
	m.parts[b[10]] = part
	m.have++
	m.bytes += len(part)
	a.bytes += len(part)
	if m.have < len(m.parts) {
		return nil, lost
	}
	a.drop(key, m)
	whole := make([]byte, 0, m.bytes)
	for _, p := range m.parts {
		whole = append(whole, p...)
	}
	return whole, nil
}

func (a *assembly) expire(now time.Time) (lost error) {
	for k, m := range a.open {
		if now.Sub(m.since) > chunkWait {
			a.drop(k, m)
			lost = errLost
		}
	}
	return lost
}

func (a *assembly) drop(k chunkKey, m *message) {
	delete(a.open, k)
	a.bytes -= m.bytes
}
