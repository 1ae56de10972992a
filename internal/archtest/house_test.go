package archtest

import (
	"bytes"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// maxFileLines caps a file that a person wrote. A larger one has two subjects.
const maxFileLines = 500

func TestFilesStaySmall(t *testing.T) {
	t.Parallel()
	var broken []string
	for _, f := range sources(t) {
		if !f.generated && f.lines > maxFileLines {
			broken = append(broken, tooLong(f.path, f.lines))
		}
	}
	require.NoError(t, walk(repoRoot, func(path, full string) error {
		if !isWebSource(path) {
			return nil
		}
		src, err := os.ReadFile(full)
		if n := bytes.Count(src, []byte("\n")); n > maxFileLines {
			broken = append(broken, tooLong(path, n))
		}
		return err
	}))
	report(t, broken)
}

func tooLong(path string, n int) string {
	return fmt.Sprintf("%s has %d lines, more than %d. Split it by subject.", path, n, maxFileLines)
}

// isWebSource tells whether path is a TypeScript or CSS file of the UI that a person wrote.
func isWebSource(path string) bool {
	if !strings.HasPrefix(path, "web/src/") || strings.HasPrefix(path, "web/src/gen/") || strings.HasSuffix(path, ".d.ts") || strings.Contains(path, ".test.") {
		return false
	}
	return strings.HasSuffix(path, ".ts") || strings.HasSuffix(path, ".tsx") || strings.HasSuffix(path, ".css")
}

func TestPackagesSayWhatTheyAre(t *testing.T) {
	t.Parallel()
	said := map[string]bool{}
	for _, f := range sources(t) {
		said[f.pkg] = said[f.pkg] || (f.ast.Doc != nil && strings.TrimSpace(f.ast.Doc.Text()) != "")
	}
	var broken []string
	for pkg, ok := range said {
		if !ok {
			broken = append(broken, pkg+" has no package comment. Say in doc.go what it is, its nouns and what it never does.")
		}
	}
	report(t, broken)
}

// vagueNames say nothing about what is inside.
var vagueNames = []string{"util", "utils", "common", "helper", "helpers", "misc", "models", "shared"}

func TestPackageNamesAreNouns(t *testing.T) {
	t.Parallel()
	var broken []string
	for _, f := range sources(t) {
		if slices.Contains(vagueNames, f.ast.Name.Name) {
			broken = append(broken, f.pkg+" has a name that says nothing. Name it after the thing it holds.")
		}
	}
	report(t, broken)
}

// marks of work that is not finished; spelled in parts so that this file has none.
var marks = regexp.MustCompile(`TO` + `DO|FIX` + `ME|XX` + `X:|not imple` + `mented|coming ` + `soon|[Ll]orem ` + `ipsum`)

func TestNothingIsHalfDone(t *testing.T) {
	t.Parallel()
	require.True(t, marks.MatchString("// TO"+"DO: later"))
	var broken []string
	require.NoError(t, walk(repoRoot, func(path, full string) error {
		if !slices.ContainsFunc([]string{".go", ".ts", ".tsx"}, func(e string) bool { return strings.HasSuffix(path, e) }) {
			return nil
		}
		src, err := os.ReadFile(full)
		for i, line := range strings.Split(string(src), "\n") {
			if m := marks.FindString(line); m != "" {
				broken = append(broken, fmt.Sprintf("%s:%d says %q. Finish it, or leave it out and open an issue.", path, i+1, m))
			}
		}
		return err
	}))
	report(t, broken)
}

// TestEverythingIsWired finds modules and adapters that nobody starts.
func TestEverythingIsWired(t *testing.T) {
	t.Parallel()
	imported := map[string]bool{}
	parts := map[string]string{} // package -> file that has to import it
	for _, f := range sources(t) {
		r := roomOf(f.pkg)
		if r.kind == "app" || r.kind == "all" {
			for _, imp := range f.imports() {
				imported[strings.TrimPrefix(imp, modulePath+"/")] = true
			}
		}
		if r.kind == "module" && strings.Count(f.pkg, "/") == 2 && strings.HasSuffix(f.path, "/module.go") {
			parts[f.pkg] = "internal/app/modules.go"
		}
		if r.kind == "adapter" && strings.Count(f.pkg, "/") == 3 {
			parts[f.pkg] = "internal/adapter/all"
		}
	}
	var broken []string
	for pkg, where := range parts {
		if !imported[pkg] {
			broken = append(broken, fmt.Sprintf("%s is never started. Import it in %s.", pkg, where))
		}
	}
	report(t, broken)
}
