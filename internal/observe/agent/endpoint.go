package agent

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"sync"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
)

// endpoint is the agents' own TLS port.
type endpoint struct {
	s      *Service
	addr   string
	chosen bool

	mu       sync.Mutex
	listener net.Listener
	err      error
	server   *http.Server
	cancel   context.CancelFunc
	wg       sync.WaitGroup
}

// retryListen is how often a port that was taken is tried again.
const retryListen = 5 * time.Second

// start opens the port. A port that somebody chose and that cannot be opened is an
// error; the one that follows from listen is tried again, and told as a problem.
func (e *endpoint) start(ctx context.Context) error {
	if e.addr == "" {
		return nil
	}
	ctx, e.cancel = context.WithCancel(context.WithoutCancel(ctx))
	e.server = &http.Server{
		Handler: e.s.agentHandler(), ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 2 * time.Minute, WriteTimeout: 2 * time.Minute, IdleTimeout: 3 * time.Minute,
		MaxHeaderBytes: 16 << 10, TLSConfig: e.s.ServerTLS("h2", "http/1.1"), ErrorLog: slog.NewLogLogger(e.s.d.Logger.Handler(), slog.LevelDebug),
	}
	if err := e.open(); err != nil {
		if e.chosen {
			return errs.Wrap(errs.Unavailable, err, "Cannot listen for agents on %s. Is another program using it? Choose another address with agents.listen, or off.", e.addr)
		}
		e.s.d.Logger.Warn("the port for agents cannot be opened; it is tried again", "address", e.addr, "error", err)
	}
	e.wg.Add(1)
	go func() { defer e.wg.Done(); e.serve(ctx) }()
	return nil
}

func (e *endpoint) open() error {
	l, err := net.Listen("tcp", e.addr)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.listener, e.err = l, err
	return err
}

func (e *endpoint) serve(ctx context.Context) {
	for ctx.Err() == nil {
		e.mu.Lock()
		l := e.listener
		e.mu.Unlock()
		if l == nil {
			select {
			case <-ctx.Done():
				return
			case <-time.After(retryListen):
				_ = e.open()
			}
			continue
		}
		err := e.server.ServeTLS(l, "", "")
		if errors.Is(err, http.ErrServerClosed) {
			return
		}
		e.s.d.Logger.Error("the port for agents closed", "error", err)
		e.mu.Lock()
		e.listener, e.err = nil, err
		e.mu.Unlock()
	}
}

func (e *endpoint) stop(ctx context.Context) {
	if e.cancel == nil {
		return
	}
	e.cancel()
	soft, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	if err := e.server.Shutdown(soft); err != nil {
		_ = e.server.Close()
	}
	e.wg.Wait()
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.listener != nil {
		_ = e.listener.Close()
	}
}

// problem is told by /readyz.
func (e *endpoint) problem() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.err != nil {
		return errs.Wrap(errs.Unavailable, e.err, "The port for agents, %s, cannot be opened. Choose another with agents.listen, or off.", e.addr)
	}
	return nil
}

// ServerTLS implements observe.Enrolment: it asks every client for a certificate of one
// of our authorities. Both are looked up at each handshake, so that a new authority
// counts at once.
func (s *Service) ServerTLS(protocols ...string) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS13, NextProtos: protocols, SessionTicketsDisabled: true, ClientAuth: tls.RequireAndVerifyClientCert,
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
			cert, err := s.ca.serverCertificate(s.now(), s.hosts())
			if err != nil {
				return nil, err
			}
			return &tls.Config{
				MinVersion: tls.VersionTLS13, NextProtos: protocols, SessionTicketsDisabled: true,
				Certificates: []tls.Certificate{*cert}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: s.ca.pool(), Time: s.now,
			}, nil
		},
	}
}

// url is where agents reach the port; empty when there is none.
func (e *endpoint) url() string {
	if u := e.s.d.Config.Agents.PublicURL; u != "" {
		return u
	}
	e.mu.Lock()
	l := e.listener
	e.mu.Unlock()
	if l == nil {
		return ""
	}
	host := "127.0.0.1"
	if u, err := url.Parse(e.s.d.Config.PublicURL); err == nil && u.Hostname() != "" {
		host = u.Hostname()
	}
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return "https://" + net.JoinHostPort(host, port)
}

// hosts are the names and addresses that the server's certificate is good for.
func (s *Service) hosts() []string {
	seen := map[string]bool{}
	var out []string
	add := func(h string) {
		if h != "" && !seen[h] {
			seen[h] = true
			out = append(out, h)
		}
	}
	for _, u := range []string{s.d.Config.Agents.PublicURL, s.d.Config.Edges.PublicURL, s.d.Config.PublicURL} {
		if p, err := url.Parse(u); err == nil {
			add(p.Hostname())
		}
	}
	add("localhost")
	add("127.0.0.1")
	add("::1")
	if h, err := os.Hostname(); err == nil {
		add(h)
	}
	if as, err := net.InterfaceAddrs(); err == nil {
		for _, a := range as {
			if n, ok := a.(*net.IPNet); ok && !n.IP.IsLinkLocalUnicast() && len(out) < 100 {
				add(n.IP.String())
			}
		}
	}
	return out
}

// peer gives the id in the certificate of a request.
func peer(r *http.Request) (*x509.Certificate, bool) {
	if r.TLS == nil || len(r.TLS.VerifiedChains) == 0 {
		return nil, false
	}
	c := r.TLS.VerifiedChains[0][0]
	return c, c.Subject.CommonName != ""
}
