package app_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"
	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/testkit/apptest"
)

var pathParam = regexp.MustCompile(`\{([^}]+)\}`)

func operations(doc *huma.OpenAPI) map[string]*huma.Operation {
	out := map[string]*huma.Operation{}
	for path, item := range doc.Paths {
		for method, op := range map[string]*huma.Operation{"GET": item.Get, "POST": item.Post, "PUT": item.Put, "PATCH": item.Patch, "DELETE": item.Delete} {
			if op != nil {
				out[method+" "+path] = op
			}
		}
	}
	return out
}

// Every parameter in a path must be read by the operation: an input struct that
// embeds an unexported type would lose it without a word.
func TestPathParametersAreDescribed(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	for route, op := range operations(s.API().OpenAPI()) {
		for _, m := range pathParam.FindAllStringSubmatch(route, -1) {
			found := false
			for _, p := range op.Parameters {
				found = found || p.In == "path" && p.Name == m[1]
			}
			require.True(t, found, "%s does not read {%s}; is its input struct embedded from an unexported type?", route, m[1])
		}
	}
}

// Nobody, a role below the one needed, and the right role, on every route.
func TestEveryRouteRefuses(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	viewer := s.TokenFor("viewer")
	perms := s.API().Permissions()
	ops := operations(s.API().OpenAPI())
	require.Greater(t, len(ops), 20)
	for route, op := range ops {
		method, path, _ := strings.Cut(route, " ")
		path = pathParam.ReplaceAllString(path, "1")
		var body any
		if method != "GET" && method != "DELETE" {
			body = map[string]any{}
		}
		need := perms[op.OperationID]
		if need == "" {
			continue // public; each has tests of its own
		}
		st, _ := s.Do(method, path, body, "-")
		require.Equal(t, 401, st, "nobody: %s", route)
		st, _ = s.Do(method, path, body, "mst_not-a-token-at-all-0000000000")
		require.Equal(t, 401, st, "bad token: %s", route)
		// Operations called ask-… are questions that need a body and change nothing.
		if method != "GET" && !strings.HasPrefix(op.OperationID, "ask-") {
			st, b := s.Do(method, path, body, viewer)
			require.Contains(t, []int{403, 404}, st, "viewer: %s needs %s: %s", route, need, b)
		}
	}
}

func TestEveryPermissionIsDeclared(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	var out struct{ Permissions []string }
	s.Get("/api/v1/session", &out)
	for id, need := range s.API().Permissions() {
		if need != "" {
			require.Contains(t, out.Permissions, need, "operation %s needs a permission that no module declares, or that an administrator lacks", id)
		}
	}
}
