package edge

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/mainstay-ops/mainstay/internal/agent/identity"
	"github.com/mainstay-ops/mainstay/internal/core/edgewire"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
)

const (
	reconnect  = 2 * time.Second
	readyIn    = 10 * time.Second
	connectIn  = 10 * time.Second
	askTimeout = 60 * time.Second
	// refused is what NATS says of a connection that the server does not want.
	refused = "Authorization Violation"
)

// link is the leaf node: a NATS server inside this process that connects to the one of
// the Mainstay server, and the client that uses it. Nothing listens.
type link struct {
	id   string
	host string
	nats *server.Server
	conn *nats.Conn
	log  *leafLog
}

// openLink starts the leaf node. It connects, and connects again, by itself. told hears
// what the server tells.
func openLink(who *identity.Identity, logger *slog.Logger, told func(word string, body []byte)) (*link, error) {
	u, err := url.Parse(who.URL)
	if err != nil || u.Host == "" {
		return nil, errs.New(errs.Invalid, "The identity of this edge names no server. Enroll it again.")
	}
	l := &link{id: who.AgentID, host: u.Host, log: &leafLog{l: logger}}
	o := &server.Options{
		ServerName: who.AgentID, DontListen: true, NoSigs: true, NoSystemAccount: true, MaxPayload: edgewire.MaxMessage, MaxPending: 2 * edgewire.MaxMessage,
		LeafNode: server.LeafNodeOpts{
			ReconnectInterval: reconnect, DialTimeout: 10 * time.Second,
			Remotes: []*server.RemoteLeafOpts{{URLs: []*url.URL{u}, TLS: true, TLSConfig: who.TLS(), TLSTimeout: 10, TLSHandshakeFirst: true, FirstInfoTimeout: 10 * time.Second, IgnoreDiscoveredServers: true}},
		},
	}
	if l.nats, err = server.NewServer(o); err != nil {
		return nil, err
	}
	l.nats.SetLoggerV2(l.log, false, false, false)
	l.nats.Start()
	if !l.nats.ReadyForConnections(readyIn) {
		l.close()
		return nil, errors.New("the leaf node does not start")
	}
	l.conn, err = nats.Connect("", nats.InProcessServer(l.nats), nats.MaxReconnects(-1), nats.CustomInboxPrefix(edgewire.Subject(l.id, edgewire.Inbox)))
	if err == nil {
		_, err = l.conn.Subscribe(edgewire.Subject(l.id, "told.>"), func(m *nats.Msg) {
			told(strings.TrimPrefix(m.Subject, edgewire.Subject(l.id, "")), m.Data)
		})
	}
	if err != nil {
		l.close()
		return nil, err
	}
	return l, nil
}

func (l *link) close() {
	if l.conn != nil {
		l.conn.Close()
	}
	l.nats.Shutdown()
	l.nats.WaitForShutdown()
}

// connected tells whether the leaf node has its server.
func (l *link) connected() bool { return l.nats.NumLeafNodes() > 0 }

// settled waits until the leaf node has its server, and says why it has none.
func (l *link) settled(ctx context.Context) error {
	end := time.After(connectIn)
	t := time.NewTicker(glance)
	defer t.Stop()
	for !l.connected() {
		if why := l.log.reason(); strings.Contains(why, refused) {
			return errs.New(errs.Forbidden, "The server at %s refuses this edge: it was revoked or deleted there. Enroll it again with a new token and --again.", l.host)
		} else if why != "" {
			return errs.New(errs.Unavailable, "The server at %s cannot be reached: %s.", l.host, why)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-end:
			return errs.New(errs.Unavailable, "The server at %s cannot be reached.", l.host)
		case <-t.C:
		}
	}
	l.log.forget()
	return nil
}

// ask sends a request and decodes the answer into out, unless that is nil. The error
// has the code that the server gave, or errs.Unavailable when it did not answer.
func (l *link) ask(ctx context.Context, word string, header nats.Header, body []byte, out any) error {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	defer l.whileConnected(cancel)()
	m, err := l.conn.RequestMsgWithContext(ctx, &nats.Msg{Subject: edgewire.Subject(l.id, word), Header: header, Data: body})
	if err != nil {
		return errs.Wrap(errs.Unavailable, err, "The server at %s does not answer.", l.host)
	}
	var a edgewire.Answer
	if err := json.Unmarshal(m.Data, &a); err != nil {
		return errs.Wrap(errs.Unavailable, err, "The answer of %s cannot be read.", l.host)
	}
	if a.Code != "" {
		return errs.New(errs.Code(a.Code), "%s", a.Reason)
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(a.Body, out); err != nil {
		return errs.Wrap(errs.Unavailable, err, "The answer of %s cannot be read.", l.host)
	}
	return nil
}

// whileConnected calls cut when the leaf node loses its server: nobody answers then, and
// what was asked is asked again. stop ends the watch.
func (l *link) whileConnected(cut func()) (stop func()) {
	done := make(chan struct{})
	go func() {
		t := time.NewTicker(glance)
		defer t.Stop()
		for {
			select {
			case <-done:
				return
			case <-t.C:
				if !l.connected() {
					cut()
					return
				}
			}
		}
	}()
	return func() { close(done) }
}

// leafLog remembers the last error of the connection: it is the reason why there is no
// answer.
type leafLog struct {
	l    *slog.Logger
	mu   sync.Mutex
	last string
}

// reason is the part of the last error that says why; empty when there was none.
func (n *leafLog) reason() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, begin := range []string{"dial tcp", "x509:", "tls:", "lookup "} {
		if _, rest, ok := strings.Cut(n.last, begin); ok {
			return begin + rest
		}
	}
	return n.last
}

func (n *leafLog) forget() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.last = ""
}

func (n *leafLog) say(level slog.Level, format string, v []any) {
	if n.l.Enabled(context.Background(), level) {
		n.l.Log(context.Background(), level, "nats", "text", fmt.Sprintf(format, v...))
	}
}

// Errorf implements server.Logger.
func (n *leafLog) Errorf(format string, v ...any) {
	text := fmt.Sprintf(format, v...)
	n.mu.Lock()
	n.last = text[:min(len(text), 300)]
	n.mu.Unlock()
	n.say(slog.LevelDebug, "%s", []any{text})
}

// Noticef implements server.Logger.
func (n *leafLog) Noticef(format string, v ...any) { n.say(slog.LevelDebug, format, v) }

// Warnf implements server.Logger.
func (n *leafLog) Warnf(format string, v ...any) { n.say(slog.LevelDebug, format, v) }

// Fatalf implements server.Logger.
func (n *leafLog) Fatalf(format string, v ...any) { n.say(slog.LevelError, format, v) }

// Debugf implements server.Logger.
func (n *leafLog) Debugf(format string, v ...any) { n.say(slog.LevelDebug, format, v) }

// Tracef implements server.Logger.
func (n *leafLog) Tracef(format string, v ...any) { n.say(slog.LevelDebug, format, v) }
