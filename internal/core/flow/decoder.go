package flow

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"time"
)

// ErrUnknown says that a datagram is of no kind that this package reads.
var ErrUnknown = errors.New("flow: not NetFlow 5, NetFlow 9, IPFIX or sFlow 5")

// Decoder reads datagrams of any number of exporters. It may be used by several
// goroutines; they take turns.
type Decoder struct {
	mu     sync.Mutex
	cache  *cache
	record Record // reused for each record
}

// NewDecoder makes a decoder that keeps no more than the limits say.
func NewDecoder(l Limits) *Decoder { return &Decoder{cache: newCache(l.withDefaults())} }

// Stats tells what was met so far.
func (d *Decoder) Stats() Stats {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := d.cache.stats
	s.Sources = len(d.cache.sources)
	return s
}

// Is tells whether a payload looks like one of the versions, by its first bytes.
func Is(b []byte) bool {
	if len(b) < 16 {
		return false
	}
	switch v := binary.BigEndian.Uint16(b); v {
	case 5:
		return len(b) >= v5Header
	case 9:
		return len(b) >= v9Header
	case 10:
		n := int(binary.BigEndian.Uint16(b[2:]))
		return n >= ipfixHeader
	case 0:
		return binary.BigEndian.Uint32(b) == 5 && len(b) >= 24 && (b[7] == 1 || b[7] == 2)
	}
	return false
}

// IsSFlow tells whether a payload looks like sFlow version 5.
func IsSFlow(b []byte) bool { return Is(b) && b[1] == 0 }

// Decode reads one datagram that came from an exporter at a time, and calls emit
// with each record, first those that waited for a template in it. The record
// is valid only until emit returns. An error says why the rest of the datagram
// could not be read; records before that point have been emitted.
func (d *Decoder) Decode(exporter netip.Addr, at time.Time, b []byte, emit func(*Record)) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	st := &d.cache.stats
	st.Datagrams++
	if len(b) > d.cache.limits.DatagramBytes {
		st.Bad++
		return fmt.Errorf("flow: the datagram has %d bytes, more than %d", len(b), d.cache.limits.DatagramBytes)
	}
	if len(b) < 4 {
		st.Bad++
		return ErrUnknown
	}
	left := d.cache.limits.RecordsPerData
	run := &run{Decoder: d, at: at, emit: func(r *Record) bool {
		if left == 0 {
			return false
		}
		left--
		st.Records++
		emit(r)
		return true
	}}
	run.exporter = exporter.Unmap()
	var err error
	switch {
	case binary.BigEndian.Uint16(b) == 5:
		err = run.netflow5(b)
	case binary.BigEndian.Uint16(b) == 9:
		err = run.netflow9(b)
	case binary.BigEndian.Uint16(b) == 10:
		err = run.ipfix(b)
	case binary.BigEndian.Uint32(b) == 5:
		err = run.sflow(b)
	default:
		err = ErrUnknown
	}
	if err != nil {
		st.Bad++
	}
	return err
}

// run is the reading of one datagram.
type run struct {
	*Decoder
	exporter netip.Addr
	at       time.Time
	emit     func(*Record) bool // false: enough
}

// short says which part of a datagram ends too early.
func short(what string, have, want int) error {
	return fmt.Errorf("flow: %s has %d bytes, %d are needed", what, have, want)
}

// sequence compares the number of a datagram with what should come, and says
// what should come next. Numbers far from it are a restart, not a loss.
func (r *run) sequence(s *source, got, units uint32) {
	const restart = 1 << 16
	if s.started {
		if missing := got - s.next; missing != 0 && missing < restart {
			r.cache.stats.Lost += uint64(missing)
			s.count.Lost += uint64(missing)
		} else if missing >= restart && s.next-got < restart {
			return // late: it was counted as lost, and does not move what comes next
		}
	}
	s.started, s.next = true, got+units
	s.count.Units += uint64(units)
}

// restarted notes an exporter whose uptime fell although its clock went on.
func (r *run) restarted(s *source, uptime uint32, exported time.Time) {
	if s.started && uptime < s.uptime && s.uptime-uptime > 60_000 && !exported.Before(s.exported) && s.uptime < 1<<32-3_600_000 {
		r.cache.stats.Restarts++
		s.count.Restarts++
		s.started = false
	}
	s.uptime, s.exported = uptime, exported
}
