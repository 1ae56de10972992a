package signal

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
)

// Protocol is a way in that senders already speak. An adapter registers one.
type Protocol struct {
	// Name is the path below /ingest/ and the protocol in Source: "loki".
	Name string
	// Title is for people: "Loki push".
	Title string
	// HTTP makes the handler for what stands behind /ingest/<name>; nil when the
	// protocol has none. The path of the request begins behind that prefix. The body
	// is decompressed and limited already, and the sender is known: see From.
	HTTP func(env Env) http.Handler
	// Listeners are its own ports.
	Listeners []Listener
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
