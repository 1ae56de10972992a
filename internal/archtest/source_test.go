package archtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// modulePath is the Go module path; import paths below it are ours.
const modulePath = "github.com/mainstay-ops/mainstay"

// goFile is one parsed Go file of the repository, tests left out.
type goFile struct {
	path      string // from the root of the repository, with slashes
	pkg       string // directory of path
	ast       *ast.File
	fset      *token.FileSet
	lines     int
	generated bool
}

// imports lists the import paths of the file.
func (f goFile) imports() []string {
	var out []string
	for _, spec := range f.ast.Imports {
		p, err := strconv.Unquote(spec.Path.Value)
		if err == nil {
			out = append(out, p)
		}
	}
	return out
}

// source parses the repository once for all tests.
var source = sync.OnceValues(func() ([]goFile, error) { return parseTree(repoRoot) })

// repoRoot is the root of the repository as seen from this package.
const repoRoot = "../.."

// sources gives the Go files of the repository without tests.
func sources(t *testing.T) []goFile {
	t.Helper()
	files, err := source()
	require.NoError(t, err)
	require.NotEmpty(t, files, "no Go files found; the tests would prove nothing")
	return files
}

// parseTree reads every Go file below root that is not a test, whatever its build tags.
func parseTree(root string) ([]goFile, error) {
	var out []goFile
	err := walk(root, func(path string, full string) error {
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		f, err := parseFile(path, full)
		if err != nil {
			return err
		}
		out = append(out, f)
		return nil
	})
	return out, err
}

func parseFile(path, full string) (goFile, error) {
	src, err := os.ReadFile(full)
	if err != nil {
		return goFile{}, err
	}
	fset := token.NewFileSet()
	parsed, err := parser.ParseFile(fset, path, src, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return goFile{}, err
	}
	return goFile{
		path: path, pkg: dir(path), ast: parsed, fset: fset,
		lines:     strings.Count(string(src), "\n"),
		generated: ast.IsGenerated(parsed),
	}, nil
}

// dir is the directory of a slash path.
func dir(path string) string {
	if i := strings.LastIndexByte(path, '/'); i >= 0 {
		return path[:i]
	}
	return "."
}

// skipDirs hold nothing that we wrote.
var skipDirs = map[string]bool{
	".git": true, "node_modules": true, "bin": true, "dist": true, "testdata": true, ".cache": true, ".shots": true,
}

// walk visits the files below root that belong to the repository.
func walk(root string, visit func(path, full string) error) error {
	return filepath.WalkDir(root, func(full string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, full)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		if d.IsDir() {
			if skipDirs[d.Name()] || rel == "data" {
				return filepath.SkipDir
			}
			return nil
		}
		return visit(rel, full)
	})
}
