package webui

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/fstest"

	"github.com/andybalholm/brotli"
	"github.com/stretchr/testify/require"
)

func built() fstest.MapFS {
	file := func(s string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(s)} }
	return fstest.MapFS{
		"index.html.br":         file(packed("<html>")),
		"assets/app-1a2b.js.br": file(packed("script")),
		"assets/inter.woff2":    file("font"),
		"favicon.svg":           file("<svg>"),
		".keep":                 file(""),
		".vite/manifest.json":   file("{}"),
	}
}

func packed(s string) string {
	var b bytes.Buffer
	w := brotli.NewWriter(&b)
	_, _ = w.Write([]byte(s))
	_ = w.Close()
	return b.String()
}

func get(t *testing.T, files fstest.MapFS, method, target, encoding string) *http.Response {
	t.Helper()
	r := httptest.NewRequest(method, target, nil)
	if encoding != "" {
		r.Header.Set("Accept-Encoding", encoding)
	}
	w := httptest.NewRecorder()
	handler(files).ServeHTTP(w, r)
	return w.Result()
}

func body(t *testing.T, r *http.Response) string {
	t.Helper()
	b := make([]byte, 4096)
	n, _ := r.Body.Read(b)
	return string(b[:n])
}

func TestHandlerServes(t *testing.T) {
	t.Parallel()
	const year = "public, max-age=31536000, immutable"
	cases := []struct {
		name, target, accept         string
		status                       int
		body, encoding, cache, ctype string
	}{
		{"start", "/", "", 200, "<html>", "", "no-cache", "text/html; charset=utf-8"},
		{"start packed", "/", "gzip, br", 200, packed("<html>"), "br", "no-cache", "text/html; charset=utf-8"},
		{"page", "/incidents/INC-1", "", 200, "<html>", "", "no-cache", "text/html; charset=utf-8"},
		{"page with a dot", "/items/db.example.org", "", 200, "<html>", "", "no-cache", "text/html; charset=utf-8"},
		{"asset", "/assets/app-1a2b.js", "", 200, "script", "", year, "text/javascript; charset=utf-8"},
		{"asset packed", "/assets/app-1a2b.js", "gzip;q=1, br;q=0.5", 200, packed("script"), "br", year, "text/javascript; charset=utf-8"},
		{"asset, br refused", "/assets/app-1a2b.js", "br;q=0", 200, "script", "", year, "text/javascript; charset=utf-8"},
		{"asset never packed", "/assets/inter.woff2", "br", 200, "font", "", year, "font/woff2"},
		{"file", "/favicon.svg", "br", 200, "<svg>", "", "no-cache", "image/svg+xml"},
		{"asset that is gone", "/assets/app-0000.js", "", 404, "404 page not found\n", "", "", ""},
		{"file that is not there", "/robots.txt", "", 404, "404 page not found\n", "", "", ""},
		{"unknown API path", "/api/v1/nothing", "", 404, "404 page not found\n", "", "", ""},
		{"unknown query path", "/prometheus/nothing", "", 404, "404 page not found\n", "", "", ""},
		{"placeholder", "/.keep", "", 404, "404 page not found\n", "", "", ""},
		{"climbing out", "/assets/../../embed.go", "", 404, "404 page not found\n", "", "", ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := get(t, built(), http.MethodGet, c.target, c.accept)
			require.Equal(t, c.status, r.StatusCode)
			require.Equal(t, c.body, body(t, r))
			require.Equal(t, c.encoding, r.Header.Get("Content-Encoding"))
			require.Contains(t, r.Header.Get("Content-Security-Policy"), "default-src 'self'; style-src 'self' 'unsafe-inline'; worker-src 'self' blob:; img-src 'self' data:; frame-ancestors 'none'")
			require.Equal(t, "nosniff", r.Header.Get("X-Content-Type-Options"))
			require.Equal(t, "same-origin", r.Header.Get("Referrer-Policy"))
			if c.status == 200 {
				require.Equal(t, c.cache, r.Header.Get("Cache-Control"))
				require.Equal(t, c.ctype, r.Header.Get("Content-Type"))
				require.Equal(t, "Accept-Encoding", r.Header.Get("Vary"))
			}
		})
	}
}

func TestHandlerWithoutUI(t *testing.T) {
	t.Parallel()
	r := get(t, fstest.MapFS{".keep": {}}, http.MethodGet, "/checks", "br")
	require.Equal(t, http.StatusServiceUnavailable, r.StatusCode)
	require.Equal(t, "The web UI was not built. Run make build.\n", body(t, r))
}

func TestHandlerMethods(t *testing.T) {
	t.Parallel()
	r := get(t, built(), http.MethodPost, "/", "")
	require.Equal(t, http.StatusMethodNotAllowed, r.StatusCode)
	r = get(t, built(), http.MethodHead, "/", "")
	require.Equal(t, http.StatusOK, r.StatusCode)
	require.Equal(t, "6", r.Header.Get("Content-Length"))
	require.Empty(t, body(t, r))
}

func TestEmbedded(t *testing.T) {
	t.Parallel()
	w := httptest.NewRecorder()
	Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	require.Contains(t, []int{http.StatusOK, http.StatusServiceUnavailable}, w.Code)
}

// Browsers ask for gzip, not brotli, over plain HTTP.
func TestGzipIsMade(t *testing.T) {
	t.Parallel()
	files := built()
	for range 2 {
		r := get(t, files, http.MethodGet, "/assets/app-1a2b.js", "gzip, deflate")
		require.Equal(t, "gzip", r.Header.Get("Content-Encoding"))
		z, err := gzip.NewReader(r.Body)
		require.NoError(t, err)
		b, err := io.ReadAll(z)
		require.NoError(t, err)
		require.Equal(t, "script", string(b))
	}
	files["assets/app-1a2b.js.br"].Data = []byte("broken")
	require.Equal(t, http.StatusNotFound, get(t, files, http.MethodGet, "/assets/app-1a2b.js", "gzip").StatusCode)
	require.Equal(t, http.StatusNotFound, get(t, files, http.MethodGet, "/assets/app-1a2b.js", "").StatusCode)
}
