package logpattern

import (
	"fmt"
	"strings"
)

// Config bounds a Miner. The zero value is the default configuration.
type Config struct {
	// MaxTemplates is how many templates are kept; the ones not seen for the longest time
	// go first. 0 means 20,000.
	MaxTemplates int
	// MaxForms is how many forms of lines are remembered for the fast way. 0 means 65,536.
	MaxForms int
	// MaxLine is how many bytes of a line are read; the rest is ignored. 0 means 32 KiB.
	MaxLine int
}

// Template is a snapshot of one template.
type Template struct {
	// ID stays the same while the text becomes more general.
	ID string `json:"id"`
	// Text has "<*>" for every variable part.
	Text string `json:"template"`
	// Count of lines.
	Count uint64 `json:"count"`
	// Example is the first line that made it, at most 512 bytes.
	Example string `json:"example"`
	// First and Last are numbers of lines, counted from 1.
	First uint64 `json:"first"`
	Last  uint64 `json:"last"`
}

// Match tells where a line belongs.
type Match struct {
	ID       string
	Template string
	// New tells that the line made this template.
	New bool
	t   *template
}

// Now gives the same match after templates were joined since: the group in which the
// line is today.
func (m Match) Now() Match {
	if m.t == nil {
		return m
	}
	t := m.t.current()
	return Match{ID: t.id, Template: t.render(), New: m.New, t: t}
}

// template is a group of lines.
type template struct {
	id          string
	toks        []piece
	count       uint64
	first, last uint64
	example     string
	into        *template // joined with this one
	text        string    // rendered, "" when it changed
	unsettled   int       // soft pieces that have not varied yet
	words       int       // pieces of kind word with letters
	keys        []uint64  // where it is listed
	learned     int       // values that were learned from different words
}

// piece is a token of a template, with its text.
type piece struct {
	text  string
	kind  uint8
	space bool
	// learned: was a word, and lines with other words were joined.
	learned bool
	// named: the word before it says that a name follows.
	named bool
	hash  uint64
}

func (t *template) current() *template {
	for t.into != nil {
		t = t.into
	}
	return t
}

// Miner groups lines. It is not safe for use by several goroutines at once.
type Miner struct {
	cfg Config
	s   scanner
	seq uint64
	// Forms seen, in two generations: when the young one is full it becomes the old one.
	young, old map[uint64]*template
	live       map[uint64]*template // every template by the hash of its pieces
	order      []*template
	shape      map[uint64][]*template // by length and first word
	cued       map[uint64]*template   // by the form with all named positions open
	slots      map[uint64]*slot       // by the form with one position open
	ids        map[string]*template
	column     int // of the time, when learned; -1 without
	flag       bool
}

// New makes a Miner.
func New(c Config) *Miner {
	if c.MaxTemplates <= 0 {
		c.MaxTemplates = 20000
	}
	if c.MaxForms <= 0 {
		c.MaxForms = 65536
	}
	if c.MaxLine <= 0 {
		c.MaxLine = 32 << 10
	}
	m := &Miner{cfg: c, column: -1}
	m.reset()
	return m
}

func (m *Miner) reset() {
	m.young, m.old = map[uint64]*template{}, map[uint64]*template{}
	m.live, m.shape, m.cued = map[uint64]*template{}, map[uint64][]*template{}, map[uint64]*template{}
	m.slots, m.ids = map[uint64]*slot{}, map[string]*template{}
}

// Add puts one line into its group. It keeps nothing of line.
func (m *Miner) Add(line []byte) Match {
	t, isNew := m.add(line)
	return Match{ID: t.id, Template: t.render(), New: isNew, t: t}
}

// AddString is Add for a string.
func (m *Miner) AddString(line string) Match { return m.Add([]byte(line)) }

// Message gives the part of line behind its header.
func (m *Miner) Message(line []byte) []byte {
	if len(line) > m.cfg.MaxLine {
		line = line[:m.cfg.MaxLine]
	}
	i := headerEnd(line)
	if i == 0 && m.column >= 0 {
		i = m.columnEnd(line)
	}
	b := line[i:]
	for len(b) > 0 && classes[b[len(b)-1]]&cBlank != 0 {
		b = b[:len(b)-1]
	}
	return b
}

func (m *Miner) add(line []byte) (*template, bool) {
	b := m.Message(line)
	m.seq++
	m.s.scan(b)
	h := m.s.hash
	t := m.young[h]
	if t == nil {
		if t = m.old[h]; t != nil {
			m.remember(h, t)
		}
	}
	isNew := false
	if t == nil {
		t, isNew = m.place(line)
		m.remember(h, t)
	} else if t.into != nil {
		t = t.current()
		m.young[h] = t
	}
	t.count++
	t.last = m.seq
	if t.unsettled > 0 && !isNew {
		m.settle(t)
	}
	return t, isNew
}

func (m *Miner) remember(h uint64, t *template) {
	if len(m.young) >= m.cfg.MaxForms/2 {
		m.old, m.young = m.young, make(map[uint64]*template, m.cfg.MaxForms/2)
	}
	m.young[h] = t
}

// settle opens the soft pieces whose text is another one in this line.
func (m *Miner) settle(t *template) {
	if len(t.toks) != len(m.s.toks) {
		return
	}
	for i := range t.toks {
		p := &t.toks[i]
		if p.kind != soft {
			continue
		}
		k := &m.s.toks[i]
		if string(m.s.b[k.start:k.end]) != p.text {
			p.kind, p.text = value, ""
			t.unsettled--
			t.text = ""
		}
	}
}

// render gives the text of the template.
func (t *template) render() string {
	if t.text != "" || len(t.toks) == 0 {
		return t.text
	}
	var b strings.Builder
	for i, p := range t.toks {
		if p.space && i > 0 {
			b.WriteByte(' ')
		}
		if p.kind == value {
			b.WriteString("<*>")
		} else {
			b.WriteString(p.text)
		}
	}
	t.text = b.String()
	return t.text
}

// Templates lists what is kept, in the order in which it appeared.
func (m *Miner) Templates() []Template {
	out := make([]Template, 0, len(m.order))
	for _, t := range m.order {
		if t.into == nil {
			out = append(out, Template{ID: t.id, Text: t.render(), Count: t.count, Example: t.example, First: t.first, Last: t.last})
		}
	}
	return out
}

// Template gives one template by its id.
func (m *Miner) Template(id string) (Template, bool) {
	t := m.ids[id]
	if t == nil || t.into != nil {
		return Template{}, false
	}
	return Template{ID: t.id, Text: t.render(), Count: t.count, Example: t.example, First: t.first, Last: t.last}, true
}

// Len is the number of templates kept.
func (m *Miner) Len() int { return len(m.live) }

// newID makes an id from the text with which a template begins, so that the same lines
// give the same ids on every machine.
func (m *Miner) newID(h uint64) string {
	for {
		id := fmt.Sprintf("%016x", h)
		if _, taken := m.ids[id]; !taken {
			return id
		}
		h++
	}
}
