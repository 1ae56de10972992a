package search

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

const (
	maxQueryWords = 8
	maxWord       = 64 // bytes
	maxWords      = 6000
)

// fold writes text in lower case and without accents, so that both databases
// compare the same letters.
func fold(s string) string {
	var b strings.Builder
	b.Grow(len(s))
	for _, r := range norm.NFKD.String(strings.ToValidUTF8(s, " ")) {
		if !unicode.Is(unicode.Mn, r) {
			b.WriteRune(unicode.ToLower(r))
		}
	}
	return b.String()
}

// words cuts text at everything that is neither letter nor digit: "SN-4711" is
// found by sn, by 4711 and by SN-4711. The databases have rules of their own
// (PostgreSQL reads -4711 as a number), so the text is cut before it is stored and
// before it is asked for.
func words(s string, most int) []string {
	ws := strings.FieldsFunc(fold(s), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	if len(ws) > most {
		ws = ws[:most]
	}
	for i, w := range ws {
		if len(w) > maxWord {
			ws[i] = strings.ToValidUTF8(w[:maxWord], "")
		}
	}
	return ws
}

// stored is the text of a column as it is indexed.
func stored(s string) string { return strings.Join(words(s, maxWords), " ") }
