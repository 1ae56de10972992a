package trap

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/id"
	"github.com/mainstay-ops/mainstay/internal/core/live"
	snmptrap "github.com/mainstay-ops/mainstay/internal/core/snmp/trap"
	"github.com/mainstay-ops/mainstay/internal/observe"
)

// batch is what one round leaves behind.
type batch struct {
	events  []eventRow
	repeats []repeat
	answers []answer
	results []result
	// checks are those of which the open problems changed.
	checks map[string]bool
}

type repeat struct {
	id string
	at time.Time
}

type answer struct {
	data []byte
	to   net.Addr
}

type result struct {
	check string
	r     observe.Result
}

// maxVarsKept and maxText limit what is kept of one trap.
const (
	maxVarsKept = 200
	maxWords    = 2000
)

// batch works on packets, and on those of a delivery of an edge. The error, which is
// logged, says that nothing was stored.
func (s *Service) batch(ctx context.Context, packets []packet, d *delivery) error {
	now := time.Now()
	for _, f := range s.takeAsked() {
		f()
	}
	if s.stale.Swap(false) {
		clear(s.places)
	}
	if s.rekey.Swap(false) {
		if err := s.readKeys(ctx); err != nil {
			s.rekey.Store(true)
			s.d.Logger.Error("who may send traps cannot be read", "error", err)
		}
	}
	b := &batch{checks: map[string]bool{}}
	checks := s.index()
	for _, p := range packets {
		s.one(ctx, b, p, checks)
	}
	s.expire(b, now, checks)
	s.storms(b)
	err := s.save(ctx, b, d)
	if err != nil {
		// Informs are not answered then: their senders will repeat them.
		s.d.Logger.Error("traps cannot be stored", "traps", len(b.events), "error", err)
		b.answers = nil
		s.unsaved(b)
	}
	for _, a := range b.answers {
		_, _ = s.conn.WriteTo(a.data, a.to)
	}
	for _, r := range b.results {
		if err := s.results.SendResult(ctx, r.check, r.r); err != nil && !errs.Is(err, errs.NotFound) {
			s.d.Logger.Warn("a trap could not be given to its check", "check", r.check, "error", err)
		}
	}
	if len(packets) > 0 {
		s.d.Live.Send(live.Note{Topic: "traps", Kind: "changed"})
	}
	return err
}

// unsaved forgets the events that could not be stored: what comes again is no
// repetition of them.
func (s *Service) unsaved(b *batch) {
	gone := make(map[string]bool, len(b.events))
	for i := range b.events {
		gone[b.events[i].ID] = true
	}
	for _, x := range s.senders {
		if gone[x.event] {
			x.last, x.event = "", ""
		}
	}
}

// read opens a packet, unless its edge did that.
func (s *Service) read(p packet, at place) (*snmptrap.Message, error) {
	if p.opened != nil {
		if p.opened.OID == "" || len(p.opened.OID) > 600 {
			return nil, &snmptrap.Malformed{Why: "It does not say which notification it is."}
		}
		return p.opened, nil
	}
	m, reply, err := s.receiver.Read(p.data, p.at, s.keys, at.keys)
	if reply != nil {
		_, _ = s.conn.WriteTo(reply, p.from)
	}
	return m, err
}

// one works on one packet.
func (s *Service) one(ctx context.Context, b *batch, p packet, checks map[string][]waiting) {
	addr, key := p.who()
	at := s.place(ctx, key, p.at)
	m, err := s.read(p, at)
	if m == nil && err == nil {
		return // a question about the engine
	}
	x := s.sender(key, p.at)
	if x == nil {
		s.count("dropped", &s.counts.dropped)
		return
	}
	x.LastAt, x.dirty = p.at.UTC(), true
	if !x.Pinned {
		x.ItemID = at.itemID
	}
	if err != nil {
		x.Why = err.Error()
		if bad := new(snmptrap.Malformed); errors.As(err, &bad) {
			x.Malformed++
			s.count("malformed", &s.counts.malformed)
			return
		}
		x.Refused++
		s.count("refused", &s.counts.refused)
		return
	}
	via := ""
	if m.Agent != "" && m.Agent != addr && m.Agent != "127.0.0.1" {
		via, addr = addr, m.Agent
		key = senderKey(addr, p.edge)
		at = s.place(ctx, key, p.at)
	}
	t := s.named(m, p.at, addr)
	e := s.row(m, t, at)
	e.Via, e.Edge = via, p.edge
	x.Taken++
	x.LastTrap = e.title()
	if p.opened == nil {
		b.answers = s.answer(b.answers, m, p)
	}
	s.judge(b, t, key, at.itemID, checks)
	hash := hashOf(e)
	switch {
	case x.last == hash && p.at.Sub(x.seen) <= repeatWithin && p.at.Sub(x.since) <= repeatFor:
		b.repeats = append(b.repeats, repeat{x.event, p.at})
		s.count("repeated", &s.counts.repeated)
	case !x.admit(p.at, s.set):
		s.count("limited", &s.counts.limited)
		return
	default:
		b.events = append(b.events, e)
		x.last, x.event, x.since = hash, e.ID, p.at
		s.count("taken", &s.counts.taken)
	}
	x.seen = p.at
}

