package log

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/logparse"
	"github.com/mainstay-ops/mainstay/internal/core/logpattern"
	"github.com/mainstay-ops/mainstay/internal/core/signal"
)

// parse recognizes the format of a line, by the parsers of one's own or by the known
// formats, and adds its fields. What the sender said
// itself stays. It gives the text that the line shows.
func (s *Service) parse(from signal.Source, l *signal.Line, message string, fields []signal.Field, now time.Time) (string, []signal.Field, *logparse.Parsed) {
	line := message
	if app := signal.Value(l.Stream, "app"); app != "" && message != "" && message[0] != '{' {
		// The messages of many programs are known by the name of the program.
		line = "<14>1 - - " + app + " - - - " + message
	}
	p := logparse.Parse(line, now)
	own := s.ownParse(from, l, message, &p, true, now)
	if own == nil && frameOnly(p.Format) {
		own = s.ownParse(from, l, message, &p, false, now)
	}
	if own != nil {
		p = *own
	}
	if p.Format == "" {
		return message, fields, &p
	}
	add := func(name, value string) {
		if name == "item" {
			name = "item_" // what a line says is not what it belongs to
		}
		if value != "" && signal.Value(l.Stream, name) == "" && !hasField(fields, name) {
			fields = append(fields, signal.Field{Name: name, Value: value})
		}
	}
	for _, f := range p.Fields {
		add(f.Name, f.Value)
	}
	add("host", p.Host)
	add("app", p.App)
	add("pid", p.PID)
	add("format", p.Format)
	if p.Message != "" {
		message = p.Message
	}
	return message, fields, &p
}

// frameOnly tells whether nothing of a line was recognized but its frame.
func frameOnly(format string) bool {
	switch format {
	case "", "syslog", "cri", "text", "application":
		return true
	}
	return false
}

func hasField(fs []signal.Field, name string) bool {
	return slices.ContainsFunc(fs, func(f signal.Field) bool { return f.Name == name })
}

// patterns groups lines by their template. The templates are kept in a file, so that
// their ids stay the same after a restart.
type patterns struct {
	mu    sync.Mutex
	miner *logpattern.Miner
	path  string
}

func loadPatterns(path string) (*patterns, error) {
	p := &patterns{path: path}
	b, err := os.ReadFile(path) //nolint:gosec // below the data directory
	switch {
	case errors.Is(err, fs.ErrNotExist):
		p.miner = logpattern.New(logpattern.Config{})
		return p, nil
	case err != nil:
		return nil, err
	}
	if p.miner, err = logpattern.Load(bytes.NewReader(b), logpattern.Config{}); err != nil {
		// New ids are better than no start.
		p.miner = logpattern.New(logpattern.Config{})
		return p, err
	}
	return p, nil
}

// of gives the template of a line.
func (p *patterns) of(message string) logpattern.Match {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.miner.AddString(message)
}

func (p *patterns) save() error {
	var b bytes.Buffer
	p.mu.Lock()
	err := p.miner.Save(&b)
	p.mu.Unlock()
	if err != nil {
		return err
	}
	temporary := p.path + ".new"
	if err := os.WriteFile(temporary, b.Bytes(), 0o600); err != nil {
		return err
	}
	return os.Rename(temporary, p.path)
}

// Pattern is a template with its number of lines.
type Pattern struct {
	ID       string `json:"id" doc:"The field pattern of its lines."`
	Template string `json:"template" doc:"The fixed words, with <*> for what varies."`
	Lines    uint64 `json:"lines" doc:"Lines since it was first seen."`
	Example  string `json:"example"`
}

// most are the templates with most lines.
func (p *patterns) most(limit int) []Pattern {
	p.mu.Lock()
	all := p.miner.Templates()
	p.mu.Unlock()
	slices.SortFunc(all, func(a, b logpattern.Template) int {
		switch {
		case a.Count > b.Count:
			return -1
		case a.Count < b.Count:
			return 1
		}
		return 0
	})
	out := []Pattern{}
	for _, t := range all[:min(limit, len(all))] {
		out = append(out, Pattern{ID: t.ID, Template: t.Text, Lines: t.Count, Example: t.Example})
	}
	return out
}

const savePatternsEvery = time.Minute

func (s *Service) keepPatterns(ctx context.Context) {
	defer s.wg.Done()
	t := time.NewTicker(savePatternsEvery)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
		case <-t.C:
		}
		if err := s.patterns.save(); err != nil {
			s.d.Logger.Error("log patterns could not be written", "error", err)
		}
		if ctx.Err() != nil {
			return
		}
	}
}

func patternsPath(data string) string { return filepath.Join(data, "logs", "patterns") }
