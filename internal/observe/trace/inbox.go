package trace

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/id"
	"github.com/mainstay-ops/mainstay/internal/core/live"
	"github.com/mainstay-ops/mainstay/internal/core/signal"
)

// States of an error group.
const (
	Open     = "open"
	Resolved = "resolved"
	Ignored  = "ignored"
)

// Limits of the inbox.
const (
	maxGroups  = 50_000
	maxPending = 5_000
	maxStack   = 8 << 10
	maxMessage = 1_000
)

// group is an error as it is kept: all that are alike.
type group struct {
	bun.BaseModel `bun:"trace_errors"`

	ID           string     `bun:"id,pk"`
	Fingerprint  string     `bun:"fingerprint"`
	Service      string     `bun:"service"`
	Type         string     `bun:"type"`
	Message      string     `bun:"message"`
	Place        string     `bun:"place"`
	Stack        string     `bun:"stack"`
	Operation    string     `bun:"operation"`
	State        string     `bun:"state"`
	AssigneeID   string     `bun:"assignee_id"`
	FirstSeen    time.Time  `bun:"first_seen"`
	LastSeen     time.Time  `bun:"last_seen"`
	ResolvedAt   *time.Time `bun:"resolved_at"`
	CameBackAt   *time.Time `bun:"came_back_at"`
	Count        int64      `bun:"count"`
	FirstVersion string     `bun:"first_version"`
	LastVersion  string     `bun:"last_version"`
	TraceID      string     `bun:"trace_id"`
	Version      int64      `bun:"version"`
}

// inbox gathers errors until they are written.
type inbox struct {
	mu      sync.Mutex
	pending map[string]*group
	// versions seen since they were last written.
	versions map[[2]string]*period
}

// period is from when to when something was seen.
type period struct{ first, last time.Time }

func newInbox() *inbox {
	return &inbox{pending: map[string]*group{}, versions: map[[2]string]*period{}}
}

var (
	changing = regexp.MustCompile(`0x[0-9a-fA-F]+|[0-9a-fA-F]{8}-[0-9a-fA-F-]{27}|\b[0-9a-fA-F]{12,}\b|\d+`)
	inQuotes = regexp.MustCompile(`"[^"]*"|'[^']*'`)
)

// same takes out of a message what changes from one time to the next.
func same(message string) string {
	return changing.ReplaceAllString(inQuotes.ReplaceAllString(message, `"…"`), "#")
}

// placeOf is the first line of a stack that says where, without line numbers: code
// moves, the error stays the same.
func placeOf(stack string) string {
	for _, line := range strings.Split(stack, "\n") {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "at ") || strings.HasPrefix(line, "File ") || strings.Contains(line, ".go:") || strings.Contains(line, ".rb:") || strings.Contains(line, ".php") {
			return changing.ReplaceAllString(line, "#")
		}
	}
	return ""
}

// take looks for errors in spans that came.
func (b *inbox) take(spans []signal.Span) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i := range spans {
		s := &spans[i]
		if v := signal.Value(s.Resource, "service.version"); v != "" {
			b.version(serviceOf(s), v, s.Start)
		}
		found := false
		for _, e := range s.Events {
			if e.Name == "exception" {
				found = true
				b.add(s, e.At, signal.Value(e.Attributes, "exception.type"), signal.Value(e.Attributes, "exception.message"), signal.Value(e.Attributes, "exception.stacktrace"))
			}
		}
		if s.Failed && !found && (s.Kind == signal.KindServer || s.Kind == signal.KindConsumer || s.ParentID == "") {
			typ := firstAttribute(s, "error.type", "http.response.status_code", "http.status_code", "rpc.grpc.status_code")
			b.add(s, s.End, typ, s.StatusText, "")
		}
	}
}

func (b *inbox) version(service, version string, at time.Time) {
	k := [2]string{service, cut(version, 100)}
	v := b.versions[k]
	if v == nil {
		if len(b.versions) < maxPending {
			b.versions[k] = &period{at, at}
		}
		return
	}
	if at.Before(v.first) {
		v.first = at
	}
	if at.After(v.last) {
		v.last = at
	}
}

