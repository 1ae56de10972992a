package strict

import (
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// DidYouMean ends a message about an unknown word: the nearest known one if it is
// near, else the list of all when it is short.
func DidYouMean(word string, known []string) string {
	best, dist := "", 3
	for _, k := range known {
		if d := distance(strings.ToLower(word), k); d < dist && d < len(k) {
			best, dist = k, d
		}
	}
	if best != "" {
		return "; did you mean " + best + "?"
	}
	if len(known) > 0 && len(known) <= 30 {
		return "; known are " + strings.Join(known, ", ")
	}
	return ""
}

// distance is the Levenshtein distance of two short words.
func distance(a, b string) int {
	if len(a) > 64 || len(b) > 64 {
		return 64
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		prev := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			cur := min(row[j+1]+1, row[j]+1, prev+cost)
			prev, row[j+1] = row[j+1], cur
		}
	}
	return row[len(b)]
}

// LineOf finds the line of the value at a path such as "http.status[0]" below n;
// the line of the deepest node that is there.
func LineOf(n *yaml.Node, path string) int {
	for _, part := range strings.FieldsFunc(path, func(r rune) bool { return r == '.' || r == '[' || r == ']' }) {
		if n.Kind == yaml.AliasNode {
			n = n.Alias
		}
		var next *yaml.Node
		switch n.Kind {
		case yaml.MappingNode:
			for i := 0; i+1 < len(n.Content); i += 2 {
				if n.Content[i].Value == part {
					next = n.Content[i+1]
				}
			}
		case yaml.SequenceNode:
			if i, err := strconv.Atoi(part); err == nil && i >= 0 && i < len(n.Content) {
				next = n.Content[i]
			}
		}
		if next == nil {
			return n.Line
		}
		n = next
	}
	return n.Line
}
