package search_test

import (
	"io/fs"
	"strings"
)

// first shows only the first migration.
type first struct{ fs.FS }

func (f first) Glob(pattern string) ([]string, error) {
	all, err := fs.Glob(f.FS, pattern)
	var out []string
	for _, n := range all {
		if strings.Contains(n, "0001_") {
			out = append(out, n)
		}
	}
	return out, err
}
