package pattern

import (
	"compress/gzip"
	"context"
	"encoding/gob"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/id"
	"github.com/mainstay-ops/mainstay/internal/core/live"
	"github.com/mainstay-ops/mainstay/internal/detect"
	"github.com/mainstay-ops/mainstay/internal/detect/pattern/usual"
	"github.com/mainstay-ops/mainstay/internal/estate"
	"github.com/mainstay-ops/mainstay/internal/observe"
)

// maxSignals bounds how many signals one minute can bring; the first minutes of a new
// version of a program bring many.
const maxSignals = 500

// minute takes the counts of a minute and keeps what changed.
func (s *Service) minute(ctx context.Context, m observe.PatternMinute) error {
	counts := make(map[usual.Key]uint64, len(m.Counts))
	texts := map[string]observe.LogPattern{}
	s.mu.Lock()
	if s.levels == nil {
		s.levels = map[string]string{}
	}
	for _, c := range m.Counts {
		counts[usual.Key{Pattern: c.ID, Item: c.Item}] += c.Lines
		texts[c.ID] = c.LogPattern
		if len(s.levels) < 100_000 && c.Level != "" {
			s.levels[c.ID] = c.Level
		}
	}
	list := make([]usual.Count, 0, len(counts))
	for k, n := range counts {
		list = append(list, usual.Count{Key: k, Lines: n})
	}
	changes := s.engine.Minute(m.At, list, m.Joined)
	s.mu.Unlock()
	if len(changes) == 0 {
		return nil
	}
	return s.d.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		n := 0
		for _, c := range changes {
			switch c.To {
			case usual.New, usual.Exploding, usual.Vanished:
				if n++; n > maxSignals {
					continue
				}
				if err := s.begin(ctx, tx, c, texts); err != nil {
					return err
				}
			default:
				if err := s.end(ctx, tx, c); err != nil {
					return err
				}
			}
		}
		tx.AfterCommit(func() { s.d.Live.Send(live.Note{Topic: "patterns", Kind: "changed"}) })
		return nil
	})
}

func fingerprint(k usual.Key) string { return "pattern:" + k.Pattern + ":" + k.Item }

// begin keeps a signal, and tells of it when a policy says so.
func (s *Service) begin(ctx context.Context, tx *db.Tx, c usual.Change, texts map[string]observe.LogPattern) error {
	t, ok := texts[c.Pattern]
	if !ok && s.templates != nil {
		t, _ = s.templates.LogPattern(c.Pattern)
	}
	// One signal at a time: what was new and now explodes is an explosion.
	if err := s.end(ctx, tx, usual.Change{Key: c.Key, At: c.At, Why: "It is " + string(c.To) + " now."}); err != nil {
		return err
	}
	s.mu.Lock()
	mark := s.marks[c.Pattern].Mark
	var by *ready
	for _, p := range s.policies {
		if p.takes(c.To, c.Item, t.Template, mark) {
			by = &p
			break
		}
	}
	s.mu.Unlock()
	if mark == Muted || mark == Known && c.To == usual.New {
		return nil
	}
	r := signalRow{
		ID: id.New(), Pattern: c.Pattern, Item: c.Item, Kind: string(c.To), Template: t.Template, Example: t.Example, Recent: c.Recent, Expected: c.Expected,
		Why: c.Why, StartedAt: c.At.UTC(),
	}
	if by != nil {
		r.Policy = by.Name
	}
	if _, err := tx.NewInsert().Model(&r).Exec(ctx); err != nil || by == nil {
		return err
	}
	var item estate.Item
	if c.Item != "" {
		var err error
		if item, err = s.items.ByName(ctx, tx, c.Item); err != nil && !errs.Is(err, errs.NotFound) {
			return err
		}
	}
	title := map[usual.State]string{usual.New: "New log pattern", usual.Exploding: "Log pattern far too often", usual.Vanished: "Log pattern vanished"}[c.To]
	if c.Item != "" {
		title += " on " + c.Item
	}
	return s.d.Events.Append(ctx, tx, detect.SignalRaised{
		Fingerprint: fingerprint(c.Key), Rule: "pattern: " + by.Name, Severity: by.severity(), Title: title + ": " + short(t.Template, 160),
		Output: c.Why + "\n" + t.Example, ItemID: item.ID, TeamID: item.OwnerTeamID,
		Labels:    map[string]string{"pattern": c.Pattern, "kind": string(c.To), "template": short(t.Template, 200)},
		StartedAt: c.At.UTC(), DetectedAt: c.At.UTC(),
	})
}

// end ends the signal of a pattern on an item, if there is one.
func (s *Service) end(ctx context.Context, tx *db.Tx, c usual.Change) error {
	var open []signalRow
	if err := tx.NewSelect().Model(&open).Where("pattern = ? AND item = ? AND ended_at IS NULL", c.Pattern, c.Item).Scan(ctx); err != nil {
		return err
	}
	for _, r := range open {
		if _, err := tx.NewRaw("UPDATE pattern_signals SET ended_at = ?, reason = ? WHERE id = ?", c.At.UTC(), c.Why, r.ID).Exec(ctx); err != nil {
			return err
		}
		if r.Policy == "" {
			continue
		}
		err := s.d.Events.Append(ctx, tx, detect.SignalCleared{Fingerprint: fingerprint(c.Key), Rule: "pattern: " + r.Policy, At: c.At.UTC(), Reason: c.Why})
		if err != nil {
			return err
		}
	}
	return nil
}

// endAll ends every signal of a pattern.
func (s *Service) endAll(ctx context.Context, tx *db.Tx, pattern, kind, why string, at time.Time) error {
	var open []signalRow
	q := tx.NewSelect().Model(&open).Where("pattern = ? AND ended_at IS NULL", pattern)
	if kind != "" {
		q = q.Where("kind = ?", kind)
	}
	if err := q.Scan(ctx); err != nil {
		return err
	}
	for _, r := range open {
		if err := s.end(ctx, tx, usual.Change{Key: usual.Key{Pattern: r.Pattern, Item: r.Item}, At: at, Why: why}); err != nil {
			return err
		}
	}
	return nil
}

func short(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return s
}

// kept is the file in which the engine is kept.
type kept struct {
	Version int
	Engine  usual.Engine
	Levels  map[string]string
}

const (
	keptVersion = 1
	maxKept     = 512 << 20
)

func (s *Service) file() string { return filepath.Join(s.path, "usual.gz") }

// load reads what was learned before.
func (s *Service) load() error {
	f, err := os.Open(s.file())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // only read
	z, err := gzip.NewReader(f)
	if err != nil {
		return err
	}
	var k kept
	if err := gob.NewDecoder(io.LimitReader(z, maxKept)).Decode(&k); err != nil {
		return err
	}
	if k.Version != keptVersion {
		return errs.New(errs.Invalid, "The file has version %d.", k.Version)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.engine, s.levels = k.Engine, k.Levels
	return nil
}

// save writes what was learned, and then puts it in the place of the old file.
func (s *Service) save() error {
	if err := os.MkdirAll(s.path, 0o700); err != nil {
		return err
	}
	var b strings.Builder
	z := gzip.NewWriter(&b)
	s.mu.Lock()
	err := gob.NewEncoder(z).Encode(kept{keptVersion, s.engine, s.levels})
	s.mu.Unlock()
	if err != nil {
		return err
	}
	if err := z.Close(); err != nil {
		return err
	}
	if err := os.WriteFile(s.file()+".new", []byte(b.String()), 0o600); err != nil {
		return err
	}
	return os.Rename(s.file()+".new", s.file())
}
