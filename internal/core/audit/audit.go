// Package audit writes down every change: who, when, by what way, what it was
// before and after. Each entry carries the SHA-256 of the entry before it, so a
// row that is altered or taken out breaks the chain and Verify says where.
package audit

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/entity"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrations of the audit table.
func Migrations() db.Migrations { return db.Migrations{Module: "core.audit", FS: migrations} }

// Change is what a use case reports.
type Change struct {
	// Action is "<noun>.<past or verb>", for example "item.update".
	Action string
	Ref    entity.Ref
	// Name of the thing at that time, for people.
	Name string
	// Before and After are the values that changed; nil when there was or is none.
	// They must hold no secrets.
	Before, After any
}

// Entry is one row of the log.
type Entry struct {
	Seq      int64           `json:"seq"`
	At       time.Time       `json:"at"`
	Actor    string          `json:"actor"`
	ActorID  string          `json:"actor_id,omitempty"`
	Via      string          `json:"via" doc:"How it came in: person, token, system or link."`
	Action   string          `json:"action"`
	RefKind  string          `json:"ref_kind"`
	RefID    string          `json:"ref_id"`
	Name     string          `json:"name"`
	Before   json.RawMessage `json:"before,omitempty"`
	After    json.RawMessage `json:"after,omitempty"`
	PrevHash string          `json:"-"`
	Hash     string          `json:"hash"`
}

// Write appends c as part of tx. A change of nothing is not written.
func Write(ctx context.Context, tx *db.Tx, c Change) error {
	return WriteAll(ctx, tx, []Change{c})
}

// WriteAll appends many changes in order, as Write does each, with few statements.
func WriteAll(ctx context.Context, tx *db.Tx, cs []Change) error {
	type text struct{ before, after string }
	var texts []text
	var keep []Change
	for _, c := range cs {
		before, err := encode(c.Before)
		if err != nil {
			return err
		}
		after, err := encode(c.After)
		if err != nil {
			return err
		}
		if before != after || before == "" {
			texts, keep = append(texts, text{before, after}), append(keep, c)
		}
	}
	if len(keep) == 0 {
		return nil
	}
	if tx.Kind() == db.Postgres {
		// One writer of the chain at a time.
		if _, err := tx.ExecContext(ctx, "SELECT pg_advisory_xact_lock(7215003)"); err != nil {
			return err
		}
	}
	var prev string
	if err := tx.NewRaw("SELECT hash FROM audit_head").Scan(ctx, &prev); err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	p := access.From(ctx)
	var rows []*written
	for n, c := range keep {
		e := Entry{At: tx.Now(), Actor: p.Actor(), Action: c.Action, RefKind: c.Ref.Kind, RefID: c.Ref.ID, Name: c.Name, PrevHash: prev, Via: access.System}
		if p != nil {
			e.ActorID, e.Via = p.ID, p.Kind
		}
		t := texts[n]
		e.Hash = digest(e, t.before, t.after)
		prev = e.Hash
		rows = append(rows, &written{
			At: e.At, Actor: e.Actor, ActorID: e.ActorID, Via: e.Via, Action: e.Action, RefKind: e.RefKind, RefID: e.RefID, Name: e.Name,
			Before: t.before, After: t.after, PrevHash: e.PrevHash, Hash: e.Hash,
		})
	}
	var seq int64
	for len(rows) > 0 {
		part := rows[:min(100, len(rows))]
		// Numbers are drawn in the order of the rows, so the largest is that of the last.
		var seqs []int64
		if err := tx.NewInsert().Model(&part).ExcludeColumn("seq").Returning("seq").Scan(ctx, &seqs); err != nil {
			return fmt.Errorf("audit: %w", err)
		}
		seq = slices.Max(seqs)
		rows = rows[len(part):]
	}
	// The head tells when the newest entries are taken out, which no later entry would.
	_, err := tx.NewRaw("INSERT INTO audit_head (id, seq, hash) VALUES (1, ?, ?) ON CONFLICT (id) DO UPDATE SET seq = excluded.seq, hash = excluded.hash", seq, prev).Exec(ctx)
	return err
}

