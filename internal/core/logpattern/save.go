package logpattern

import (
	"encoding/json"
	"io"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
)

// saved is the form in which a Miner is kept. Version changes when old files can no
// longer be read.
type saved struct {
	Version   int             `json:"version"`
	Lines     uint64          `json:"lines"`
	Column    int             `json:"column"`
	Flag      bool            `json:"flag,omitempty"`
	Templates []savedTemplate `json:"templates"`
}

type savedTemplate struct {
	ID      string       `json:"id"`
	Count   uint64       `json:"count"`
	First   uint64       `json:"first"`
	Last    uint64       `json:"last"`
	Example string       `json:"example"`
	Pieces  []savedPiece `json:"pieces"`
}

type savedPiece struct {
	Text    string `json:"t,omitempty"`
	Kind    uint8  `json:"k,omitempty"`
	Space   bool   `json:"s,omitempty"`
	Learned bool   `json:"l,omitempty"`
}

const (
	savedVersion = 1
	// maxSaved bounds what Load reads.
	maxSaved = 256 << 20
)

// Save writes what was learned. Load gives a Miner that goes on with the same ids.
func (m *Miner) Save(w io.Writer) error {
	out := saved{Version: savedVersion, Lines: m.seq, Column: m.column, Flag: m.flag}
	for _, t := range m.order {
		if t.into != nil {
			continue
		}
		s := savedTemplate{ID: t.id, Count: t.count, First: t.first, Last: t.last, Example: t.example, Pieces: make([]savedPiece, len(t.toks))}
		for i, p := range t.toks {
			s.Pieces[i] = savedPiece{Text: p.text, Kind: p.kind, Space: p.space, Learned: p.learned}
		}
		out.Templates = append(out.Templates, s)
	}
	return json.NewEncoder(w).Encode(out)
}

// Load makes a Miner from what Save wrote.
func Load(r io.Reader, c Config) (*Miner, error) {
	var in saved
	if err := json.NewDecoder(io.LimitReader(r, maxSaved)).Decode(&in); err != nil {
		return nil, errs.Wrap(errs.Invalid, err, "The saved log patterns cannot be read.")
	}
	if in.Version != savedVersion {
		return nil, errs.New(errs.Invalid, "The saved log patterns have version %d; this program reads version %d.", in.Version, savedVersion)
	}
	m := New(c)
	m.seq, m.column, m.flag = in.Lines, max(-1, min(in.Column, 10)), in.Flag
	for _, s := range in.Templates {
		if len(m.order) >= m.cfg.MaxTemplates {
			break
		}
		if s.ID == "" || m.ids[s.ID] != nil || len(s.Pieces) > maxTokens+2 {
			return nil, errs.New(errs.Invalid, "The saved log patterns are damaged.")
		}
		t := &template{id: s.ID, count: s.Count, first: s.First, last: s.Last, example: s.Example, toks: make([]piece, len(s.Pieces))}
		for i, p := range s.Pieces {
			q := piece{text: p.Text, kind: min(p.Kind, soft), space: p.Space, learned: p.Learned, hash: wildHash}
			switch {
			case q.kind == soft:
				t.unsettled++
			case q.kind == value:
				q.text = ""
			default:
				q.hash = textHash([]byte(p.Text))
			}
			t.toks[i] = q
			if fixed(&t.toks[i]) {
				t.words++
			}
		}
		for i := range t.toks {
			t.toks[i].named = cue(t.toks, i) == manyNamed
		}
		if m.live[t.hash()] != nil {
			continue
		}
		m.ids[t.id] = t
		m.order = append(m.order, t)
		m.list(t)
		m.register(t)
	}
	return m, nil
}
