package archtest

import (
	"fmt"
	"os"
	"path"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// webImport finds what a TypeScript file imports, static or dynamic.
var webImport = regexp.MustCompile(`(?:\bfrom\s*|\bimport\s*\(?\s*)['"]([^'"]+)['"]`)

// webRoom is the wing and module of a file below web/src/modules, else empty.
func webRoom(p string) string {
	rest, ok := strings.CutPrefix(p, "web/src/modules/")
	parts := strings.Split(rest, "/")
	if !ok || len(parts) < 2 {
		return ""
	}
	return parts[0] + "/" + strings.TrimSuffix(strings.TrimSuffix(parts[1], ".tsx"), ".ts")
}

// webTarget resolves an import of a file to a path in the repository; empty for a package.
func webTarget(from, imp string) string {
	switch {
	case strings.HasPrefix(imp, "."):
		return path.Join(path.Dir(from), imp)
	case strings.HasPrefix(imp, "@/"), strings.HasPrefix(imp, "~/"):
		return "web/src/" + imp[2:]
	}
	return ""
}

// webForbidden says why from may not import imp, with what to do instead; empty when it may.
func webForbidden(from, imp string) string {
	to := webRoom(webTarget(from, imp))
	own := webRoom(from)
	switch {
	case to == "" || to == own:
		return ""
	case own != "":
		return "Modules of the web interface do not import each other. Link to the other's URL, or move what both need to web/src/ui or web/src/lib."
	case strings.HasPrefix(from, "web/src/ui/"), strings.HasPrefix(from, "web/src/lib/"):
		return "Shared parts of the web interface know no module. Pass what is needed as a property."
	}
	return ""
}

func TestWebModulesDoNotImportModules(t *testing.T) {
	t.Parallel()
	var broken []string
	require.NoError(t, walk(repoRoot, func(p, full string) error {
		if !isWebSource(p) || strings.HasSuffix(p, ".css") {
			return nil
		}
		src, err := os.ReadFile(full)
		for _, m := range webImport.FindAllStringSubmatch(string(src), -1) {
			if why := webForbidden(p, m[1]); why != "" {
				broken = append(broken, fmt.Sprintf("%s imports %s. %s", p, m[1], why))
			}
		}
		return err
	}))
	report(t, broken)
}

func TestWebLawRefuses(t *testing.T) {
	t.Parallel()
	src := "import { a } from '../alert/list';\nconst b = lazy(() => import(\"@/modules/desk/request\"));\nimport './x.css';\n"
	var got []string
	for _, m := range webImport.FindAllStringSubmatch(src, -1) {
		got = append(got, m[1])
	}
	require.Equal(t, []string{"../alert/list", "@/modules/desk/request", "./x.css"}, got)

	incident := "web/src/modules/respond/incident/page.tsx"
	for imp, allowed := range map[string]bool{
		"../alert/list": false, "@/modules/desk/request": false, "./parts": true, "../../../ui/table": true, "react": true,
	} {
		require.Equal(t, allowed, webForbidden(incident, imp) == "", imp)
	}
	require.NotEmpty(t, webForbidden("web/src/ui/table.tsx", "../modules/respond/incident/page"))
	require.Empty(t, webForbidden("web/src/modules.ts", "./modules/respond/incident"))
}
