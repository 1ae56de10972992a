package signal

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
)

// Protocol is a way in that senders already speak. An adapter registers one.
type Protocol struct {
	// Name is the path below /ingest/ and the protocol in Source: "loki".
	Name string
	// Title is for people: "Loki push".
	Title string
	// HTTP makes the handler for what stands behind /ingest/<name>; nil when the
	// protocol has none. The path of the request begins behind that prefix. The body
	// is decompressed and limited already (Body gives it whole), and the sender is
	// known: see From. A request without a valid token never comes here.
	HTTP func(env Env) http.Handler
	// Listeners are its own ports.
	Listeners []Listener
	// Alerts reads the alerts of a request, for protocols that bring them; a payload can
	// be tried with it.
	Alerts AlertReader
}

// Listener is a port of a protocol that is not HTTP, or not under /ingest/.
type Listener struct {
	// Port is its name in the listen block of the configuration (config.Ports).
	Port string
	// Network is "udp", "tcp" or "tls" (tcp with the certificate of the server).
	Network string
	// Packets serves a udp port until ctx ends. It is given several sockets of the
	// same address where the system can share one.
	Packets func(ctx context.Context, env Env, conns []net.PacketConn) error
	// Stream serves a tcp or tls port until ctx ends.
	Stream func(ctx context.Context, env Env, ln net.Listener) error
}

// Env is what a protocol is lent.
type Env struct {
	Sinks
	Logger *slog.Logger
	// Admit says whether an address may send without proving who it is, and under
	// which name; for listeners.
	Admit func(protocol string, addr net.Addr) (Source, bool)
	// Token says who a token is, for protocols that carry one outside of HTTP headers;
	// nil when it is not valid or may not send.
	Token func(ctx context.Context, protocol, token string, addr net.Addr) (Source, bool)
	// Malformed counts a message that could not be read, with the reason.
	Malformed func(from Source, why string)
	// Dropped counts what an adapter leaves out of a message that it could read
	// otherwise: exemplars, values that are not numbers. reason is one or two words
	// of a short list.
	Dropped func(from Source, reason string, n int)
}

var (
	protocolsMu sync.RWMutex
	protocols   []Protocol
)

// Register adds a protocol. It panics when two have one name; call it from init.
func Register(p Protocol) {
	protocolsMu.Lock()
	defer protocolsMu.Unlock()
	if slices.ContainsFunc(protocols, func(q Protocol) bool { return q.Name == p.Name }) {
		panic(fmt.Sprintf("signal: two protocols are called %s", p.Name))
	}
	protocols = append(protocols, p)
}

// Protocols are all that were registered, by name.
func Protocols() []Protocol {
	protocolsMu.RLock()
	defer protocolsMu.RUnlock()
	out := slices.Clone(protocols)
	slices.SortFunc(out, func(a, b Protocol) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// MaxBody is the largest body that Body reads, in bytes.
const MaxBody = 64 << 20

// Body gives the whole body of a request. The bytes belong to the request: they are
// used again when the handler has returned. The error is errs.TooLarge.
func Body(r *http.Request) ([]byte, error) {
	if b, ok := r.Body.(interface{ Plain() []byte }); ok {
		return b.Plain(), nil
	}
	b, err := io.ReadAll(io.LimitReader(r.Body, MaxBody+1))
	if err != nil {
		return nil, errs.Wrap(errs.Invalid, err, "The body of the request broke off.")
	}
	if len(b) > MaxBody {
		return nil, errs.New(errs.TooLarge, "The body is larger than %d MiB. Send smaller batches.", MaxBody>>20)
	}
	return b, nil
}

type sourceKey struct{}

// With keeps the sender of a request in ctx.
func With(ctx context.Context, s Source) context.Context {
	return context.WithValue(ctx, sourceKey{}, s)
}

// From gives the sender of a request; ok is false when nobody set it.
func From(ctx context.Context) (s Source, ok bool) {
	s, ok = ctx.Value(sourceKey{}).(Source)
	return s, ok
}
