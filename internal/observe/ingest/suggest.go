package ingest

import "strings"

// suggest says what something unknown may be: an item whose name is much like it, or
// a new one.
func suggest(u *Unknown, names []string) *Suggestion {
	want := strings.ToLower(u.Value)
	short, _, _ := strings.Cut(want, ".")
	best, score := "", 0.0
	for _, n := range names {
		low := strings.ToLower(n)
		own, _, _ := strings.Cut(low, ".")
		v := max(likeness(want, low), 0.97*likeness(short, own))
		if v > score {
			best, score = n, v
		}
	}
	if score >= 0.75 {
		return &Suggestion{Item: best, Reason: "Its name is much like " + best + "."}
	}
	kind, what := "host", "host"
	switch u.Hint {
	case byService:
		kind, what = "application", "application"
	case byItem:
		kind, what = "service", "service"
	}
	name := u.Value
	if u.Hint == byMachine {
		return &Suggestion{Reason: "It names itself only by the id of its machine. Bind it to the item that it is."}
	}
	return &Suggestion{Create: name, Kind: kind, Reason: "No item has such a name. Create it as " + article(what) + " " + what + "."}
}

func article(word string) string {
	if strings.ContainsRune("aeiou", rune(word[0])) {
		return "an"
	}
	return "a"
}

// likeness is 1 for equal words and 0 for those that share nothing: one less the
// edit distance by the length of the longer (Levenshtein 1966).
func likeness(a, b string) float64 {
	if len(a) < len(b) {
		a, b = b, a
	}
	if len(a) == 0 {
		return 0
	}
	if len(a) > maxHint || float64(len(b)) < 0.7*float64(len(a)) {
		return 0
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		diagonal := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := diagonal
			if a[i-1] != b[j-1] {
				cost++
			}
			diagonal = row[j]
			row[j] = min(cost, row[j]+1, row[j-1]+1)
		}
	}
	// Numbers tell hosts apart: web-1 is not web-2.
	if digits(a) != digits(b) {
		return 0
	}
	return 1 - float64(row[len(b)])/float64(len(a))
}

func digits(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, s)
}
