package archtest

import (
	"fmt"
	"go/ast"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// maxWingLines caps a wing package as a whole: it is a vocabulary, not a place for code.
// The wing with the most modules, observe, needs about 700.
const maxWingLines = 1200

// notInContract are packages that turn a contract into an implementation.
var notInContract = []string{
	"net/http", "database/sql", "github.com/jackc/pgx", "modernc.org/sqlite",
	"github.com/riverqueue/river",
}

// nameOnly are packages of which a contract may use a few names, for the shape of
// its types: a transaction handed through an interface, a type's own JSON schema.
var nameOnly = []struct {
	path, pkg string
	allowed   *regexp.Regexp
}{
	{"github.com/uptrace/bun", "bun", regexp.MustCompile(`^IDB$`)},
	{"github.com/danielgtaylor/huma/v2", "huma", regexp.MustCompile(`^(Schema|Registry|SchemaProvider|Type[A-Z]\w*)$`)},
}

func TestWingPackagesAreContracts(t *testing.T) {
	t.Parallel()
	var broken []string
	lines := map[string]int{}
	for _, f := range sources(t) {
		if roomOf(f.pkg).kind != "wing" {
			continue
		}
		lines[f.pkg] += f.lines
		broken = append(broken, contractFindings(f)...)
	}
	for pkg, n := range lines {
		if n > maxWingLines {
			broken = append(broken, fmt.Sprintf("%s has %d lines, more than %d. Move code into its modules and keep types, events and small interfaces.", pkg, n, maxWingLines))
		}
	}
	report(t, broken)
}

// contractFindings says what in a wing package's file is code rather than contract.
func contractFindings(f goFile) []string {
	var out []string
	for _, imp := range f.imports() {
		for _, bad := range notInContract {
			if imp == bad || strings.HasPrefix(imp, bad+"/") {
				out = append(out, fmt.Sprintf("%s imports %s. A wing package has no SQL and no HTTP; do this in a module.", f.path, imp))
			}
		}
		for _, only := range nameOnly {
			if strings.HasPrefix(imp, only.path+"/") {
				out = append(out, fmt.Sprintf("%s imports %s. A wing package has no SQL and no HTTP; do this in a module.", f.path, imp))
			}
		}
	}
	ast.Inspect(f.ast, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GoStmt:
			out = append(out, fmt.Sprintf("%s starts a goroutine. A wing package has no behavior of its own; do this in a module.", f.fset.Position(n.Pos())))
		case *ast.SelectorExpr:
			id, ok := n.X.(*ast.Ident)
			if !ok {
				return true
			}
			for _, only := range nameOnly {
				if id.Name == only.pkg && slices.Contains(f.imports(), only.path) && !only.allowed.MatchString(n.Sel.Name) {
					out = append(out, fmt.Sprintf("%s uses %s.%s. A wing package may use only %s of it; do this in a module.", f.fset.Position(n.Pos()), only.pkg, n.Sel.Name, only.allowed))
				}
			}
		}
		return true
	})
	return out
}

func TestContractFindingsSeeCode(t *testing.T) {
	t.Parallel()
	f, err := parseFile("internal/respond/bad.go", "testdata/contract_bad.go.txt")
	require.NoError(t, err)
	found := strings.Join(contractFindings(f), "\n")
	require.Contains(t, found, "imports net/http")
	require.Contains(t, found, "starts a goroutine")
	require.Contains(t, found, "uses bun.DB")
	require.NotContains(t, found, "uses bun.IDB")
}
