package httpapi

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/id"
)

// CookieName is the session cookie.
const CookieName = "mainstay_session"

// Identify tells who a credential belongs to.
type Identify interface {
	BySession(ctx context.Context, value string) (*access.Principal, error)
	ByToken(ctx context.Context, value string) (*access.Principal, error)
}

type reqKey struct{}

// RequestID gives the id of the request in ctx.
func RequestID(ctx context.Context) string {
	s, _ := ctx.Value(reqKey{}).(string)
	return s
}

// ClientAddress is the peer's IP address. Forwarding headers are not believed.
func ClientAddress(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

type statusWriter struct {
	http.ResponseWriter
	status int
	wrote  bool
}

func (w *statusWriter) WriteHeader(s int) {
	if !w.wrote {
		w.status, w.wrote = s, true
	}
	w.ResponseWriter.WriteHeader(s)
}

func (w *statusWriter) Write(b []byte) (int, error) {
	w.wrote = true
	return w.ResponseWriter.Write(b)
}

func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// Wrap puts around h: a request id, recovery from panics, protection against
// cross-site requests, authentication, and one log line for what failed.
func Wrap(h http.Handler, who Identify, logger *slog.Logger) http.Handler {
	logger = logger.With("component", "http")
	cross := http.NewCrossOriginProtection()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		reqID := id.New()
		start := time.Now()
		sw := &statusWriter{ResponseWriter: w, status: http.StatusOK}
		w.Header().Set("X-Request-Id", reqID)
		w.Header().Set("X-Content-Type-Options", "nosniff")
		ctx := context.WithValue(r.Context(), reqKey{}, reqID)
		defer func() {
			if v := recover(); v != nil {
				if v == http.ErrAbortHandler { //nolint:errorlint // a panic value, passed on as it is
					panic(v)
				}
				logger.Error("a handler panicked", "request_id", reqID, "method", r.Method, "path", logged(r.URL.Path), "panic", v, "stack", string(debug.Stack()))
				if !sw.wrote {
					WriteProblem(sw, errs.New(errs.Internal, "Something went wrong inside Mainstay. The details are in its log under %s.", reqID))
				}
			}
			if sw.status >= 500 {
				logger.Warn("request", "request_id", reqID, "method", r.Method, "path", logged(r.URL.Path), "status", sw.status, "duration_ms", time.Since(start).Milliseconds())
			}
		}()
		if isAPI(r.URL.Path) {
			w.Header().Set("Cache-Control", "no-store")
			p, err := authenticate(ctx, who, cross, r)
			if err != nil {
				// A credential that does not hold is refused, except where none is needed:
				// signing in again must work with an old cookie.
				if !errs.Is(err, errs.Unauthorized) {
					WriteProblem(sw, err)
					return
				}
			}
			ctx = access.With(ctx, p)
		}
		h.ServeHTTP(sw, r.WithContext(ctx))
	})
}

// logged is the path as the log may show it: the rest of an acknowledge link is a
// credential.
func logged(path string) string {
	for _, prefix := range []string{"/ack/", "/api/v1/ack/"} {
		if strings.HasPrefix(path, prefix) {
			return prefix + "…"
		}
	}
	return path
}

func isAPI(path string) bool {
	return strings.HasPrefix(path, "/api/") || strings.HasPrefix(path, "/prometheus/") || strings.HasPrefix(path, "/ingest/") || path == "/metrics"
}

// StillIdentified tells whether the credential of a request holds now. Streams
// ask again and again: a session may end while one is open.
func StillIdentified(r *http.Request, who Identify) bool {
	p, err := authenticate(r.Context(), who, http.NewCrossOriginProtection(), r)
	return err == nil && p != nil
}

func authenticate(ctx context.Context, who Identify, cross *http.CrossOriginProtection, r *http.Request) (*access.Principal, error) {
	if h := r.Header.Get("Authorization"); h != "" {
		value, ok := strings.CutPrefix(h, "Bearer ")
		if !ok || value == "" {
			return nil, errs.New(errs.Unauthorized, "The Authorization header must be \"Bearer\" and a token.")
		}
		p, err := who.ByToken(ctx, value)
		return p, err
	}
	c, err := r.Cookie(CookieName)
	if err != nil || c.Value == "" {
		return nil, nil
	}
	// A cookie is sent by the browser on its own, so a changing request must come
	// from our own pages.
	if err := cross.Check(r); err != nil {
		return nil, errs.New(errs.Forbidden, "This request came from another site and was refused.")
	}
	return who.BySession(ctx, c.Value)
}
