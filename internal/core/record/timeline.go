package record

import (
	"context"
	"encoding/json"
	"time"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/id"
	"github.com/mainstay-ops/mainstay/internal/core/live"
)

// Entry is one line of a timeline: a comment, or what the system did.
type Entry struct {
	ID string    `json:"id"`
	At time.Time `json:"at"`
	// Kind: comment, state, change, alert, notification, escalation, link, attachment.
	Kind    string `json:"kind"`
	Actor   string `json:"actor"`
	ActorID string `json:"actor_id,omitempty"`
	// Body is text; a comment's body is Markdown.
	Body string `json:"body"`
	// HTML is the comment rendered and made safe; empty for other kinds.
	HTML string         `json:"html,omitempty"`
	Data map[string]any `json:"data,omitempty"`
}

// Say appends an entry as part of tx; actor and time are filled in.
func (s *Service) Say(ctx context.Context, tx *db.Tx, r *Record, e Entry) error {
	_, err := s.say(ctx, tx, r, e)
	return err
}

func (s *Service) say(ctx context.Context, tx *db.Tx, r *Record, e Entry) (Entry, error) {
	if err := checkText("body", e.Body, MaxText, true); err != nil {
		return e, err
	}
	p := access.From(ctx)
	if e.Actor == "" {
		e.Actor = p.Actor()
		if p != nil {
			e.ActorID = p.ID
		}
	}
	if e.At.IsZero() {
		e.At = tx.Now()
	}
	e.ID = id.New()
	data := ""
	if e.Data != nil {
		b, err := json.Marshal(e.Data)
		if err != nil {
			return e, err
		}
		data = string(b)
	}
	if _, err := tx.NewRaw("INSERT INTO record_timeline (record_id, id, at, kind, actor, actor_id, body, data) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
		r.ID, e.ID, e.At, e.Kind, e.Actor, e.ActorID, e.Body, data).Exec(ctx); err != nil {
		return e, err
	}
	k := s.kinds[r.Kind]
	note := live.Note{Topic: k.Plural, Kind: "timeline", ID: k.Number(r.Number), Data: map[string]any{"entry": e.Kind}}
	tx.AfterCommit(func() { s.live.Send(note) })
	if e.Kind == "comment" {
		e.HTML = Markdown(e.Body)
	}
	return e, nil
}

// Timeline lists entries, oldest first, after the entry id given as cursor.
func (s *Service) Timeline(ctx context.Context, q bun.IDB, recordID, cursor string, limit int) ([]Entry, string, error) {
	var rows []struct {
		ID, Kind, Actor, ActorID, Body, Data string
		At                                   time.Time
	}
	if err := q.NewRaw("SELECT id, at, kind, actor, actor_id, body, data FROM record_timeline WHERE record_id = ? AND id > ? ORDER BY id LIMIT ?", recordID, cursor, limit+1).Scan(ctx, &rows); err != nil {
		return nil, "", err
	}
	next := ""
	if len(rows) > limit {
		rows = rows[:limit]
		next = rows[limit-1].ID
	}
	out := make([]Entry, len(rows))
	for i, r := range rows {
		out[i] = Entry{ID: r.ID, At: r.At.UTC(), Kind: r.Kind, Actor: r.Actor, ActorID: r.ActorID, Body: r.Body}
		if r.Kind == "comment" {
			out[i].HTML = Markdown(r.Body)
		}
		if r.Data != "" {
			if err := json.Unmarshal([]byte(r.Data), &out[i].Data); err != nil {
				return nil, "", err
			}
		}
	}
	return out, next, nil
}
