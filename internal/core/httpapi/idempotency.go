package httpapi

import (
	"bytes"
	"crypto/sha256"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
)

const (
	idempotencyKeep  = 10 * time.Minute
	idempotencyMax   = 4096
	idempotencyBytes = 64 << 10
)

// idempotency remembers the answers to POST requests that carry an
// Idempotency-Key, per principal, for ten minutes in memory. A repeat gets the
// first answer; the same key with another request is refused.
type idempotency struct {
	mu sync.Mutex
	m  map[[32]byte]*answer
}

type answer struct {
	// request is the digest of address and body.
	request [32]byte
	at      time.Time
	done    chan struct{}
	status  int
	headers http.Header
	body    []byte
}

func newIdempotency() *idempotency { return &idempotency{m: map[[32]byte]*answer{}} }

func (s *idempotency) middleware(ctx huma.Context, next func(huma.Context)) {
	key := ctx.Header("Idempotency-Key")
	p := access.From(ctx.Context())
	if key == "" || p == nil {
		next(ctx)
		return
	}
	body, whole, err := readBody(ctx)
	if err != nil || !whole {
		// Too large, or broken off: the operation refuses it and nothing is kept.
		next(&replayed{humaContext: ctx, body: body})
		return
	}
	u := ctx.URL()
	request := sha256.Sum256(append([]byte(u.Path+"?"+u.RawQuery+"\x00"), body.Bytes()...))
	k := sha256.Sum256([]byte(p.Kind + "\x00" + p.ID + "\x00" + key))
	s.mu.Lock()
	a, seen := s.m[k]
	if seen && time.Since(a.at) > idempotencyKeep {
		seen = false
	}
	if !seen {
		s.prune()
		a = &answer{request: request, at: time.Now(), done: make(chan struct{})}
		s.m[k] = a
	}
	s.mu.Unlock()
	if seen {
		select {
		case <-a.done:
		case <-ctx.Context().Done():
			return
		}
		if a.request != request || a.status == 0 {
			ctx.SetHeader("Content-Type", problemType)
			ctx.SetStatus(http.StatusConflict)
			_ = writeJSON(ctx.BodyWriter(), toProblem(errs.New(errs.Conflict, "This Idempotency-Key was used for another request. Use a new one.")))
			return
		}
		for h, vs := range a.headers {
			for _, v := range vs {
				ctx.SetHeader(h, v)
			}
		}
		ctx.SetHeader("Idempotent-Replay", "true")
		ctx.SetStatus(a.status)
		_, _ = ctx.BodyWriter().Write(a.body)
		return
	}
	rec := &recorder{humaContext: &replayed{humaContext: ctx, body: body}, a: a}
	defer func() {
		s.mu.Lock()
		// What failed inside, or is too large to keep, may be tried again.
		if a.status == 0 || a.status >= 500 || rec.over {
			delete(s.m, k)
		}
		s.mu.Unlock()
		close(a.done)
	}()
	next(rec)
}

// readBody reads the body as far as the operation allows, and one byte more; whole
// is false when that was not all of it.
func readBody(ctx huma.Context) (b *bytes.Buffer, whole bool, err error) {
	limit := ctx.Operation().MaxBodyBytes
	b = &bytes.Buffer{}
	n, err := b.ReadFrom(io.LimitReader(ctx.BodyReader(), limit+1))
	return b, n <= limit, err
}

// replayed gives a body that was read before.
type replayed struct {
	humaContext
	body io.Reader
}

func (r *replayed) BodyReader() io.Reader { return io.MultiReader(r.body, r.humaContext.BodyReader()) }

func (s *idempotency) prune() {
	if len(s.m) < idempotencyMax {
		return
	}
	for k, a := range s.m {
		if time.Since(a.at) > idempotencyKeep {
			delete(s.m, k)
		}
	}
	for k := range s.m {
		if len(s.m) < idempotencyMax {
			return
		}
		delete(s.m, k)
	}
}

// humaContext names the embedded field, which would otherwise hide the method Context.
type humaContext = huma.Context

type recorder struct {
	humaContext
	a    *answer
	over bool
}

func (r *recorder) SetStatus(code int) { r.a.status = code; r.humaContext.SetStatus(code) }

func (r *recorder) SetHeader(name, value string) {
	if r.a.headers == nil {
		r.a.headers = http.Header{}
	}
	r.a.headers.Set(name, value)
	r.humaContext.SetHeader(name, value)
}

func (r *recorder) BodyWriter() io.Writer { return &tee{r: r, w: r.humaContext.BodyWriter()} }

type tee struct {
	r *recorder
	w io.Writer
}

func (t *tee) Write(b []byte) (int, error) {
	if len(t.r.a.body)+len(b) > idempotencyBytes {
		t.r.over = true
	} else {
		t.r.a.body = append(bytes.Clone(t.r.a.body), b...)
	}
	return t.w.Write(b)
}