func (s *Service) answer(out []answer, m *snmptrap.Message, p packet) []answer {
	if a := s.receiver.Answer(m, p.at); a != nil {
		return append(out, answer{a, p.from})
	}
	return out
}

// named gives names to what was received.
func (s *Service) named(m *snmptrap.Message, at time.Time, addr string) snmptrap.Notice {
	t := snmptrap.Notice{At: at, Address: addr, OID: m.OID, Vars: make([]snmptrap.Value, 0, min(len(m.Vars), maxVarsKept))}
	if n, ok := s.names.Trap(m.OID); ok {
		t.Name = n.Name
	}
	for _, v := range m.Vars {
		if len(t.Vars) == maxVarsKept {
			break
		}
		x := snmptrap.Value{OID: v.OID}
		x.Name, x.Index, x.Text = s.names.Value(v)
		x.Text = clip(x.Text, 1000)
		t.Vars = append(t.Vars, x)
	}
	return t
}

// clip also takes out what PostgreSQL does not store.
func clip(s string, n int) string {
	s = strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "")
	if len(s) > n {
		s = strings.ToValidUTF8(s[:n], "") + "…"
	}
	return s
}

func (s *Service) row(m *snmptrap.Message, t snmptrap.Notice, at place) eventRow {
	vars, err := json.Marshal(t.Vars)
	if err != nil {
		vars = []byte("[]")
	}
	e := eventRow{
		ID: id.New(), At: t.At.UTC(), LastAt: t.At.UTC(), Kind: "trap", Address: clip(t.Address, 100), ItemID: at.itemID, TeamID: at.team, Version: string(m.Version),
		Inform: m.Inform, Credential: m.Key, OID: string(t.OID), Name: t.Name, Vars: string(vars), Count: 1,
	}
	if n, ok := s.names.Trap(t.OID); ok {
		e.State, e.Means = n.State, n.Means
	}
	words := []string{e.Name, e.OID, e.Address, at.item}
	for _, v := range t.Vars {
		words = append(words, v.Name, v.Text)
	}
	e.Words = clip(strings.ToLower(strings.Join(words, " ")), maxWords)
	return e
}

func hashOf(e eventRow) string {
	sum := sha256.Sum256([]byte(e.Address + "\x00" + e.OID + "\x00" + e.Vars))
	return hex.EncodeToString(sum[:])
}

// storms makes or changes the events that stand for what was over the limit.
func (s *Service) storms(b *batch) {
	for _, x := range s.senders {
		if !x.overNew {
			continue
		}
		x.overNew = false
		p := s.places[x.Address]
		addr, edge := splitSender(x.Address)
		text := fmt.Sprintf("The sender is over its limit: %d in a second, %d at once. What is over it is not listed.", s.set.PerSecond, s.set.Burst)
		b.events = append(b.events, eventRow{
			ID: x.storm, At: x.stormAt.UTC(), LastAt: x.stormLast.UTC(), Kind: "storm", Address: addr, Edge: edge, ItemID: p.itemID, TeamID: p.team,
			State: "warning", Means: text, Vars: "[]", Words: strings.ToLower("too many traps " + addr + " " + edge + " " + p.item), Count: x.over,
		})
	}
}

// save writes a round in one transaction.
func (s *Service) save(ctx context.Context, b *batch, d *delivery) error {
	var dirty []*sender
	for _, x := range s.senders {
		if x.dirty {
			dirty = append(dirty, x)
		}
	}
	if len(b.events)+len(b.repeats)+len(b.checks)+len(dirty)+len(s.evicted) == 0 && d == nil {
		return nil
	}
	err := s.d.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		if d != nil {
			if err := d.note(ctx, tx); err != nil {
				return err
			}
		}
		for i := 0; i < len(b.events); i += 50 {
			part := b.events[i:min(i+50, len(b.events))]
			if _, err := tx.NewInsert().Model(&part).On("CONFLICT (id) DO UPDATE").Set("count = EXCLUDED.count, last_at = EXCLUDED.last_at").Exec(ctx); err != nil {
				return err
			}
		}
		for _, r := range b.repeats {
			if _, err := tx.NewRaw("UPDATE trap_events SET count = count + 1, last_at = ? WHERE id = ?", r.at.UTC(), r.id).Exec(ctx); err != nil {
				return err
			}
		}
		for _, a := range s.evicted {
			if _, err := tx.NewRaw("DELETE FROM trap_sources WHERE address = ?", a).Exec(ctx); err != nil {
				return err
			}
		}
		for _, x := range dirty {
			if err := saveSource(ctx, tx, x.sourceRow); err != nil {
				return err
			}
		}
		return s.saveOpen(ctx, tx, b.checks)
	})
	if err != nil {
		return err
	}
	s.evicted = nil
	for _, x := range dirty {
		x.dirty = false
	}
	return nil
}