func (b *inbox) add(s *signal.Span, at time.Time, typ, message, stack string) {
	if typ == "" && message == "" {
		typ = "failed"
	}
	place := placeOf(stack)
	where := place
	if where == "" {
		where = s.Name
	}
	sum := sha256.Sum256([]byte(serviceOf(s) + "\x00" + typ + "\x00" + same(message) + "\x00" + where))
	fp := hex.EncodeToString(sum[:16])
	version := cut(signal.Value(s.Resource, "service.version"), 100)
	g := b.pending[fp]
	if g == nil {
		if len(b.pending) >= maxPending {
			return
		}
		b.pending[fp] = &group{
			Fingerprint: fp, Service: cut(serviceOf(s), 200), Type: cut(typ, 300), Message: cut(message, maxMessage), Place: cut(place, 300), Stack: cut(stack, maxStack),
			Operation: cut(s.Name, 300), FirstSeen: at.UTC(), LastSeen: at.UTC(), Count: 1, FirstVersion: version, LastVersion: version, TraceID: s.TraceID,
		}
		return
	}
	g.Count++
	if at.After(g.LastSeen) {
		g.LastSeen, g.TraceID, g.LastVersion, g.Message = at.UTC(), s.TraceID, version, cut(message, maxMessage)
		if stack != "" {
			g.Stack, g.Place = cut(stack, maxStack), cut(place, 300)
		}
	}
	if at.Before(g.FirstSeen) {
		g.FirstSeen = at.UTC()
	}
}

// drain hands out what was gathered.
func (b *inbox) drain() (map[string]*group, map[[2]string]*period) {
	b.mu.Lock()
	defer b.mu.Unlock()
	g, v := b.pending, b.versions
	b.pending, b.versions = map[string]*group{}, map[[2]string]*period{}
	return g, v
}

// writeErrors brings the inbox up to date. An error that was resolved and is seen
// again later comes back.
func (s *Service) writeErrors(ctx context.Context, groups map[string]*group) error {
	if len(groups) == 0 {
		return nil
	}
	return s.db.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		var n int64
		if err := tx.NewRaw("SELECT count(*) FROM trace_errors").Scan(ctx, &n); err != nil {
			return err
		}
		for fp, g := range groups {
			var old group
			err := tx.NewSelect().Model(&old).Where("fingerprint = ?", fp).Scan(ctx)
			switch {
			case err == nil:
				merge(&old, g)
				g = &old
			case errors.Is(err, sql.ErrNoRows):
				if n++; n > maxGroups {
					continue
				}
				g.ID, g.State, g.Version = id.New(), Open, 1
			default:
				return err
			}
			if _, err := tx.NewInsert().Model(g).On("CONFLICT (id) DO UPDATE").Exec(ctx); err != nil {
				return err
			}
		}
		tx.AfterCommit(func() { s.live.Send(live.Note{Topic: "errors", Kind: "changed"}) })
		return nil
	})
}

func merge(old, g *group) {
	old.Count += g.Count
	if g.FirstSeen.Before(old.FirstSeen) {
		old.FirstSeen = g.FirstSeen
	}
	if !g.LastSeen.After(old.LastSeen) {
		return
	}
	old.LastSeen, old.TraceID, old.Message, old.Operation = g.LastSeen, g.TraceID, g.Message, g.Operation
	if g.LastVersion != "" {
		old.LastVersion = g.LastVersion
	}
	if g.Stack != "" {
		old.Stack, old.Place = g.Stack, g.Place
	}
	if old.State == Resolved && old.ResolvedAt != nil && g.LastSeen.After(*old.ResolvedAt) {
		at := g.LastSeen
		old.State, old.CameBackAt, old.ResolvedAt = Open, &at, nil
		old.Version++
	}
}

func (s *Service) writeVersions(ctx context.Context, vs map[[2]string]*period) error {
	if len(vs) == 0 {
		return nil
	}
	return s.db.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		for k, v := range vs {
			_, err := tx.NewRaw(`INSERT INTO trace_versions (service, version, first_seen, last_seen) VALUES (?, ?, ?, ?)
ON CONFLICT (service, version) DO UPDATE SET last_seen = CASE WHEN excluded.last_seen > trace_versions.last_seen THEN excluded.last_seen ELSE trace_versions.last_seen END,
first_seen = CASE WHEN excluded.first_seen < trace_versions.first_seen THEN excluded.first_seen ELSE trace_versions.first_seen END`,
				k[0], k[1], v.first.UTC(), v.last.UTC()).Exec(ctx)
			if err != nil {
				return err
			}
		}
		return nil
	})
}

func cut(s string, n int) string {
	if len(s) <= n {
		return strings.ToValidUTF8(s, "")
	}
	return strings.ToValidUTF8(s[:n], "")
}
