package testkit

import (
	"os"
	"path/filepath"
	"testing"
)

// Shared is a directory of the recorded data that lies next to the repository,
// in ../shared/data. Without it a test is skipped, and fails in CI.
func Shared(t testing.TB, name string) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		at := filepath.Join(filepath.Dir(dir), "shared", "data", name)
		if s, err := os.Stat(at); err == nil && s.IsDir() {
			return at
		}
		up := filepath.Dir(dir)
		if up == dir {
			break
		}
		dir = up
	}
	Missing(t, "there is no recorded data: ../shared/data/"+name+" is missing")
	return ""
}
