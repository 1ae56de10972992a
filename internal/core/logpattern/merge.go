package logpattern

import "sort"

// How many different words one position must show before it is a variable.
const (
	manyNamed  = 2 // a word that says "a name follows" stands before it
	manyObject = 3 // a preposition stands before it
	manyPlain  = 5
	manyState  = 12 // words in capitals are mostly states, which tell messages apart
	manyFirst  = 16 // the first word is mostly fixed
	maxSlots   = 1 << 16
	maxOpen    = 24  // positions of a form that are tried
	maxAlike   = 256 // templates of one shape that are compared
)

// slot counts what stands at one position while the rest is the same.
type slot struct {
	members []*template
}

// place finds the group of a form that was never seen, or makes one.
func (m *Miner) place(line []byte) (*template, bool) {
	toks := m.s.toks
	if t := m.alike(); t != nil {
		return t, false
	}
	t := &template{first: m.seq, count: 0, toks: make([]piece, len(toks))}
	for i := range toks {
		k := &toks[i]
		p := &t.toks[i]
		p.kind, p.space, p.hash = k.kind, k.space && i > 0, k.hash
		if k.kind != value {
			p.text = string(m.s.b[k.start:k.end])
		}
		if k.kind == soft {
			if len(p.text) > 64 {
				p.kind, p.text = value, ""
			} else {
				t.unsettled++
			}
		}
		if fixed(p) {
			t.words++
		}
	}
	for i := range t.toks {
		t.toks[i].named = cue(t.toks, i) == manyNamed
	}
	t.example = string(line[:min(len(line), 512)])
	t.id = m.newID(m.s.hash)
	m.ids[t.id] = t
	m.order = append(m.order, t)
	m.list(t)
	if s := m.join(t); s != t {
		return s, false
	}
	if len(m.live) > m.cfg.MaxTemplates {
		m.evict()
	}
	return t, true
}

func fixed(p *piece) bool {
	return p.kind == word && len(p.text) > 0 && classes[p.text[0]]&cLetter != 0
}

func (t *template) hash() uint64 { return t.open(-1, nil) }

// open is the hash of t with one position, or those in list, open.
func (t *template) open(at int, list []bool) uint64 {
	h := uint64(fnvBasis)
	for i := range t.toks {
		p := &t.toks[i]
		x := p.hash
		if i == at || list != nil && list[i] {
			x = wildHash
		}
		if p.space {
			x += 0x632be59bd9b4e019
		}
		h = (h ^ x) * 0xff51afd7ed558ccd
		h ^= h >> 29
	}
	return h
}

func (t *template) shapeKey() uint64 { return shapeKey(len(t.toks), t.toks) }

func shapeKey(n int, toks []piece) uint64 {
	h := uint64(n)*0x9e3779b97f4a7c15 + 1
	if n > 0 {
		h ^= toks[0].hash
	}
	return h
}

// list enters t where it can be found.
func (m *Miner) list(t *template) {
	m.live[t.hash()] = t
	k := t.shapeKey()
	m.shape[k] = append(m.shape[k], t)
}

func (m *Miner) unlist(t *template) {
	h := t.hash()
	if m.live[h] == t {
		delete(m.live, h)
	}
	k := t.shapeKey()
	l := m.shape[k]
	for i := range l {
		if l[i] == t {
			l = append(l[:i:i], l[i+1:]...)
			break
		}
	}
	if len(l) == 0 {
		delete(m.shape, k)
	} else {
		m.shape[k] = l
	}
	for _, k := range t.keys {
		if m.cued[k] == t {
			delete(m.cued, k)
		}
		if s := m.slots[k]; s != nil {
			for i := range s.members {
				if s.members[i] == t {
					s.members = append(s.members[:i:i], s.members[i+1:]...)
					break
				}
			}
			if len(s.members) == 0 {
				delete(m.slots, k)
			}
		}
	}
	t.keys = nil
}

// alike looks for a template that takes the scanned form: where the form has a word,
// the template has the same word or a value.
func (m *Miner) alike() *template {
	toks := m.s.toks
	if len(toks) == 0 {
		return m.live[fnvBasis]
	}
	if t := m.shapeMatch(len(toks), toks[0].hash, toks, false); t != nil {
		return t
	}
	// An empty value leaves two blanks behind: try the form with a value there.
	for i := 1; i < len(toks); i++ {
		if !toks[i].gap {
			continue
		}
		long := make([]token, 0, len(toks)+1)
		long = append(long, toks[:i]...)
		long = append(long, token{kind: value, space: true, hash: wildHash})
		long = append(long, toks[i:]...)
		if t := m.shapeMatch(len(long), long[0].hash, long, true); t != nil {
			return t
		}
	}
	return nil
}

