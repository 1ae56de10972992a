package testkit

import (
	"os"
	"path/filepath"
	"testing"
)

// Shared gives the directory ../shared/data/<name>, next to the checkout, with data that
// is not part of the repository. A test without it is skipped, but not in CI.
func Shared(t testing.TB, name string) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			for _, up := range []string{"..", "../.."} {
				at := filepath.Join(dir, up, "shared", "data", name)
				if _, err := os.Stat(at); err == nil {
					return at
				}
			}
		}
		next := filepath.Dir(dir)
		if next == dir {
			break
		}
		dir = next
	}
	Missing(t, "../shared/data/"+name+" is missing")
	return ""
}
