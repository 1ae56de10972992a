package filter

import (
	"slices"
	"strings"

	"github.com/mainstay-ops/mainstay/internal/core/packet"
)

// Suggestion is a field that could stand at a place of a filter.
type Suggestion struct {
	Name  string `json:"name"`
	Label string `json:"label"`
	Kind  string `json:"kind"`
}

// Complete gives fields for the word that ends at a place of a filter that is
// being written, at most so many: first those that begin like it.
func Complete(src string, at, most int) []Suggestion {
	at = min(max(at, 0), len(src))
	from := at
	for from > 0 && wordAt(src[from-1:at], 0, false) > 0 {
		from--
	}
	word := strings.ToLower(src[from:at])
	if word == "" {
		return nil
	}
	var first, second []Suggestion
	for _, d := range packet.Defs() {
		s := Suggestion{d.Name, d.Label, d.Kind.String()}
		switch {
		case strings.HasPrefix(strings.ToLower(d.Name), word):
			first = append(first, s)
		case strings.Contains(strings.ToLower(d.Name), word) || strings.Contains(strings.ToLower(d.Label), word):
			second = append(second, s)
		}
	}
	out := slices.Concat(first, second)
	return out[:min(len(out), most)]
}

// nearest says which field may have been meant.
func nearest(name string) string {
	best, most := "", 0
	for _, d := range packet.Defs() {
		n := 0
		for n < len(d.Name) && n < len(name) && d.Name[n] == name[n] {
			n++
		}
		if n > most || n == most && best != "" && abs(len(d.Name)-len(name)) < abs(len(best)-len(name)) {
			best, most = d.Name, n
		}
	}
	if most < 3 {
		return ""
	}
	return "; did you mean " + best + "?"
}

func abs(n int) int { return max(n, -n) }
