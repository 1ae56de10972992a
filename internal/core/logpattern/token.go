package logpattern

import "bytes"

// Kinds of tokens.
const (
	word  uint8 = iota // fixed text
	sign               // one delimiter
	value              // always shown as <*>
	soft               // a value, shown as text until it varies
)

// token is one piece of the message; start and end are offsets into it.
type token struct {
	start, end int32
	kind       uint8
	space      bool // blank before it
	gap        bool // two blanks or more before it: an empty value may stand there
	hash       uint64
}

const (
	maxTokens = 256
	maxRow    = 7
	wildHash  = 0x9e3779b97f4a7c15
	fnvBasis  = 14695981039346656037
	fnvPrime  = 1099511628211
)

// Classes of bytes.
const (
	cLetter uint8 = 1 << iota
	cDigit
	cDelim
	cBlank
	cHex
	cUpper
)

// classes of all bytes. Bytes above 127 count as letters, so that words of other
// languages stay whole.
var classes = func() (t [256]uint8) {
	for i := range t {
		c := byte(i)
		switch {
		case c >= '0' && c <= '9':
			t[i] = cDigit | cHex
		case c >= 'a' && c <= 'z', c >= 0x80:
			t[i] = cLetter
		case c >= 'A' && c <= 'Z':
			t[i] = cLetter | cUpper
		case c == ' ' || c == '\t' || c == '\r' || c == '\n':
			t[i] = cBlank
		}
		if c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F' {
			t[i] |= cHex
		}
	}
	for _, c := range []byte(":=,;()[]{}<>\"'`|") {
		t[c] = cDelim
	}
	return t
}()

// scanner cuts one message. It is reused, so that a line costs no memory.
type scanner struct {
	b    []byte
	toks []token
	hash uint64 // of all tokens
}

func (s *scanner) scan(b []byte) {
	s.b, s.toks = b, s.toks[:0]
	n := len(b)
	space, gap := false, false
	for i := 0; i < n; {
		c := b[i]
		cl := classes[c]
		if cl&cBlank != 0 {
			j := i + 1
			for j < n && classes[b[j]]&cBlank != 0 {
				j++
			}
			space, gap = true, j-i > 1 && len(s.toks) > 0
			i = j
			continue
		}
		if len(s.toks) >= maxTokens-2 {
			// The rest of a very long line is one value.
			s.put(i, n, value, space, gap)
			break
		}
		var j int
		if cl&cDelim != 0 {
			j = s.delimiter(i, space, gap)
		} else {
			j = s.word(i, space, gap)
		}
		i, space, gap = j, false, false
	}
	h := uint64(fnvBasis)
	for i := range s.toks {
		t := &s.toks[i]
		h = mix(h, t)
	}
	s.hash = h
}

func mix(h uint64, t *token) uint64 {
	x := t.hash
	if t.space {
		x += 0x632be59bd9b4e019
	}
	h = (h ^ x) * 0xff51afd7ed558ccd
	return h ^ h>>29
}

func textHash(b []byte) uint64 {
	h := uint64(fnvBasis)
	for _, c := range b {
		h = (h ^ uint64(c)) * fnvPrime
	}
	return h
}

func (s *scanner) put(i, j int, kind uint8, space, gap bool) {
	t := token{start: int32(i), end: int32(j), kind: kind, space: space, gap: gap}
	switch kind {
	case value, soft:
		t.hash = wildHash
		// A value that hangs on another one by a sign is part of it: "10.0.0.1:80",
		// "1,2,3", "a1|b2".
		if n := len(s.toks); n >= 2 && !space && !s.toks[n-1].space && s.toks[n-1].kind == sign &&
			s.toks[n-2].kind >= value && joins(s.b[s.toks[n-1].start]) {
			p := &s.toks[n-2]
			p.end, p.kind = int32(j), value
			s.toks = s.toks[:n-1]
			return
		}
		if n := len(s.toks); n >= 1 && !space && s.toks[n-1].kind >= value {
			s.toks[n-1].end, s.toks[n-1].kind = int32(j), value
			return
		}
		// A long row of values is a list; its length is no part of the template.
		if n := len(s.toks); kind == value && n >= maxRow && s.row(n) {
			n -= maxRow
			s.toks[n].end = int32(j)
			s.toks = s.toks[:n+1]
			return
		}
	default:
		t.hash = textHash(s.b[i:j])
	}
	s.toks = append(s.toks, t)
}

// row tells whether the last maxRow tokens, or the last one when it is a row already,
// are values.
func (s *scanner) row(n int) bool {
	for i := n - maxRow; i < n; i++ {
		if s.toks[i].kind != value {
			return false
		}
	}
	return true
}

func joins(c byte) bool { return c == ':' || c == ',' || c == '|' }

