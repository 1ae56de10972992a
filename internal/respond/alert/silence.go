package alert

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/audit"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/entity"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/id"
	"github.com/mainstay-ops/mainstay/internal/core/job"
	"github.com/mainstay-ops/mainstay/internal/core/live"
)

// Limits of a silence.
const (
	maxMatchers = 20
	maxPattern  = 200
	maxSilence  = 366 * 24 * time.Hour
)

// Matcher is one condition of a silence; all must hold.
type Matcher struct {
	Name  string `json:"name" minLength:"1" maxLength:"200" doc:"item, check, severity, or the name of a label."`
	Value string `json:"value" maxLength:"200"`
	Regex bool   `json:"regex,omitempty" doc:"Value is a regular expression (RE2) that must match the whole text."`
}

func (m Matcher) compile() (*regexp.Regexp, error) { return regexp.Compile("^(?:" + m.Value + ")$") }

func (m Matcher) matches(a *row) bool {
	var v string
	switch m.Name {
	case "item":
		v = a.Item
	case "check":
		v = a.Check
	case "severity":
		v = a.Severity
	default:
		v = a.labels()[m.Name]
	}
	if !m.Regex {
		return v == m.Value
	}
	re, err := m.compile()
	return err == nil && re.MatchString(v)
}

func checkMatchers(ms []Matcher) error {
	if len(ms) == 0 || len(ms) > maxMatchers {
		return errs.Fields(errs.Field{Path: "matchers", Message: fmt.Sprintf("must have 1 to %d entries", maxMatchers)})
	}
	for i, m := range ms {
		if strings.TrimSpace(m.Name) == "" {
			return errs.Fields(errs.Field{Path: fmt.Sprintf("matchers[%d].name", i), Message: "must be item, check, severity or the name of a label"})
		}
		if utf8.RuneCountInString(m.Value) > maxPattern {
			return errs.Fields(errs.Field{Path: fmt.Sprintf("matchers[%d].value", i), Message: fmt.Sprintf("must have at most %d characters", maxPattern)})
		}
		if m.Regex {
			if _, err := m.compile(); err != nil {
				return errs.Fields(errs.Field{Path: fmt.Sprintf("matchers[%d].value", i), Value: m.Value, Message: "must be a regular expression such as shop-.*"})
			}
		}
	}
	return nil
}

type silenceRow struct {
	bun.BaseModel `bun:"alert_silences"`

	ID        string    `bun:"id,pk"`
	Matchers  string    `bun:"matchers"`
	Comment   string    `bun:"comment"`
	Creator   string    `bun:"creator"`
	CreatorID string    `bun:"creator_id"`
	StartsAt  time.Time `bun:"starts_at"`
	EndsAt    time.Time `bun:"ends_at"`
	CreatedAt time.Time `bun:"created_at"`
}

// Silence keeps alerts from being told for a while.
type Silence struct {
	ID        string    `json:"id"`
	Matchers  []Matcher `json:"matchers"`
	Comment   string    `json:"comment"`
	Creator   string    `json:"creator"`
	StartsAt  time.Time `json:"starts_at"`
	EndsAt    time.Time `json:"ends_at"`
	CreatedAt time.Time `json:"created_at"`
	State     string    `json:"state" enum:"pending,active,expired"`
}

func (r silenceRow) view(now time.Time) (Silence, error) {
	s := Silence{ID: r.ID, Comment: r.Comment, Creator: r.Creator, StartsAt: r.StartsAt.UTC(), EndsAt: r.EndsAt.UTC(), CreatedAt: r.CreatedAt.UTC(), State: "active"}
	switch {
	case !r.EndsAt.After(now):
		s.State = "expired"
	case r.StartsAt.After(now):
		s.State = "pending"
	}
	return s, json.Unmarshal([]byte(r.Matchers), &s.Matchers)
}

// silencedBy gives the id of the silence that covers the alert now, or "".
func (s *Service) silencedBy(ctx context.Context, tx *db.Tx, a *row) (string, error) {
	active, err := activeSilences(ctx, tx)
	if err != nil {
		return "", err
	}
	return cover(active, a), nil
}

func activeSilences(ctx context.Context, tx *db.Tx) ([]Silence, error) {
	var rows []silenceRow
	if err := tx.NewSelect().Model(&rows).Where("ends_at > ? AND starts_at <= ?", tx.Now(), tx.Now()).OrderExpr("ends_at DESC, id").Scan(ctx); err != nil {
		return nil, err
	}
	out := make([]Silence, len(rows))
	for i, r := range rows {
		v, err := r.view(tx.Now())
		if err != nil {
			return nil, err
		}
		out[i] = v
	}
	return out, nil
}

func cover(active []Silence, a *row) string {
next:
	for _, s := range active {
		for _, m := range s.Matchers {
			if !m.matches(a) {
				continue next
			}
		}
		return s.ID
	}
	return ""
}

