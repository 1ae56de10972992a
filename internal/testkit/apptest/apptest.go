// Package apptest starts a real server inside a test.
package apptest

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	_ "github.com/mainstay-ops/mainstay/internal/adapter/all" // the probes
	"github.com/mainstay-ops/mainstay/internal/app"
	"github.com/mainstay-ops/mainstay/internal/core/config"
	"github.com/mainstay-ops/mainstay/internal/testkit"
)

// Token is the admin token of a server under test.
const Token = "test-token-0123456789abcdef0123456789abcdef"

// Server is a running server with a client.
type Server struct {
	*app.App
	URL string
	Dir string
	t   testing.TB
}

// Start starts a server on a free port with an empty SQLite database, or with
// what change makes of the configuration. It stops with the test.
func Start(t testing.TB, change ...func(*config.Config)) *Server {
	t.Helper()
	cfg := config.Default()
	cfg.Listen.HTTP, cfg.Data, cfg.Discovery.Host = "127.0.0.1:0", t.TempDir(), false
	for _, f := range change {
		f(&cfg)
	}
	a, err := app.New(t.Context(), app.Options{Config: cfg, Version: "test", Logger: testkit.Logger(t), BootstrapToken: Token})
	require.NoError(t, err)
	t.Cleanup(func() { a.Stop(context.Background()) })
	require.NoError(t, a.Start(t.Context()))
	return &Server{App: a, URL: "http://" + a.Address(), Dir: cfg.Data, t: t}
}

// Do sends a request as the administrator, or with another token when one is
// given ("-" sends none), and gives the status and the body.
func (s *Server) Do(method, path string, body any, token ...string) (int, []byte) {
	s.t.Helper()
	var r io.Reader
	contentType := "application/json"
	switch b := body.(type) {
	case nil:
	case string:
		r, contentType = strings.NewReader(b), "application/yaml"
	default:
		j, err := json.Marshal(b)
		require.NoError(s.t, err)
		r = bytes.NewReader(j)
	}
	req, err := http.NewRequestWithContext(s.t.Context(), method, s.URL+path, r)
	require.NoError(s.t, err)
	tok := Token
	if len(token) > 0 {
		tok = token[0]
	}
	if tok != "-" {
		req.Header.Set("Authorization", "Bearer "+tok)
	}
	if r != nil {
		req.Header.Set("Content-Type", contentType)
	}
	client := http.Client{Timeout: 30 * time.Second}
	res, err := client.Do(req)
	require.NoError(s.t, err)
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	require.NoError(s.t, err)
	return res.StatusCode, b
}

// Get reads a path into out and fails the test when it is refused.
func (s *Server) Get(path string, out any) {
	s.t.Helper()
	st, b := s.Do("GET", path, nil)
	require.Equal(s.t, 200, st, "GET %s: %s", path, b)
	require.NoError(s.t, json.Unmarshal(b, out))
}

// Apply applies an ops.yaml.
func (s *Server) Apply(yaml string) {
	s.t.Helper()
	st, b := s.Do("POST", "/api/v1/apply", yaml)
	require.Equal(s.t, 200, st, "apply: %s", b)
}

// TokenFor makes a token with a role.
func (s *Server) TokenFor(role string) string {
	s.t.Helper()
	st, b := s.Do("POST", "/api/v1/tokens", map[string]any{"name": role + time.Now().Format("150405.000000000"), "role": role})
	require.Equal(s.t, 201, st, "token: %s", b)
	var out struct{ Token string }
	require.NoError(s.t, json.Unmarshal(b, &out))
	return out.Token
}

// Around gives a client for a server that the test started itself.
func Around(t testing.TB, a *app.App) *Server {
	return &Server{App: a, URL: "http://" + a.Address(), t: t}
}