// delimiter takes one sign, or the quoted text or the value that begins with it.
func (s *scanner) delimiter(i int, space, gap bool) int {
	b, c := s.b, s.b[i]
	switch c {
	case '"', '\'', '`':
		// An apostrophe inside a word is no quote.
		if c == '"' || i == 0 || classes[b[i-1]]&(cLetter|cDigit) == 0 {
			if j := closing(b, i); j > 0 {
				return s.quoted(i, j, space, gap)
			}
		}
	case '=':
		s.put(i, i+1, sign, space, gap)
		if i > 0 && i+1 < len(b) && classes[b[i-1]]&(cBlank|cDelim) == 0 {
			return s.assigned(i + 1)
		}
		return i + 1
	case '(':
		if (i == 0 || classes[b[i-1]]&cBlank != 0) && i+1 < len(b) && b[i+1] == ')' {
			// "()" on its own is an empty value between its brackets.
			s.put(i, i+1, sign, space, gap)
			s.put(i+1, i+1, value, false, false)
			return i + 1
		}
	case ':':
		if i+2 < len(b) && b[i+1] == ':' && classes[b[i+2]]&cHex != 0 {
			if j := address(b, i); j > 0 {
				s.put(i, j, value, space, gap)
				return j
			}
		}
	}
	s.put(i, i+1, sign, space, gap)
	return i + 1
}

// maxQuoted is the longest text in quotes that is taken as one value.
const maxQuoted = 1024

// closing finds the end quote that belongs to the quote at i, or gives -1.
func closing(b []byte, i int) int {
	q := b[i]
	end := min(len(b), i+1+maxQuoted)
	for j := i + 1; j < end; j++ {
		switch b[j] {
		case '\\':
			j++
		case q:
			if q == '"' || j+1 == len(b) || classes[b[j+1]]&(cLetter|cDigit) == 0 {
				return j
			}
		}
	}
	return -1
}

// quoted takes "text" as a value, but keeps "key": of JSON as a fixed word.
func (s *scanner) quoted(i, j int, space, gap bool) int {
	b := s.b
	s.put(i, i+1, sign, space, gap)
	if j+1 < len(b) && b[j+1] == ':' && j-i < 64 && plainKey(b[i+1:j]) {
		s.put(i+1, j, word, false, false)
	} else if j > i+1 {
		s.put(i+1, j, value, false, false)
	} else {
		s.put(i+1, i+1, value, false, false)
	}
	s.put(j, j+1, sign, false, false)
	return j + 1
}

func plainKey(b []byte) bool {
	digits := 0
	for _, c := range b {
		switch {
		case classes[c]&cDigit != 0:
			digits++
		case classes[c]&cLetter == 0 && c != '_' && c != '-' && c != '.' && c != '@' && c != '/':
			return false
		}
	}
	return len(b) > 0 && digits <= 3
}

// assigned takes the value behind "=": everything up to a blank or a closing sign.
func (s *scanner) assigned(i int) int {
	b := s.b
	c := b[i]
	if classes[c]&cBlank != 0 || c == '"' || c == '\'' || c == '=' || c == '>' || c == ',' || c == ';' || c == ')' || c == ']' {
		return i
	}
	depth, j, plain := 0, i, true
loop:
	for j < len(b) {
		switch d := b[j]; d {
		case ' ', '\t', ',', ';', '"', '\r', '\n':
			break loop
		case '(', '[', '{', '<':
			depth++
			plain = false
		case ')', ']', '}', '>':
			if depth == 0 {
				break loop
			}
			depth--
		default:
			if classes[d]&cDigit != 0 {
				plain = false
			}
		}
		j++
	}
	if j == i {
		return i
	}
	kind := value
	if plain {
		kind = soft
	}
	s.put(i, j, kind, false, false)
	return j
}

// address gives the end of an IPv6 address, a hardware address or a time of day at i,
// or -1.
func address(b []byte, i int) int {
	colons, digits, j := 0, false, i
	for j < len(b) {
		c := b[j]
		if c == ':' {
			colons++
		} else if classes[c]&cHex == 0 && c != '.' && c != '%' {
			break
		} else if classes[c]&cDigit != 0 {
			digits = true
		}
		j++
	}
	for j > i && (b[j-1] == ':' || b[j-1] == '.') && (j < 2 || b[j-2] != ':') {
		if b[j-1] == ':' {
			colons--
		}
		j--
	}
	if colons < 2 || !digits && colons < 5 {
		return -1
	}
	if j < len(b) && classes[b[j]]&(cBlank|cDelim) == 0 && b[j] != '/' && b[j] != '-' && b[j] != '.' {
		return -1
	}
	return j
}

