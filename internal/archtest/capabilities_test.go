package archtest

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
)

// rows of docs/capabilities.md: a letter for the area and how many it has.
var rows = []struct {
	area  string
	count int
}{{"M", 7}, {"O", 11}, {"D", 8}, {"R", 7}, {"S", 5}, {"G", 8}, {"T", 6}, {"K", 3}, {"P", 6}}

// TestCapabilitiesAreAllAnswered keeps the page honest: every row is there once
// and says something.
func TestCapabilitiesAreAllAnswered(t *testing.T) {
	t.Parallel()
	src, err := os.ReadFile(filepath.Join(repoRoot, "docs", "capabilities.md"))
	require.NoError(t, err)
	for _, r := range rows {
		for n := 1; n <= r.count; n++ {
			id := fmt.Sprintf("%s%d", r.area, n)
			row := regexp.MustCompile(`(?m)^\| ` + id + ` \| [^|]+ \| [^|]{4,} \|$`)
			require.Len(t, row.FindAllString(string(src), -1), 1, "docs/capabilities.md needs exactly one line for %s that says what there is now", id)
		}
	}
}