// written is an entry as it is written.
type written struct {
	bun.BaseModel `bun:"audit_log"`

	Seq      int64     `bun:"seq,pk,autoincrement"`
	At       time.Time `bun:"at"`
	Actor    string    `bun:"actor"`
	ActorID  string    `bun:"actor_id"`
	Via      string    `bun:"via"`
	Action   string    `bun:"action"`
	RefKind  string    `bun:"ref_kind"`
	RefID    string    `bun:"ref_id"`
	Name     string    `bun:"name"`
	Before   string    `bun:"before"`
	After    string    `bun:"after"`
	PrevHash string    `bun:"prev_hash"`
	Hash     string    `bun:"hash"`
}

func encode(v any) (string, error) {
	if v == nil {
		return "", nil
	}
	b, err := json.Marshal(v)
	return string(b), err
}

func digest(e Entry, before, after string) string {
	h := sha256.New()
	for _, s := range []string{e.PrevHash, e.At.UTC().Format(time.RFC3339Nano), e.Actor, e.ActorID, e.Via, e.Action, e.RefKind, e.RefID, e.Name, before, after} {
		fmt.Fprintf(h, "%d:%s", len(s), s)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Filter narrows a list; empty fields do not.
type Filter struct {
	Ref    entity.Ref
	Actor  string
	Action string
	// Before is the seq of the last row already seen; 0 begins at the newest.
	Before int64
	Limit  int
}

type row struct {
	Seq                                                               int64
	At                                                                time.Time
	Actor, ActorID, Via, Action, RefKind, RefID, Name, PrevHash, Hash string
	Before, After                                                     string
}

func (r row) entry() Entry {
	return Entry{
		Seq: r.Seq, At: r.At.UTC(), Actor: r.Actor, ActorID: r.ActorID, Via: r.Via, Action: r.Action, RefKind: r.RefKind, RefID: r.RefID, Name: r.Name,
		Before: json.RawMessage(r.Before), After: json.RawMessage(r.After), PrevHash: r.PrevHash, Hash: r.Hash,
	}
}

// List gives entries, newest first.
func List(ctx context.Context, q bun.IDB, f Filter) ([]Entry, error) {
	where, args := []string{"1 = 1"}, []any{}
	add := func(cond string, v any) { where, args = append(where, cond), append(args, v) }
	if f.Ref.Kind != "" {
		add("ref_kind = ?", f.Ref.Kind)
	}
	if f.Ref.ID != "" {
		add("ref_id = ?", f.Ref.ID)
	}
	if f.Actor != "" {
		add("actor_id = ?", f.Actor)
	}
	if f.Action != "" {
		add("action = ?", f.Action)
	}
	if f.Before > 0 {
		add("seq < ?", f.Before)
	}
	args = append(args, f.Limit)
	var rows []row
	if err := q.NewRaw("SELECT seq, at, actor, actor_id, via, action, ref_kind, ref_id, name, before, after, prev_hash, hash FROM audit_log WHERE "+strings.Join(where, " AND ")+" ORDER BY seq DESC LIMIT ?", args...).Scan(ctx, &rows); err != nil {
		return nil, err
	}
	out := make([]Entry, len(rows))
	for i, r := range rows {
		out[i] = r.entry()
	}
	return out, nil
}

// Verify walks the chain and gives the seq of the first entry that does not fit:
// an altered one, or the one after a gap. It is 0 when all is well. When the
// newest entries are missing it is the seq that the last one had.
func Verify(ctx context.Context, q bun.IDB) (broken int64, err error) {
	// The head is read first: entries that are written meanwhile come after it.
	var head struct {
		Seq  int64
		Hash string
	}
	if err := q.NewRaw("SELECT seq, hash FROM audit_head").Scan(ctx, &head); err != nil && !errors.Is(err, sql.ErrNoRows) {
		return 0, err
	}
	prev, last, met := "", int64(0), head.Seq == 0
	for {
		var rows []row
		if err := q.NewRaw("SELECT * FROM audit_log WHERE seq > ? ORDER BY seq LIMIT 1000", last).Scan(ctx, &rows); err != nil {
			return 0, err
		}
		for _, r := range rows {
			if r.PrevHash != prev || r.Hash != digest(r.entry(), r.Before, r.After) {
				return r.Seq, nil
			}
			met = met || r.Seq == head.Seq && r.Hash == head.Hash
			prev, last = r.Hash, r.Seq
		}
		if len(rows) < 1000 {
			break
		}
	}
	if !met {
		return head.Seq, nil
	}
	return 0, nil
}