// word takes everything up to a blank or a delimiter and decides whether it is a value.
func (s *scanner) word(i int, space, gap bool) int {
	b := s.b
	n := len(b)
	if classes[b[i]]&cHex != 0 && (i == 0 || classes[b[i-1]]&(cBlank|cDelim) != 0) {
		if k := i + 1; k < n && (classes[b[k]]&cHex != 0 || b[k] == ':') {
			if j := address(b, i); j > 0 {
				s.put(i, j, value, space, gap)
				return j
			}
		}
	}
	var or uint8
	digits, slashes, dots, other, hex, back := 0, 0, 0, 0, true, false
	j := i
	for ; j < n; j++ {
		c := b[j]
		cl := classes[c]
		if cl&(cBlank|cDelim) != 0 {
			if c == '\'' && j > i && j+1 < n && classes[b[j+1]]&cLetter != 0 {
				continue // can't
			}
			break
		}
		or |= cl
		if cl&cDigit != 0 {
			digits++
			continue
		}
		if cl&cHex == 0 {
			hex = false
		}
		switch c {
		case '/':
			slashes++
		case '.':
			if j+1 < n && b[j+1] == '.' {
				// A row of dots is a filler between a name and its value.
				if j == i {
					for j < n && b[j] == '.' {
						j++
					}
					s.put(i, j, sign, space, gap)
					return j
				}
				goto done
			}
			dots++
		case '\\':
			if j > i && j+1 < n && classes[b[j+1]]&(cLetter|cDigit) != 0 {
				back = true
			}
		case '@':
			other++
		}
	}
done:
	end := j
	if j < n && b[j] == ':' && j+2 < n && b[j+1] == '/' && b[j+2] == '/' {
		// A URL goes on to the next blank, quote or closing bracket.
		for j < n && classes[b[j]]&cBlank == 0 && b[j] != '"' && b[j] != '\'' && b[j] != '>' && b[j] != ')' && b[j] != ']' {
			j++
		}
		for j > end && (b[j-1] == ',' || b[j-1] == '.' || b[j-1] == ';' || b[j-1] == ':') {
			j--
		}
		s.put(i, j, value, space, gap)
		return j
	}
	// The full stop at the end of a sentence is not part of the word.
	if end-i > 1 && b[end-1] == '.' {
		end--
	}
	w := b[i:end]
	kind := word
	switch {
	case digits > 0:
		kind = value
		if digits <= 2 && or&cLetter != 0 && len(w)-digits >= 2 && len(w) <= 24 && dots == 0 && slashes == 0 && !unit(w) {
			kind = soft // "ssh2", "x86": a name as often as a value
		}
	case slashes >= 2, slashes == 1 && (w[0] == '/' || w[0] == '~' || w[0] == '.') && len(w) > 1, back:
		kind = value
	case other == 1 && dots > 0 && len(w) > 4 && w[0] != '@':
		kind = value // an e-mail address
	case dots >= 2 && or&cUpper == 0 && hostLike(w):
		kind = value
	case hex && len(w) >= 8:
		kind = value
	case len(w) == 4 && string(w) == "true", len(w) == 5 && string(w) == "false":
		kind = soft
	case len(w) == 3 && or&cUpper != 0 && calendar(b, i, end):
		kind = value
	}
	s.put(i, end, kind, space, gap)
	return end
}

// unit tells whether w is a number with a unit: "10ms", "4kB", "+5V".
func unit(w []byte) bool {
	i := 0
	for i < len(w) && (classes[w[i]]&cDigit != 0 || w[i] == '+' || w[i] == '-') {
		i++
	}
	return i > 0
}

// hostLike tells whether w is made of labels as a DNS name has them.
func hostLike(w []byte) bool {
	if w[0] == '.' || w[len(w)-1] == '.' {
		return false
	}
	for i, c := range w {
		switch {
		case classes[c]&cLetter != 0 && c < 0x80, c == '-':
		case c == '.':
			if w[i+1] == '.' {
				return false
			}
		default:
			return false
		}
	}
	return true
}

var (
	months = []byte("JanFebMarAprMayJunJulAugSepOctNovDec")
	days   = []byte("MonTueWedThuFriSatSun")
)

func nameIn(list, w []byte) bool {
	i := bytes.Index(list, w)
	return i >= 0 && i%3 == 0
}

// calendar tells whether the three letters at i are a month or a weekday in a date.
func calendar(b []byte, i, end int) bool {
	w := b[i:end]
	k := end
	for k < len(b) && (b[k] == ' ' || b[k] == ',' || b[k] == '-' || b[k] == '/') {
		k++
	}
	if k == end || k >= len(b) {
		return false
	}
	number := classes[b[k]]&cDigit != 0
	if nameIn(months, w) {
		return number
	}
	return nameIn(days, w) && (number || k+3 <= len(b) && nameIn(months, b[k:k+3]))
}
