package edge

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"io/fs"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/edgewire"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/snmp/trap"
)

const (
	// engineFile counts the starts of the SNMP engine.
	engineFile = "engine.json"
	maxTraps   = 10_000
	// gatherTraps is how long a batch waits for more after its first trap.
	gatherTraps = 50 * time.Millisecond
	maxTrapVars = 200
)

type datagram struct {
	data   []byte
	from   net.Addr
	sender netip.Addr
	at     time.Time
	conn   net.PacketConn
}

// traps opens traps and informs of the site. An inform is answered when it is on the
// disk of the edge: its sender forgets it then.
type traps struct {
	logger   *slog.Logger
	receiver *trap.Receiver
	keys     atomic.Pointer[trap.Keys]
	queue    chan datagram
	// keep writes a batch to the buffer.
	keep func(*edgewire.Batch) error
}

// engineID is the id of the engine of this edge (RFC 3411, SnmpEngineID): the
// enterprise number for examples of RFC 5612, format 5 (octets), and twelve octets.
func engineID(edgeID string) []byte {
	sum := sha256.Sum256([]byte("snmp engine of edge " + edgeID))
	return append([]byte{0x80, 0x00, 0x7e, 0xd9, 0x05}, sum[:12]...)
}

// newTraps counts a start of the engine.
func newTraps(dir, edgeID string, logger *slog.Logger, keep func(*edgewire.Batch) error) (*traps, error) {
	var v struct {
		Boots uint32 `json:"boots"`
	}
	path := filepath.Join(dir, engineFile)
	b, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(b, &v)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		logger.Warn("the starts of the SNMP engine cannot be read; they are counted from one", "error", err)
	}
	if v.Boots++; v.Boots >= 1<<31-1 {
		v.Boots = 1
	}
	if b, err = json.Marshal(v); err == nil {
		err = replaceFile(path, b)
	}
	if err != nil {
		return nil, errs.Wrap(errs.Unavailable, err, "The folder %s cannot be written.", dir)
	}
	t := &traps{logger: logger, receiver: trap.New(engineID(edgeID), v.Boots, time.Now()), queue: make(chan datagram, maxTraps), keep: keep}
	t.keys.Store(trap.NewKeys())
	return t, nil
}

// set says what senders may be known by: the credentials for traps, and those that the
// devices of this edge are polled with.
func (t *traps) set(c edgewire.Config) {
	var keys []trap.Key
	for _, d := range c.Devices {
		keys = append(keys, trap.Key{Name: "the credential that it is read with", Target: d.Target})
	}
	for _, k := range c.TrapKeys {
		keys = append(keys, trap.Key{Name: k.Name, Target: k.Target})
	}
	t.keys.Store(trap.NewKeys(keys...))
}

// take keeps a datagram for the worker; false when there are too many.
func (t *traps) take(d datagram) bool {
	select {
	case t.queue <- d:
		return true
	default:
		return false
	}
}

// work takes batches until ctx ends.
func (t *traps) work(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case d := <-t.queue:
			t.batch(t.more(ctx, d))
		}
	}
}

func (t *traps) more(ctx context.Context, first datagram) []datagram {
	out := []datagram{first}
	timer := time.NewTimer(gatherTraps)
	defer timer.Stop()
	for len(out) < edgewire.MaxTraps {
		select {
		case d := <-t.queue:
			out = append(out, d)
		case <-timer.C:
			return out
		case <-ctx.Done():
			return out
		}
	}
	return out
}

// batch opens datagrams, writes them to the buffer, and answers informs.
func (t *traps) batch(ds []datagram) {
	type answer struct {
		data []byte
		d    datagram
	}
	var answers []answer
	b := &edgewire.Batch{At: time.Now().UTC(), Results: []edgewire.Result{}}
	refused := map[netip.Addr]*edgewire.TrapRefusal{}
	for _, d := range ds {
		m, reply, err := t.receiver.Read(d.data, d.at, t.keys.Load())
		if reply != nil {
			_, _ = d.conn.WriteTo(reply, d.from)
		}
		if err != nil {
			r := refused[d.sender]
			if r == nil {
				r = &edgewire.TrapRefusal{From: d.sender}
				refused[d.sender] = r
			}
			r.At, r.Why = d.at.UTC(), err.Error()
			if bad := new(trap.Malformed); errors.As(err, &bad) {
				r.Malformed++
			} else {
				r.Refused++
			}
			continue
		}
		if m == nil {
			continue // a question about the engine
		}
		x := edgewire.Trap{At: d.at.UTC(), From: d.sender, Version: m.Version, Key: m.Key, Inform: m.Inform, OID: m.OID, Uptime: m.Uptime, Agent: m.Agent, Vars: m.Vars[:min(len(m.Vars), maxTrapVars)]}
		for i := range x.Vars {
			if !finite(x.Vars[i].Float) {
				x.Vars[i].Float = 0
			}
		}
		b.Traps = append(b.Traps, x)
		if a := t.receiver.Answer(m, d.at); a != nil {
			answers = append(answers, answer{a, d})
		}
	}
	for _, r := range refused {
		b.TrapRefusals = append(b.TrapRefusals, *r)
	}
	if len(b.Traps)+len(b.TrapRefusals) == 0 {
		return
	}
	if err := t.keep(b); err != nil {
		// Informs are not answered then: their senders will repeat them.
		t.logger.Error("traps are lost", "traps", len(b.Traps), "reason", errs.Message(err), "error", err)
		return
	}
	for _, a := range answers {
		_, _ = a.d.conn.WriteTo(a.data, a.d.from)
	}
}
