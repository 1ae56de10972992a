// Package event is the outbox: typed facts in the past tense, appended in the
// transaction that made them true, delivered in order and at least once to the
// modules that asked for them.
//
// A subscriber is a module. Its handlers run in a transaction that also moves
// the subscriber's cursor, so what a handler writes to the database happens
// exactly once. What a handler does outside the database must be idempotent; it
// should enqueue a job instead (core/job). A handler that keeps failing is tried
// again with growing pauses for about a minute; then the fact is parked with its
// error, shown and counted, and the subscriber goes on with the next one.
package event

import (
	"context"
	"embed"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/db"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrations of the outbox tables.
func Migrations() db.Migrations { return db.Migrations{Module: "core.event", FS: migrations} }

// Fact is something that has happened. Its type lives in a wing package; its
// JSON form is stored, so fields are only ever added.
type Fact interface {
	// FactName is stable and unique, for example "respond.incident_opened".
	FactName() string
}

// Meta tells about the delivery.
type Meta struct {
	// Seq is the position in the log; it only grows.
	Seq int64
	// At is when the fact became true.
	At time.Time
}

type stored struct {
	Seq  int64
	Name string
	At   time.Time
	Data string
}

type handler func(ctx context.Context, tx *db.Tx, data []byte, m Meta) error

// Log is the outbox of one server.
type Log struct {
	db     *db.DB
	logger *slog.Logger

	mu   sync.Mutex
	subs map[string]map[string]handler // subscriber -> fact -> handler
	wake map[string]chan struct{}

	cancel context.CancelFunc
	wg     sync.WaitGroup
}

// New makes the log; Start begins delivery.
func New(d *db.DB, logger *slog.Logger) *Log {
	return &Log{db: d, logger: logger.With("component", "event"), subs: map[string]map[string]handler{}, wake: map[string]chan struct{}{}}
}

// Append records f as part of tx.
func (l *Log) Append(ctx context.Context, tx *db.Tx, f Fact) error {
	return l.AppendAll(ctx, tx, []Fact{f})
}

// AppendAll records many facts in order, with few statements.
func (l *Log) AppendAll(ctx context.Context, tx *db.Tx, fs []Fact) error {
	if len(fs) == 0 {
		return nil
	}
	values := make([]string, 0, len(fs))
	var args []any
	for _, f := range fs {
		data, err := json.Marshal(f)
		if err != nil {
			return fmt.Errorf("fact %s: %w", f.FactName(), err)
		}
		values, args = append(values, "(?, ?, ?)"), append(args, f.FactName(), tx.Now(), string(data))
	}
	if tx.Kind() == db.Postgres {
		// Numbers of a sequence become visible in the order of commit, not of
		// drawing. Writers of facts therefore take turns; without it a reader that
		// has passed 8 could miss a 7 that commits later.
		if _, err := tx.ExecContext(ctx, "SELECT pg_advisory_xact_lock(7215002)"); err != nil {
			return err
		}
	}
	for len(values) > 0 {
		n := min(200, len(values))
		if _, err := tx.NewRaw("INSERT INTO events (name, at, data) VALUES "+strings.Join(values[:n], ", "), args[:3*n]...).Exec(ctx); err != nil {
			return fmt.Errorf("append facts: %w", err)
		}
		values, args = values[n:], args[3*n:]
	}
	tx.AfterCommit(l.Wake)
	return nil
}

// Wake makes every subscriber look for new facts.
func (l *Log) Wake() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range l.wake {
		select {
		case c <- struct{}{}:
		default:
		}
	}
}

// Router is what one module registers its handlers on.
type Router struct {
	log        *Log
	subscriber string
}

// Router gives the registration surface of the named module.
func (l *Log) Router(subscriber string) *Router { return &Router{log: l, subscriber: subscriber} }

// On asks for facts of type F. One module has at most one handler for a fact.
func On[F Fact](r *Router, h func(ctx context.Context, tx *db.Tx, f F, m Meta) error) {
	var zero F
	name := zero.FactName()
	r.log.mu.Lock()
	defer r.log.mu.Unlock()
	hs := r.log.subs[r.subscriber]
	if hs == nil {
		hs = map[string]handler{}
		r.log.subs[r.subscriber] = hs
		r.log.wake[r.subscriber] = make(chan struct{}, 1)
	}
	if _, dup := hs[name]; dup {
		panic("event: " + r.subscriber + " handles " + name + " twice")
	}
	hs[name] = func(ctx context.Context, tx *db.Tx, data []byte, m Meta) error {
		var f F
		if err := json.Unmarshal(data, &f); err != nil {
			return fmt.Errorf("read fact: %w", err)
		}
		return h(ctx, tx, f, m)
	}
}

// Graph lists fact -> subscribers, for documentation and tests.
func (l *Log) Graph() map[string][]string {
	l.mu.Lock()
	defer l.mu.Unlock()
	g := map[string][]string{}
	for sub, hs := range l.subs {
		for f := range hs {
			g[f] = append(g[f], sub)
		}
	}
	return g
}
