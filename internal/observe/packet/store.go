package packet

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/audit"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/entity"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/live"
	"github.com/mainstay-ops/mainstay/internal/observe"
)

type dbReader = bun.IDB

// States of a capture.
const (
	stateRunning = "running" // packets come in
	stateReading = "reading" // the index is made
	stateReady   = "ready"
	stateFailed  = "failed"
)

// Where captures come from.
const (
	fromServer = "server"
	fromUpload = "upload"
)

type row struct {
	bun.BaseModel `bun:"table:captures"`

	ID          string     `bun:"id,pk"`
	Name        string     `bun:"name"`
	State       string     `bun:"state"`
	Source      string     `bun:"source"`
	Interface   string     `bun:"interface"`
	Filter      string     `bun:"filter"`
	HeadersOnly bool       `bun:"headers_only"`
	Note        string     `bun:"note"`
	CreatedBy   string     `bun:"created_by"`
	CreatedAt   time.Time  `bun:"created_at"`
	EndedAt     *time.Time `bun:"ended_at"`
	ExpiresAt   time.Time  `bun:"expires_at"`
	Packets     int64      `bun:"packets"`
	Dropped     int64      `bun:"dropped"`
	Size        int64      `bun:"size"`
	Reserved    int64      `bun:"reserved"`
	Policy      string     `bun:"policy"`
	ItemID      string     `bun:"item_id"`
	AlertID     string     `bun:"alert_id"`
	IncidentID  string     `bun:"incident_id"`
}

func (r *row) ref() entity.Ref { return entity.Ref{Kind: observe.CaptureKind, ID: r.ID} }

// about is what the audit log says of a capture.
func (r *row) about() map[string]any {
	return map[string]any{"name": r.Name, "source": r.Source, "interface": r.Interface, "filter": r.Filter, "headers_only": r.HeadersOnly, "expires_at": r.ExpiresAt}
}

func byID(ctx context.Context, q bun.IDB, captureID string) (*row, error) {
	var r row
	if err := q.NewSelect().Model(&r).Where("id = ?", captureID).Scan(ctx); err != nil {
		return nil, db.NotFound(err, "There is no such capture. It may have expired.")
	}
	return &r, nil
}

func byIDs(ctx context.Context, q bun.IDB, ids []string) ([]row, error) {
	var rows []row
	if len(ids) == 0 {
		return rows, nil
	}
	err := q.NewSelect().Model(&rows).Where("id IN (?)", bun.In(ids)).OrderExpr("id").Scan(ctx)
	return rows, err
}

// get reads a capture for whoever acts in ctx.
func (s *Service) get(ctx context.Context, captureID string) (*row, error) {
	if err := access.Check(ctx, observe.ReadCaptures, ""); err != nil {
		return nil, err
	}
	return byID(ctx, s.db.Reader(), captureID)
}

// list gives the newest first.
func (s *Service) list(ctx context.Context, incident, item, cursor string, limit int) ([]row, string, error) {
	if err := access.Check(ctx, observe.ReadCaptures, ""); err != nil {
		return nil, "", err
	}
	q := s.db.Reader().NewSelect().Model((*row)(nil)).OrderExpr("id DESC").Limit(int64(limit) + 1)
	if cursor != "" {
		q = q.Where("id < ?", cursor)
	}
	if incident != "" {
		q = q.Where("incident_id = ?", incident)
	}
	if item != "" {
		q = q.Where("item_id = ?", item)
	}
	var rows []row
	if err := q.Scan(ctx, &rows); err != nil {
		return nil, "", err
	}
	next := ""
	if len(rows) > limit {
		rows = rows[:limit]
		next = rows[limit-1].ID
	}
	return rows, next, nil
}

// insert adds a capture that may take r.Reserved bytes, when there is room.
func (s *Service) insert(ctx context.Context, tx *db.Tx, r *row) error {
	var used int64
	if err := tx.NewRaw("SELECT COALESCE(SUM(CASE WHEN state = ? OR reserved > size THEN reserved ELSE size END), 0) FROM captures", stateRunning).Scan(ctx, &used); err != nil {
		return err
	}
	if used+r.Reserved > s.quota {
		return errs.New(errs.TooLarge, "There is no room: captures may take %d MiB, %d MiB are taken, and this one may need %d MiB. Remove captures, or raise captures.max_bytes.", s.quota>>20, used>>20, r.Reserved>>20)
	}
	if _, err := tx.NewInsert().Model(r).Exec(ctx); err != nil {
		return err
	}
	if err := audit.Write(ctx, tx, audit.Change{Action: "capture.start", Ref: r.ref(), Name: r.Name, After: r.about()}); err != nil {
		return err
	}
	tx.AfterCommit(func() { s.tell(r.ID, "created", nil) })
	return nil
}

func (s *Service) tell(captureID, kind string, data any) {
	s.live.Send(live.Note{Topic: "captures", Kind: kind, ID: captureID, Data: data})
}

// settle writes what became of a capture.
func (s *Service) settle(ctx context.Context, captureID string, change func(r *row)) error {
	return s.db.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		r, err := byID(ctx, tx, captureID)
		if err != nil {
			if errs.Is(err, errs.NotFound) {
				return nil
			}
			return err
		}
		was := r.State
		change(r)
		if r.State != stateRunning && r.EndedAt == nil {
			now := tx.Now()
			r.EndedAt = &now
		}
		if _, err := tx.NewUpdate().Model(r).WherePK().Exec(ctx); err != nil {
			return err
		}
		if r.IncidentID != "" && was != r.State {
			if err := s.tellIncident(ctx, tx, r); err != nil {
				return err
			}
		}
		tx.AfterCommit(func() { s.tell(captureID, "changed", nil) })
		return nil
	})
}

// opening writes into the audit log that somebody looked at packets: once an
// hour for a person and a capture.
func (s *Service) opening(ctx context.Context, r *row, action string) error {
	who := access.From(ctx).Actor()
	key := who + "\x00" + r.ID + "\x00" + action
	now := s.db.Clock().Now()
	s.mu.Lock()
	last, there := s.seen[key]
	fresh := there && now.Sub(last) < time.Hour && action == "capture.open"
	if !fresh {
		if len(s.seen) > 10_000 {
			clear(s.seen)
		}
		s.seen[key] = now
	}
	s.mu.Unlock()
	if fresh {
		return nil
	}
	err := s.db.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		return audit.Write(ctx, tx, audit.Change{Action: action, Ref: r.ref(), Name: r.Name, After: map[string]any{"packets": r.Packets}})
	})
	if err != nil {
		s.mu.Lock()
		delete(s.seen, key)
		s.mu.Unlock()
	}
	return err
}
