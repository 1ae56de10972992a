package log

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/apply"
	"github.com/mainstay-ops/mainstay/internal/core/audit"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/entity"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/logparse"
	"github.com/mainstay-ops/mainstay/internal/core/signal"
)

const (
	// maxParsers bounds the parsers of one's own: each is tried on many lines.
	maxParsers = 200
	// maxParsed is how much of a line a parser of one's own reads. Longer lines stay
	// as they are: an expression takes time with each byte.
	maxParsed = 64 << 10
)

// Parser is a parser of one's own: the entry in ops.yaml and the body of the API.
type Parser struct {
	Name    string              `yaml:"name" json:"name,omitempty" maxLength:"64" doc:"Becomes the field format of the lines it reads. Taken from the path when it is there."`
	Match   string              `yaml:"match,omitempty" json:"match,omitempty" maxLength:"500" doc:"Text that a line must contain."`
	Apps    []string            `yaml:"apps,omitempty" json:"apps,omitempty" maxItems:"100" doc:"Programs; the pattern then describes the text behind the header."`
	Items   []string            `yaml:"items,omitempty" json:"items,omitempty" maxItems:"200" doc:"Names of items; every item and none when empty."`
	Senders []string            `yaml:"senders,omitempty" json:"senders,omitempty" maxItems:"200" doc:"Senders as the page of sources names them."`
	Pattern string              `yaml:"pattern,omitempty" json:"pattern,omitempty" maxLength:"8192" doc:"In the pattern language, such as %{word:user} from %{ip:src_ip}."`
	Regexp  string              `yaml:"regexp,omitempty" json:"regexp,omitempty" maxLength:"4096" doc:"Instead of pattern, an expression with named groups."`
	Types   map[string]string   `yaml:"types,omitempty" json:"types,omitempty"`
	Time    *logparse.TimeField `yaml:"time,omitempty" json:"time,omitempty"`
	Set     map[string]string   `yaml:"set,omitempty" json:"set,omitempty" doc:"Fields that every such line gets."`
	First   bool                `yaml:"first,omitempty" json:"first,omitempty" doc:"Tried before the known formats; else only on lines that none of them recognizes."`
	Enabled *bool               `yaml:"enabled,omitempty" json:"enabled,omitempty" doc:"true when not given."`
}

// compile checks a parser and makes it ready.
func (p Parser) compile() (*logparse.Set, error) {
	set, err := logparse.Compile([]logparse.Parser{{
		Name: p.Name, Match: p.Match, App: p.Apps, Pattern: p.Pattern, Regexp: p.Regexp, Types: p.Types, Time: p.Time, Set: p.Set,
	}})
	if err == nil {
		return set, nil
	}
	bad := errs.FieldsOf(err)
	if len(bad) == 0 {
		return nil, err
	}
	for i := range bad {
		bad[i].Path = strings.Replace(strings.TrimPrefix(bad[i].Path, "parsers[0]."), "app", "apps", 1)
	}
	return nil, errs.Fields(bad...)
}

// own is a parser at work, with its counts since the start.
type own struct {
	Parser

	set         *logparse.Set
	fits, fails atomic.Uint64
}

// wants tells whether a line is from a source that the parser is for.
func (o *own) wants(from signal.Source, l *signal.Line) bool {
	return (len(o.Items) == 0 || slices.Contains(o.Items, signal.Value(l.Stream, "item"))) &&
		(len(o.Senders) == 0 || slices.Contains(o.Senders, from.Sender))
}

// ownParse tries the parsers of one's own on a line; nil when none fits.
func (s *Service) ownParse(from signal.Source, l *signal.Line, line string, known *logparse.Parsed, first bool, now time.Time) *logparse.Parsed {
	list := s.parsers.Load()
	if list == nil || len(line) > maxParsed {
		return nil
	}
	for _, o := range *list {
		if o.First != first || !o.wants(from, l) {
			continue
		}
		if p, concerns := o.set.Read(line, known, now); p != nil {
			o.fits.Add(1)
			return p
		} else if concerns {
			o.fails.Add(1)
		}
	}
	return nil
}

type parserRow struct {
	bun.BaseModel `bun:"log_parsers"`

	Name      string    `bun:"name,pk"`
	Spec      string    `bun:"spec"`
	Version   int64     `bun:"version"`
	UpdatedAt time.Time `bun:"updated_at"`
}

func (r parserRow) parser() (Parser, error) {
	var p Parser
	err := json.Unmarshal([]byte(r.Spec), &p)
	p.Name = r.Name
	return p, err
}

