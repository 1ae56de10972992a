package testkit

import (
	"os"
	"path/filepath"
	"testing"
)

// DataEnv names the directory with data sets that tests read and that are not part
// of the repository. Without it they are looked for in ../shared/data beside the
// checkout and one directory further up.
const DataEnv = "MAINSTAY_TEST_DATA"

// Data gives the path of a file or directory of the data sets. Without them the test
// is skipped, but not in CI.
func Data(t testing.TB, name string) string {
	t.Helper()
	var tried []string
	if d := os.Getenv(DataEnv); d != "" {
		tried = append(tried, d)
	}
	if root := checkout(); root != "" {
		tried = append(tried, filepath.Join(root, "..", "shared", "data"), filepath.Join(root, "..", "..", "shared", "data"))
	}
	for _, d := range tried {
		p := filepath.Join(d, filepath.FromSlash(name))
		if _, err := os.Stat(p); err == nil {
			return p
		}
	}
	Missing(t, "there is no data set "+name+": set "+DataEnv)
	return ""
}

// checkout is the root of the repository around the test.
func checkout() string {
	dir, err := os.Getwd()
	if err != nil {
		return ""
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		up := filepath.Dir(dir)
		if up == dir {
			return ""
		}
		dir = up
	}
}