func (m *Miner) shapeMatch(n int, first uint64, toks []token, exact bool) *template {
	h := uint64(n)*0x9e3779b97f4a7c15 + 1
	h ^= first
	l := m.shape[h]
	var best *template
	bestOpen := -1
	for c, t := range l {
		if c >= maxAlike {
			break
		}
		open, ok := 0, true
		for i := range t.toks {
			p, k := &t.toks[i], &toks[i]
			if p.space != (k.space && i > 0) {
				ok = false
				break
			}
			if p.hash == k.hash {
				continue
			}
			if exact || p.hash != wildHash || k.kind != word || !p.learned && !p.named && !m.nameLike(k) {
				ok = false
				break
			}
			if !p.learned && !p.named {
				open++
			}
		}
		if !ok || open > 1 || open == 1 && t.words < 2 {
			continue
		}
		if best == nil || open < bestOpen {
			best, bestOpen = t, open
		}
	}
	return best
}

// nameLike tells whether a word may stand where other lines have a number: not a state
// in capitals and not a sign.
func (m *Miner) nameLike(k *token) bool {
	w := m.s.b[k.start:k.end]
	lower := false
	for _, c := range w {
		if classes[c]&cLetter == 0 && c != '-' && c != '_' && c != '.' && c != '/' && c != '$' && c != '@' {
			return false
		}
		if classes[c]&cLetter != 0 && classes[c]&cUpper == 0 {
			lower = true
		}
	}
	return lower
}

// join compares t with its neighbors and gives the template in which it ends up.
func (m *Miner) join(t *template) *template {
	if t.words < 2 {
		return t
	}
	// Templates with a word where this one has a value.
	if s := m.slots[t.hash()]; s != nil {
		list := []*template{t}
		at := make([]bool, len(t.toks))
		for _, o := range s.members {
			for i := range o.toks {
				if o.toks[i].hash != t.toks[i].hash && (t.toks[i].named || !capitals(o.toks[i].text)) {
					at[i] = true
					list = append(list, o)
				}
			}
		}
		if len(list) > 1 {
			return m.unite(list, at)
		}
	}
	// All positions where a name is announced, opened together.
	open := make([]bool, len(t.toks))
	n := 0
	for i := range t.toks {
		if fixed(&t.toks[i]) && cue(t.toks, i) == manyNamed && !capitals(t.toks[i].text) {
			open[i] = true
			n++
		}
	}
	if n > 0 && t.words-n >= 1 {
		k := t.open(-1, open) ^ 0x5bd1e995
		if o := m.cued[k]; o != nil && o.into == nil && o != t {
			return m.unite([]*template{o, t}, open)
		}
		m.cued[k] = t
		t.keys = append(t.keys, k)
	}
	if s := m.joinObjects(t); s != t {
		return s
	}
	tried := 0
	for i := range t.toks {
		p := &t.toks[i]
		if !fixed(p) {
			continue
		}
		if tried++; tried > maxOpen {
			break
		}
		k := t.open(i, nil)
		if o := m.live[k]; o != nil && o != t && o.into == nil && !capitals(p.text) {
			at := make([]bool, len(t.toks))
			at[i] = true
			return m.unite([]*template{o, t}, at)
		}
		s := m.slots[k]
		if s == nil {
			if len(m.slots) >= maxSlots {
				clear(m.slots)
			}
			s = &slot{}
			m.slots[k] = s
		}
		s.members = append(s.members, t)
		t.keys = append(t.keys, k)
		if len(s.members) >= need(t, i) {
			at := make([]bool, len(t.toks))
			at[i] = true
			return m.unite(s.members, at)
		}
	}
	return t
}

