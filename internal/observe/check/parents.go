package check

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/uptrace/bun"
)

// maxDepth bounds how far up parents are followed.
const maxDepth = 256

// circle looks for a way from the parents back to name, in the database, so that
// the checks of one file see each other; "" when there is none.
func circle(ctx context.Context, q bun.IDB, name string, parents []string) (string, error) {
	child := map[string]string{} // parent -> the check that names it
	level := []string{}
	reach := func(from string, names []string) bool {
		for _, n := range names {
			if _, seen := child[n]; !seen {
				child[n] = from
				level = append(level, n)
			}
			if n == name {
				return true
			}
		}
		return false
	}
	found := reach(name, parents)
	for depth := 0; !found && len(level) > 0 && depth < maxDepth; depth++ {
		var rows []struct{ Name, Settings string }
		if err := q.NewRaw("SELECT name, settings FROM checks WHERE name IN (?)", bun.In(level)).Scan(ctx, &rows); err != nil {
			return "", err
		}
		level = nil
		for _, r := range rows {
			var s Settings
			if err := json.Unmarshal([]byte(r.Settings), &s); err != nil {
				return "", err
			}
			if found = reach(r.Name, slices.Concat(s.Parents, s.AnyParent)); found {
				break
			}
		}
	}
	if !found {
		return "", nil
	}
	path := []string{name}
	for n := child[name]; n != name; n = child[n] {
		path = append(path, n)
	}
	path = append(path, name)
	slices.Reverse(path)
	return strings.Join(path, " → "), nil
}