// NewSilence is the input of a silence.
type NewSilence struct {
	Matchers []Matcher `json:"matchers" minItems:"1" maxItems:"20"`
	Comment  string    `json:"comment" minLength:"1" maxLength:"1000" doc:"Why."`
	StartsAt time.Time `json:"starts_at,omitempty" required:"false" doc:"Now if not given."`
	EndsAt   time.Time `json:"ends_at"`
}

func (s *Service) createSilence(ctx context.Context, tx *db.Tx, in NewSilence) (Silence, error) {
	if err := checkMatchers(in.Matchers); err != nil {
		return Silence{}, err
	}
	if in.StartsAt.Before(tx.Now()) {
		in.StartsAt = tx.Now()
	}
	if strings.TrimSpace(in.Comment) == "" {
		return Silence{}, errs.Fields(errs.Field{Path: "comment", Message: "must say why"})
	}
	if !in.EndsAt.After(in.StartsAt) || in.EndsAt.Sub(in.StartsAt) > maxSilence {
		return Silence{}, errs.Fields(errs.Field{Path: "ends_at", Value: in.EndsAt.Format(time.RFC3339), Message: "must be after the start, by at most 366 days"})
	}
	b, err := json.Marshal(in.Matchers)
	if err != nil {
		return Silence{}, err
	}
	p := access.From(ctx)
	r := silenceRow{ID: id.New(), Matchers: string(b), Comment: in.Comment, Creator: p.Actor(), CreatorID: p.ID, StartsAt: in.StartsAt.UTC(), EndsAt: in.EndsAt.UTC(), CreatedAt: tx.Now()}
	if _, err := tx.NewInsert().Model(&r).Exec(ctx); err != nil {
		return Silence{}, err
	}
	for _, at := range []time.Time{r.StartsAt, r.EndsAt} {
		if at.After(tx.Now()) {
			if err := s.d.Jobs.Insert(ctx, tx, silenceArgs{ID: r.ID}, job.Options{At: at}); err != nil {
				return Silence{}, err
			}
		}
	}
	v, err := r.view(tx.Now())
	if err != nil {
		return v, err
	}
	if err := audit.Write(ctx, tx, audit.Change{Action: "silence.create", Ref: entity.Ref{Kind: "silence", ID: r.ID}, Name: r.Comment, After: v}); err != nil {
		return v, err
	}
	return v, s.reevaluate(ctx, tx)
}

// expireSilence ends a silence now; one that is over stays as it is.
func (s *Service) expireSilence(ctx context.Context, tx *db.Tx, silenceID string) error {
	var r silenceRow
	if err := tx.NewSelect().Model(&r).Where("id = ?", silenceID).Scan(ctx); err != nil {
		return db.NotFound(err, "There is no such silence.")
	}
	if !r.EndsAt.After(tx.Now()) {
		return nil
	}
	before := map[string]any{"ends_at": r.EndsAt}
	r.EndsAt = tx.Now()
	if r.StartsAt.After(r.EndsAt) {
		r.StartsAt = r.EndsAt
	}
	if _, err := tx.NewUpdate().Model(&r).WherePK().Exec(ctx); err != nil {
		return err
	}
	if err := audit.Write(ctx, tx, audit.Change{Action: "silence.expire", Ref: entity.Ref{Kind: "silence", ID: r.ID}, Name: r.Comment, Before: before, After: map[string]any{"ends_at": r.EndsAt}}); err != nil {
		return err
	}
	return s.reevaluate(ctx, tx)
}

type silenceArgs struct {
	ID string `json:"id"`
}

// Kind implements job.Args.
func (silenceArgs) Kind() string { return "alert.silence" }

// runSilence looks again at what fires when a silence begins or ends.
func (s *Service) runSilence(ctx context.Context, _ silenceArgs, _ job.Meta) error {
	return s.d.DB.InTx(access.AsSystem(ctx), s.reevaluate)
}

// reevaluate sets which silence covers each firing alert and tells those that no
// longer have one.
func (s *Service) reevaluate(ctx context.Context, tx *db.Tx) error {
	active, err := activeSilences(ctx, tx)
	if err != nil {
		return err
	}
	after := ""
	for {
		var rows []row
		if err := tx.NewSelect().Model(&rows).Where("status = 'firing' AND id > ?", after).OrderExpr("id").Limit(500).Scan(ctx); err != nil {
			return err
		}
		for i := range rows {
			a := &rows[i]
			after = a.ID
			by := cover(active, a)
			if by == a.SilencedBy && (by != "" || a.Told || !a.Due) {
				continue
			}
			a.SilencedBy = by
			if err := s.tell(ctx, tx, a); err != nil {
				return err
			}
			if err := s.save(ctx, tx, a); err != nil {
				return err
			}
		}
		if len(rows) < 500 {
			note := live.Note{Topic: "alerts", Kind: "silences"}
			tx.AfterCommit(func() { s.d.Live.Send(note) })
			return nil
		}
	}
}