// joinObjects opens the positions where a name is announced together with those behind a
// preposition: "user alice from web" and "user bob from mail" differ in both.
func (m *Miner) joinObjects(t *template) *template {
	open := make([]bool, len(t.toks))
	named, objects := 0, 0
	for i := range t.toks {
		if !fixed(&t.toks[i]) || capitals(t.toks[i].text) {
			continue
		}
		switch cue(t.toks, i) {
		case manyNamed:
			named++
			open[i] = true
		case manyObject:
			objects++
			open[i] = true
		}
	}
	if named == 0 || objects == 0 || t.words-named-objects < 2 {
		return t
	}
	k := t.open(-1, open) ^ 0x27d4eb2f
	s := m.slots[k]
	if s == nil {
		s = &slot{}
		m.slots[k] = s
	}
	s.members = append(s.members, t)
	t.keys = append(t.keys, k)
	if len(s.members) < manyObject {
		return t
	}
	return m.unite(s.members, open)
}

// register lists t for later comparison, without joining it.
func (m *Miner) register(t *template) {
	if t.words < 2 {
		return
	}
	open := make([]bool, len(t.toks))
	n, tried := 0, 0
	for i := range t.toks {
		p := &t.toks[i]
		if !fixed(p) {
			continue
		}
		if cue(t.toks, i) == manyNamed && !capitals(p.text) {
			open[i] = true
			n++
		}
		if tried++; tried > maxOpen || len(m.slots) >= maxSlots {
			continue
		}
		k := t.open(i, nil)
		s := m.slots[k]
		if s == nil {
			s = &slot{}
			m.slots[k] = s
		}
		s.members = append(s.members, t)
		t.keys = append(t.keys, k)
	}
	if n > 0 && t.words-n >= 1 {
		k := t.open(-1, open) ^ 0x5bd1e995
		m.cued[k] = t
		t.keys = append(t.keys, k)
	}
}

// need is how many words position i must show before it is a variable.
func need(t *template, i int) int {
	n := cue(t.toks, i)
	if t.words < 3 && n > manyNamed {
		n *= 2 // little else speaks for one message
	}
	if capitals(t.toks[i].text) {
		n = max(n, manyState)
	}
	if i == 0 {
		n = max(n, manyFirst)
	}
	return n
}

// unite makes one template of several that differ only where at is set. The oldest
// keeps its id.
func (m *Miner) unite(list []*template, at []bool) *template {
	list = append([]*template(nil), list...)
	sort.SliceStable(list, func(i, j int) bool { return list[i].first < list[j].first })
	s := list[0]
	for _, t := range list {
		m.unlist(t)
	}
	for i := range s.toks {
		p := &s.toks[i]
		for _, t := range list[1:] {
			q := &t.toks[i]
			if p.kind == soft && (q.kind == value || q.text != p.text) {
				p.kind, p.text = value, ""
				s.unsettled--
			}
		}
		if at[i] {
			if fixed(p) {
				s.words--
			}
			if p.kind == soft {
				s.unsettled--
			}
			p.kind, p.text, p.hash, p.learned = value, "", wildHash, true
			s.learned++
		}
	}
	for _, t := range list[1:] {
		t.into = s
		s.count += t.count
		s.last = max(s.last, t.last)
		t.toks, t.example = nil, ""
		delete(m.ids, t.id)
	}
	s.text = ""
	if o := m.live[s.hash()]; o != nil && o != s {
		return m.unite([]*template{o, s}, make([]bool, len(s.toks)))
	}
	m.list(s)
	return m.join(s)
}

// evict forgets the eighth of the templates that was not seen for the longest time.
func (m *Miner) evict() {
	kept := m.order[:0]
	for _, t := range m.order {
		if t.into == nil {
			kept = append(kept, t)
		}
	}
	clear(m.order[len(kept):])
	m.order = kept
	byAge := append([]*template(nil), kept...)
	sort.Slice(byAge, func(i, j int) bool { return byAge[i].last < byAge[j].last })
	gone := map[*template]bool{}
	for _, t := range byAge[:max(1, len(byAge)/8)] {
		if t.first == m.seq {
			continue // the one being made
		}
		gone[t] = true
		m.unlist(t)
		delete(m.ids, t.id)
	}
	kept = m.order[:0]
	for _, t := range m.order {
		if !gone[t] {
			kept = append(kept, t)
		}
	}
	clear(m.order[len(kept):])
	m.order = kept
	for _, f := range []map[uint64]*template{m.young, m.old} {
		for h, t := range f {
			if gone[t.current()] {
				delete(f, h)
			}
		}
	}
}
