package logpattern

// Headers are recognized by what stands in them, never by the name of a program: a time
// first, then in any order numbers (process ids), words for a level, text in brackets,
// and at last a component that ends with a colon.

// headerEnd gives the offset at which the message begins, 0 without a header.
func headerEnd(b []byte) int {
	i := skipBlank(b, 0)
	i = priority(b, i)
	start := i
	// A label may stand before the time: "-", "ERROR", "[worker]".
	end := timeAt(b, i)
	if end < 0 {
		j := wordEnd(b, i)
		if j > i && j-i <= 16 && labelLike(b[i:j]) {
			if k := skipBlank(b, j); k > j {
				if end = timeAt(b, k); end >= 0 && b[i] == '-' {
					start = k
				}
			}
		}
		if end < 0 {
			return 0
		}
	}
	bare := digits(b, i) == end // seconds since 1970, or any large number
	bsd := classes[b[start]]&cLetter != 0
	i = separators(b, end)
	// More times may follow, also after one other column.
	for range 4 {
		e := timeAt(b, i)
		if e < 0 {
			j := wordEnd(b, i)
			if k := skipBlank(b, j); k > j && columnLike(b[i:j]) {
				e = timeAt(b, k)
			}
		}
		if e < 0 {
			break
		}
		i, bsd, bare = separators(b, e), false, false
	}
	rfc := end-start >= 19 && start+10 < len(b) && b[start+10] == 'T'
	if bsd || rfc {
		if k := syslogTag(b, i); k > 0 {
			return k
		}
	}
	e := columns(b, i)
	if bare && e == i {
		return 0 // nothing else speaks for a header
	}
	return e
}

// columns leaves out numbers, levels, brackets and a component behind the time.
func columns(b []byte, i int) int {
	level := false
	for n := 0; n < 8 && i < len(b); n++ {
		j := wordEnd(b, i)
		if b[i] == '[' || b[i] == '(' && !level {
			if j = bracketEnd(b, i); j < 0 {
				return i
			}
			if isLevel(trimSigns(b[i:j])) {
				level = true
			}
			i = separators(b, j)
			continue
		}
		w := b[i:j]
		switch {
		case j == i:
			return i
		case !level && isLevel(trimSigns(w)):
			level = true
		case component(w):
			return skipBlank(b, j)
		case !level && allDigits(trimSigns(w)):
		case !level:
			// A level further on, behind columns that are no prose.
			k := levelAhead(b, i)
			if k < 0 {
				return i
			}
			i = k
			continue
		default:
			return i
		}
		i = separators(b, j)
	}
	return i
}

// levelAhead gives the start of a level within the next columns, -1 if prose comes first.
func levelAhead(b []byte, i int) int {
	for range 5 {
		j := wordEnd(b, i)
		if j == i || j >= len(b) {
			return -1
		}
		if isLevel(trimSigns(b[i:j])) {
			return i
		}
		if b[i] == '[' {
			if j = bracketEnd(b, i); j < 0 {
				return -1
			}
		} else if !columnLike(b[i:j]) {
			return -1
		}
		i = separators(b, j)
	}
	return -1
}

// columnLike tells whether w is an id, a name in capitals or a qualified name.
func columnLike(w []byte) bool {
	caps := true
	for _, c := range w {
		if classes[c]&cDigit != 0 || c == '.' || c == '$' || c == '/' || c == '_' || c == '-' {
			return true
		}
		if classes[c]&cLetter != 0 && classes[c]&cUpper == 0 {
			caps = false
		}
	}
	return caps
}

// syslogTag leaves out "host program[pid]:" and gives 0 if that does not follow.
func syslogTag(b []byte, i int) int {
	h := wordEnd(b, i)
	k := skipBlank(b, h)
	if h == i || k == h || h-i > 255 || !hostName(b[i:h]) {
		return 0
	}
	for n := 0; n < 4 && k < len(b); n++ {
		e := k
		for e < len(b) && e-k < 96 && b[e] != ':' && b[e] != '[' && classes[b[e]]&cBlank == 0 {
			e++
		}
		if e < len(b) && b[e] == '[' && e > k {
			if e = bracketEnd(b, e); e < 0 {
				return 0
			}
		}
		if e >= len(b) {
			break
		}
		if e > k && b[e] == ':' && (e+1 == len(b) || classes[b[e+1]]&cBlank != 0) {
			return skipBlank(b, e+1)
		}
		// "-- root[1]:" and the fields of RFC 5424 are not prose.
		if w := b[k:e]; string(w) != "-" && string(w) != "--" {
			break
		}
		k = skipBlank(b, e)
	}
	return k
}