func parsers(ctx context.Context, q bun.IDB) ([]Parser, error) {
	var rows []parserRow
	if err := q.NewSelect().Model(&rows).OrderExpr("name").Scan(ctx); err != nil {
		return nil, err
	}
	out := make([]Parser, 0, len(rows))
	for _, r := range rows {
		p, err := r.parser()
		if err != nil {
			return nil, err
		}
		out = append(out, p)
	}
	return out, nil
}

// loadParsers makes the stored parsers work; counts go on.
func (s *Service) loadParsers(ctx context.Context, q bun.IDB) error {
	ps, err := parsers(ctx, q)
	if err != nil {
		return err
	}
	old := map[string]*own{}
	if l := s.parsers.Load(); l != nil {
		for _, o := range *l {
			old[o.Name] = o
		}
	}
	list := make([]*own, 0, len(ps))
	for _, p := range ps {
		if p.Enabled != nil && !*p.Enabled {
			continue
		}
		set, err := p.compile()
		if err != nil {
			s.d.Logger.Warn("a log parser cannot be used", "parser", p.Name, "error", err)
			continue
		}
		o := &own{Parser: p, set: set}
		if was := old[p.Name]; was != nil {
			o.fits.Store(was.fits.Load())
			o.fails.Store(was.fails.Load())
		}
		list = append(list, o)
	}
	s.parsers.Store(&list)
	return nil
}

func (s *Service) parsersChanged(ctx context.Context, tx *db.Tx) {
	ctx = context.WithoutCancel(ctx)
	tx.AfterCommit(func() {
		if err := s.loadParsers(ctx, s.d.DB.Reader()); err != nil {
			s.d.Logger.Error("log parsers could not be read", "error", err)
		}
	})
}

// putParser makes or changes a parser.
func (s *Service) putParser(ctx context.Context, tx *db.Tx, p Parser) (apply.Outcome, error) {
	if _, err := p.compile(); err != nil {
		return "", err
	}
	var old parserRow
	err := db.NotFound(tx.NewSelect().Model(&old).Where("name = ?", p.Name).Scan(ctx), "none")
	if err != nil && !errs.Is(err, errs.NotFound) {
		return "", err
	}
	made := err != nil
	b, err := json.Marshal(p)
	if err != nil {
		return "", err
	}
	c := audit.Change{Action: "log.parser.create", Ref: entity.Ref{Kind: "log_parser", ID: p.Name}, Name: p.Name, After: p}
	if made {
		n, err := tx.NewSelect().Model((*parserRow)(nil)).Count(ctx)
		if err != nil {
			return "", err
		}
		if n >= maxParsers {
			return "", errs.New(errs.Conflict, "There are %d parsers already. Remove one first.", n)
		}
	} else {
		if old.Spec == string(b) {
			return apply.Unchanged, nil
		}
		before, err := old.parser()
		if err != nil {
			return "", err
		}
		c.Action, c.Before = "log.parser.update", before
	}
	r := parserRow{Name: p.Name, Spec: string(b), Version: old.Version + 1, UpdatedAt: tx.Now()}
	if _, err := tx.NewInsert().Model(&r).On("CONFLICT (name) DO UPDATE").Exec(ctx); err != nil {
		return "", err
	}
	s.parsersChanged(ctx, tx)
	if err := audit.Write(ctx, tx, c); err != nil {
		return "", err
	}
	if made {
		return apply.Created, nil
	}
	return apply.Updated, nil
}

func (s *Service) removeParser(ctx context.Context, name string) error {
	return s.d.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		var old parserRow
		if err := db.NotFound(tx.NewSelect().Model(&old).Where("name = ?", name).Scan(ctx), "There is no such parser."); err != nil {
			return err
		}
		before, err := old.parser()
		if err != nil {
			return err
		}
		if _, err := tx.NewDelete().Model(&old).WherePK().Exec(ctx); err != nil {
			return err
		}
		s.parsersChanged(ctx, tx)
		return audit.Write(ctx, tx, audit.Change{Action: "log.parser.delete", Ref: entity.Ref{Kind: "log_parser", ID: name}, Name: name, Before: before})
	})
}

// tryParser says what a parser makes of sample lines.
func tryParser(p Parser, lines []string, now time.Time) ([]logparse.Trial, error) {
	if p.Name == "" {
		p.Name = "new"
	}
	set, err := p.compile()
	if err != nil {
		return nil, err
	}
	out := make([]logparse.Trial, 0, len(lines))
	for i, l := range lines {
		if len(l) > maxParsed {
			return nil, errs.Fields(errs.Field{Path: fmt.Sprintf("lines[%d]", i), Message: "is longer than 64 KiB"})
		}
		out = append(out, set.Try(l, now))
	}
	return out, nil
}
