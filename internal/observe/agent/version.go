package agent

import "strings"

// compareVersions orders package versions as Debian's policy manual does, chapter
// 5.6.12: the epoch first, then parts of non-digits and of digits in turn, where a
// tilde sorts before everything, even the end. It serves RPM versions as well; they
// differ only in rare cases. The result is negative, zero or positive.
func compareVersions(a, b string) int {
	ea, a := epoch(a)
	eb, b := epoch(b)
	if c := compareNumbers(ea, eb); c != 0 {
		return c
	}
	ua, ra := revision(a)
	ub, rb := revision(b)
	if c := compareParts(ua, ub); c != 0 {
		return c
	}
	return compareParts(ra, rb)
}

func epoch(v string) (string, string) {
	if e, rest, ok := strings.Cut(v, ":"); ok && e != "" && strings.Trim(e, "0123456789") == "" {
		return e, rest
	}
	return "0", v
}

func revision(v string) (upstream, rev string) {
	if i := strings.LastIndexByte(v, '-'); i >= 0 {
		return v[:i], v[i+1:]
	}
	return v, ""
}

func compareParts(a, b string) int {
	for a != "" || b != "" {
		i, j := 0, 0
		for i < len(a) && !digit(a[i]) || j < len(b) && !digit(b[j]) {
			x, y := order(a, i), order(b, j)
			if x != y {
				return x - y
			}
			if i < len(a) && !digit(a[i]) {
				i++
			}
			if j < len(b) && !digit(b[j]) {
				j++
			}
		}
		a, b = a[i:], b[j:]
		i, j = 0, 0
		for i < len(a) && digit(a[i]) {
			i++
		}
		for j < len(b) && digit(b[j]) {
			j++
		}
		if c := compareNumbers(a[:i], b[:j]); c != 0 {
			return c
		}
		a, b = a[i:], b[j:]
	}
	return 0
}

func digit(c byte) bool { return c >= '0' && c <= '9' }

// order of a byte outside numbers: tilde, end or digit, letters, the rest.
func order(s string, i int) int {
	if i >= len(s) || digit(s[i]) {
		return 0
	}
	c := s[i]
	switch {
	case c == '~':
		return -1
	case c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z':
		return int(c)
	}
	return int(c) + 256
}

// compareNumbers compares digits of any length; an empty text is zero.
func compareNumbers(a, b string) int {
	a, b = strings.TrimLeft(a, "0"), strings.TrimLeft(b, "0")
	if len(a) != len(b) {
		return len(a) - len(b)
	}
	return strings.Compare(a, b)
}