func hostName(w []byte) bool {
	for _, c := range w {
		if classes[c]&(cLetter|cDigit) == 0 && c != '.' && c != '-' && c != '_' && c != ':' && c != '/' {
			return false
		}
	}
	return w[len(w)-1] != ':'
}

// component tells whether w is a qualified name with a colon at its end.
func component(w []byte) bool {
	n := len(w)
	if n < 2 || n > 128 || w[n-1] != ':' {
		return false
	}
	for _, c := range w[:n-1] {
		switch {
		case c == '.', c == '$', c == '/', c == '[', c == '@', c == '_', c == '#', classes[c]&cDigit != 0:
			return true
		}
	}
	return false
}

func priority(b []byte, i int) int {
	if i >= len(b) || b[i] != '<' {
		return i
	}
	j := i + 1
	for j < len(b) && j-i <= 4 && classes[b[j]]&cDigit != 0 {
		j++
	}
	if j == i+1 || j >= len(b) || b[j] != '>' {
		return i
	}
	j++
	if j+1 < len(b) && b[j] == '1' && b[j+1] == ' ' {
		j += 2 // the version of RFC 5424
	}
	return j
}

func skipBlank(b []byte, i int) int {
	for i < len(b) && classes[b[i]]&cBlank != 0 {
		i++
	}
	return i
}

func wordEnd(b []byte, i int) int {
	for i < len(b) && classes[b[i]]&cBlank == 0 {
		i++
	}
	return i
}

// separators skips blanks and signs that stand alone between columns.
func separators(b []byte, i int) int {
	for i < len(b) {
		c := b[i]
		if classes[c]&cBlank != 0 || c == '|' {
			i++
		} else if (c == '-' || c == ':' || c == ',' || c == ']') && (i+1 == len(b) || classes[b[i+1]]&cBlank != 0) {
			i++
		} else {
			break
		}
	}
	return i
}

func bracketEnd(b []byte, i int) int {
	open, closed := b[i], byte(']')
	if open == '(' {
		closed = ')'
	}
	depth := 0
	for j := i; j < len(b) && j-i < 256; j++ {
		switch b[j] {
		case open:
			depth++
		case closed:
			if depth--; depth == 0 {
				return j + 1
			}
		}
	}
	return -1
}

func trimSigns(w []byte) []byte {
	for len(w) > 0 && classes[w[len(w)-1]]&cDelim != 0 {
		w = w[:len(w)-1]
	}
	for len(w) > 0 && classes[w[0]]&cDelim != 0 {
		w = w[1:]
	}
	return w
}

func allDigits(w []byte) bool {
	for _, c := range w {
		if classes[c]&cDigit == 0 && c != '#' && c != ':' {
			return false
		}
	}
	return len(w) > 0
}

func labelLike(w []byte) bool {
	if w[0] == '[' || len(w) == 1 && w[0] == '-' {
		return true
	}
	for _, c := range w {
		if classes[c]&cUpper == 0 && c != ':' {
			return false
		}
	}
	return true
}

// isLevel knows the words for a severity, in capitals or in small letters.
func isLevel(w []byte) bool {
	if len(w) < 3 || len(w) > 13 {
		return false
	}
	var buf [13]byte
	up := 0
	for i, c := range w {
		if classes[c]&cUpper != 0 {
			up++
			c += 'a' - 'A'
		}
		buf[i] = c
	}
	if up > 1 && up != len(w) {
		return false
	}
	switch string(buf[:len(w)]) {
	case "trace", "debug", "info", "information", "informational", "notice", "warn", "warning", "error", "err", "log",
		"crit", "critical", "fatal", "severe", "alert", "emerg", "emergency", "panic", "fine", "finer", "finest", "failure":
		return true
	}
	return false
}
