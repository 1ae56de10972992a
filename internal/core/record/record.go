// Package record is the shared body of everything people work on: incident,
// problem, change, request, task, risk, finding, contract, project card. A module
// declares its Kind and adds a table for what only it has; number, state machine,
// priority, people, timeline, links, items, labels, watchers, attachments, search
// and audit come from here.
package record

import (
	"context"
	"embed"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/audit"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/entity"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/file"
	"github.com/mainstay-ops/mainstay/internal/core/id"
	"github.com/mainstay-ops/mainstay/internal/core/live"
	"github.com/mainstay-ops/mainstay/internal/core/search"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrations of the record tables.
func Migrations() db.Migrations { return db.Migrations{Module: "core.record", FS: migrations} }

// Record is the body that all kinds share.
type Record struct {
	bun.BaseModel `bun:"records" json:"-"`

	ID          string     `bun:"id,pk"`
	Kind        string     `bun:"kind"`
	Number      int64      `bun:"number"`
	Title       string     `bun:"title"`
	Description string     `bun:"description"`
	State       string     `bun:"state"`
	Open        bool       `bun:"open"`
	Impact      int        `bun:"impact"`
	Urgency     int        `bun:"urgency"`
	Priority    int        `bun:"priority"`
	RequesterID string     `bun:"requester_id"`
	AssigneeID  string     `bun:"assignee_id"`
	TeamID      string     `bun:"team_id"`
	CreatedAt   time.Time  `bun:"created_at"`
	UpdatedAt   time.Time  `bun:"updated_at"`
	ClosedAt    *time.Time `bun:"closed_at"`
	Version     int64      `bun:"version"`
}

// Ref of the record.
func (r *Record) Ref() entity.Ref { return entity.Ref{Kind: r.Kind, ID: r.ID} }

// Service works on records of all kinds.
type Service struct {
	db       *db.DB
	kinds    map[string]Kind
	entities *entity.Registry
	live     *live.Hub
	files    *file.Store
	logger   *slog.Logger
}

// New makes the service for the declared kinds.
func New(d *db.DB, kinds []Kind, ents *entity.Registry, hub *live.Hub, ix *search.Index, files *file.Store, logger *slog.Logger) (*Service, error) {
	s := &Service{db: d, kinds: map[string]Kind{}, entities: ents, live: hub, files: files, logger: logger}
	for _, k := range kinds {
		if err := k.Check(); err != nil {
			return nil, err
		}
		if _, dup := s.kinds[k.Name]; dup {
			return nil, fmt.Errorf("kind %s is declared twice", k.Name)
		}
		s.kinds[k.Name] = k
		hub.Topic(k.Plural, k.Read)
		ix.Kind(k.Name, k.Read)
		ents.Register(k.Name, s.resolver(k))
		ents.RegisterFinder(k.Name, func(ctx context.Context, q bun.IDB, name string) (string, error) {
			r, err := s.ByNumber(ctx, q, k.Name, name)
			if err != nil {
				return "", err
			}
			return r.ID, nil
		})
	}
	return s, nil
}

// Kind finds a declared kind.
func (s *Service) Kind(name string) Kind { return s.kinds[name] }

// NewRecord is the input of Create.
type NewRecord struct {
	Kind, Title, Description        string
	Impact, Urgency                 int
	RequesterID, AssigneeID, TeamID string
	Items                           []entity.Ref
	Labels                          []string
}

func checkText(path, s string, limit int, required bool) error {
	if required && strings.TrimSpace(s) == "" {
		return errs.Fields(errs.Field{Path: path, Message: "must not be empty"})
	}
	if n := utf8.RuneCountInString(s); n > limit {
		return errs.Fields(errs.Field{Path: path, Message: fmt.Sprintf("has %d characters, at most %d fit", n, limit)})
	}
	if !utf8.ValidString(s) || strings.ContainsRune(s, 0) {
		return errs.Fields(errs.Field{Path: path, Message: "must be UTF-8 text"})
	}
	return nil
}

// Limits of text, in characters.
const (
	MaxTitle = 300
	MaxText  = 64 << 10
)

// Create makes a record with the next number of its kind.
func (s *Service) Create(ctx context.Context, tx *db.Tx, in NewRecord) (*Record, error) {
	k, ok := s.kinds[in.Kind]
	if !ok {
		return nil, fmt.Errorf("unknown kind %q", in.Kind)
	}
	if err := checkText("title", in.Title, MaxTitle, true); err != nil {
		return nil, err
	}
	if err := checkText("description", in.Description, MaxText, false); err != nil {
		return nil, err
	}
	if in.Impact == 0 {
		in.Impact = 3
	}
	if in.Urgency == 0 {
		in.Urgency = 3
	}
	for path, v := range map[string]int{"impact": in.Impact, "urgency": in.Urgency} {
		if v < 1 || v > 3 {
			return nil, errs.Fields(errs.Field{Path: path, Value: strconv.Itoa(v), Message: "must be between 1 and 3"})
		}
	}
	var n int64
	if err := tx.NewRaw("INSERT INTO record_numbers (kind, last) VALUES (?, 1) ON CONFLICT (kind) DO UPDATE SET last = record_numbers.last + 1 RETURNING last", k.Name).Scan(ctx, &n); err != nil {
		return nil, err
	}
	r := &Record{
		ID: id.New(), Kind: k.Name, Number: n, Title: strings.TrimSpace(in.Title), Description: in.Description, State: k.Initial(), Open: k.States[0].Open,
		Impact: in.Impact, Urgency: in.Urgency, Priority: Priority(in.Impact, in.Urgency), RequesterID: in.RequesterID, AssigneeID: in.AssigneeID, TeamID: in.TeamID,
		CreatedAt: tx.Now(), UpdatedAt: tx.Now(), Version: 1,
	}
	if _, err := tx.NewInsert().Model(r).Exec(ctx); err != nil {
		return nil, err
	}
	for _, it := range in.Items {
		if _, err := s.AddItem(ctx, tx, r, it); err != nil {
			return nil, err
		}
	}
	if err := s.setLabels(ctx, tx, r.ID, in.Labels); err != nil {
		return nil, err
	}
	if err := s.index(ctx, tx, r); err != nil {
		return nil, err
	}
	if err := audit.Write(ctx, tx, audit.Change{Action: k.Name + ".create", Ref: r.Ref(), Name: k.Number(n), After: auditView(r)}); err != nil {
		return nil, err
	}
	s.tell(tx, r, "created")
	return r, nil
}

func auditView(r *Record) map[string]any {
	return map[string]any{"title": r.Title, "state": r.State, "impact": r.Impact, "urgency": r.Urgency, "priority": r.Priority, "assignee_id": r.AssigneeID, "team_id": r.TeamID}
}

func (s *Service) index(ctx context.Context, tx *db.Tx, r *Record) error {
	k := s.kinds[r.Kind]
	return search.Put(ctx, tx, search.Doc{Kind: r.Kind, RefID: r.ID, Name: k.Number(r.Number), Title: r.Title, Body: r.Description, URL: fmt.Sprintf(k.URL, r.Number), TeamID: r.TeamID})
}

func (s *Service) tell(tx *db.Tx, r *Record, what string) {
	k := s.kinds[r.Kind]
	note := live.Note{Topic: k.Plural, Kind: what, ID: k.Number(r.Number), Data: map[string]any{"state": r.State, "priority": r.Priority, "title": r.Title}}
	tx.AfterCommit(func() { s.live.Send(note) })
}

// ParseNumber reads "INC-12", "inc-12" or "12" for the kind.
func (s *Service) ParseNumber(kind, text string) (int64, error) {
	k := s.kinds[kind]
	t := strings.TrimSpace(text)
	if len(t) > len(k.Prefix) && strings.EqualFold(t[:len(k.Prefix)+1], k.Prefix+"-") {
		t = t[len(k.Prefix)+1:]
	}
	n, err := strconv.ParseInt(t, 10, 64)
	if err != nil || n < 1 {
		return 0, errs.New(errs.NotFound, "There is no %s %q.", strings.ToLower(k.Title), text)
	}
	return n, nil
}

// ByNumber finds a record by its number and checks that whoever acts may read it.
func (s *Service) ByNumber(ctx context.Context, q bun.IDB, kind, number string) (*Record, error) {
	n, err := s.ParseNumber(kind, number)
	if err != nil {
		return nil, err
	}
	var r Record
	if err := q.NewSelect().Model(&r).Where("kind = ? AND number = ?", kind, n).Scan(ctx); err != nil {
		return nil, db.NotFound(err, "There is no %s %s.", strings.ToLower(s.kinds[kind].Title), s.kinds[kind].Number(n))
	}
	return &r, access.Check(ctx, s.kinds[kind].Read, r.TeamID)
}

// ByID finds a record by its id, without a check.
func (s *Service) ByID(ctx context.Context, q bun.IDB, recordID string) (*Record, error) {
	var r Record
	err := q.NewSelect().Model(&r).Where("id = ?", recordID).Scan(ctx)
	return &r, db.NotFound(err, "There is no such record.")
}

func (s *Service) resolver(k Kind) entity.Resolver {
	return func(ctx context.Context, q bun.IDB, ids []string) ([]entity.Summary, error) {
		var rs []Record
		if err := q.NewSelect().Model(&rs).Where("kind = ? AND id IN (?)", k.Name, bun.In(ids)).Scan(ctx); err != nil {
			return nil, err
		}
		out := make([]entity.Summary, len(rs))
		for i, r := range rs {
			out[i] = entity.Summary{Ref: r.Ref(), Name: k.Number(r.Number), Title: r.Title, State: r.State, URL: fmt.Sprintf(k.URL, r.Number)}
		}
		return out, nil
	}
}
