package testkit

import (
	"os"
	"path/filepath"
	"testing"
)

// Data is a folder of the real data that lies in ../shared/data next to the checkout.
// A test without it is skipped, but not in CI.
func Data(t testing.TB, parts ...string) string {
	t.Helper()
	name := filepath.Join(parts...)
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for dir != filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			for _, up := range []string{"..", "../.."} {
				at := filepath.Join(dir, up, "shared", "data", name)
				if _, err := os.Stat(at); err == nil {
					return at
				}
			}
		}
		dir = filepath.Dir(dir)
	}
	Missing(t, "the data is not there: ../shared/data/"+name+" is missing")
	return ""
}
