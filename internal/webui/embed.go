// Package webui serves the web UI that is built into the binary.
package webui

import (
	"bytes"
	"embed"
	"errors"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strconv"
	"strings"
)

//go:embed all:dist
var embedded embed.FS

// notBuilt is what a binary without a UI answers.
const notBuilt = "The web UI was not built. Run make build."

// contentPolicy forbids what the UI does not need. The widget library writes
// style elements, hence unsafe-inline for styles; scripts are files only.
const contentPolicy = "default-src 'self'; style-src 'self' 'unsafe-inline'; worker-src 'self' blob:; " +
	"img-src 'self' data:; frame-ancestors 'none'; base-uri 'self'; form-action 'self'; object-src 'none'"

// types are fixed here, because the table of the machine may be wrong or empty.
var types = map[string]string{
	".html":  "text/html; charset=utf-8",
	".js":    "text/javascript; charset=utf-8",
	".css":   "text/css; charset=utf-8",
	".svg":   "image/svg+xml",
	".json":  "application/json",
	".woff2": "font/woff2",
}

// Handler serves the embedded UI: files as they are, index.html for every page of
// the UI. Paths below /api/ and /prometheus/ are never pages.
func Handler() http.Handler {
	sub, err := fs.Sub(embedded, "dist")
	if err != nil {
		panic(err) // "dist" is a constant and embedded above
	}
	return handler(sub)
}

func handler(files fs.FS) http.Handler {
	st := &store{files: files, made: map[string][]byte{}}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		secure(w.Header())
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "Only GET is possible here.", http.StatusMethodNotAllowed)
			return
		}
		name := strings.TrimPrefix(path.Clean("/"+r.URL.Path), "/")
		if name == "" || isPage(name) {
			name = "index.html"
		}
		serve(w, r, st, name)
	})
}

// secure sets the headers that hold for everything the UI is made of.
func secure(h http.Header) {
	h.Set("Content-Security-Policy", contentPolicy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
}

// isPage tells whether the path is one that the router of the UI knows better than
// we do: no file, and not of the API. The last part of a page may hold a dot
// (/items/host.example.org), so only the folders of files are excluded.
func isPage(name string) bool {
	first, _, nested := strings.Cut(name, "/")
	if first == "api" || first == "prometheus" || first == "assets" {
		return false
	}
	return nested || path.Ext(name) == ""
}

func serve(w http.ResponseWriter, r *http.Request, st *store, name string) {
	if name == ".keep" || strings.HasPrefix(name, ".vite") {
		http.NotFound(w, r)
		return
	}
	h := w.Header()
	h.Add("Vary", "Accept-Encoding")
	body, encoding, err := st.get(name, r.Header.Get("Accept-Encoding"))
	if err != nil {
		if name == "index.html" && errors.Is(err, fs.ErrNotExist) {
			h.Set("Cache-Control", "no-store")
			http.Error(w, notBuilt, http.StatusServiceUnavailable)
			return
		}
		http.NotFound(w, r)
		return
	}
	if encoding != "" {
		h.Set("Content-Encoding", encoding)
	}
	h.Set("Content-Type", contentType(name))
	if strings.HasPrefix(name, "assets/") {
		// Their names hold a hash of their content.
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	} else {
		h.Set("Cache-Control", "no-cache")
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	if r.Method == http.MethodHead {
		return
	}
	// A browser that went away is no error of ours.
	_, _ = bytes.NewReader(body).WriteTo(w)
}

func contentType(name string) string {
	ext := path.Ext(name)
	if t, ok := types[ext]; ok {
		return t
	}
	if t := mime.TypeByExtension(ext); t != "" {
		return t
	}
	return "application/octet-stream"
}
