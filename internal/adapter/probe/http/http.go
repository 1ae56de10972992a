package http

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/idna"

	"github.com/mainstay-ops/mainstay/internal/adapter/probe/internal/probekit"
	"github.com/mainstay-ops/mainstay/internal/core/netguard"
	"github.com/mainstay-ops/mainstay/internal/observe"
)

// Limits of what is read from a target.
const (
	maxHeader = 64 << 10
	maxBody   = 1 << 20
)

var (
	errHeader = errors.New("the answer's headers are larger than 64 KiB")
	errBody   = fmt.Errorf("the body is larger than %d KiB; only that much is read", maxBody>>10)
)

// probe speaks HTTP/1.1 on a connection of its own for each request: what is
// measured is what a new visitor meets, and no goroutine is needed.
type probe struct {
	cfg     Config
	env     observe.ProbeEnv
	url     *url.URL
	header  http.Header
	regex   *regexp.Regexp
	path    []step
	network string
	dialer  *net.Dialer
	tls     *tls.Config
}

// phases are the parts of a run, summed over redirects.
type phases struct{ dns, connect, tls, ttfb, transfer time.Duration }

// answer is one response with its body read.
type answer struct {
	resp  *http.Response
	body  []byte
	total int64
	cut   bool
	chain []*x509.Certificate
	proto uint16
}

func (p *probe) prepare() {
	p.dialer = netguard.Guard{AllowMetadata: p.env.AllowMetadata}.Dialer(0)
	p.tls = &tls.Config{InsecureSkipVerify: p.cfg.TLSSkipVerify, MinVersion: tls.VersionTLS10, NextProtos: []string{"http/1.1"}}
}

// Run implements observe.Probe.
func (p *probe) Run(ctx context.Context) observe.Result {
	start := time.Now()
	ctx, cancel := p.env.Bound(ctx, p.cfg.Timeout)
	defer cancel()
	buf := bodies.Get().(*bytes.Buffer)
	defer bodies.Put(buf)
	var (
		ph  phases
		ans answer
		err error
		u   = p.url
		hop int
	)
	method, body := p.cfg.Method, p.cfg.Body
	for {
		buf.Reset()
		ans, err = p.ask(ctx, u, method, body, buf, &ph)
		if err != nil {
			r := probekit.Report(start, observe.Critical, "%s: %s", shown(u), netguard.Explain(err))
			r.Measures = ph.measures(nil)
			return r
		}
		next := p.redirect(u, ans.resp)
		if next == nil {
			break
		}
		if hop++; hop > p.cfg.MaxRedirects {
			return probekit.Report(start, observe.Critical, "%s: more than %d redirects", shown(p.url), p.cfg.MaxRedirects)
		}
		if c := ans.resp.StatusCode; c == 303 || c < 303 && method == http.MethodPost {
			if method != http.MethodHead {
				method = http.MethodGet
			}
			body = ""
		}
		u = next
	}
	return p.judge(start, u, hop, &ans, &ph)
}

var bodies = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// redirect gives where an answer points to, nil if it is final.
func (p *probe) redirect(from *url.URL, resp *http.Response) *url.URL {
	switch resp.StatusCode {
	case 301, 302, 303, 307, 308:
	default:
		return nil
	}
	if !p.cfg.FollowRedirects {
		return nil
	}
	next, err := from.Parse(resp.Header.Get("Location"))
	if err != nil || resp.Header.Get("Location") == "" || next.Hostname() == "" || next.Scheme != "http" && next.Scheme != "https" {
		return nil
	}
	return next
}

// ask makes one request on a new connection and reads the answer within the limits.
func (p *probe) ask(ctx context.Context, u *url.URL, method, body string, buf *bytes.Buffer, ph *phases) (answer, error) {
	conn, err := p.connect(ctx, u, ph)
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = conn.Close() }()
	if d, ok := ctx.Deadline(); ok {
		_ = conn.SetDeadline(d)
	}
	defer context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })()
	var a answer
	if t, ok := conn.(*tls.Conn); ok {
		st := t.ConnectionState()
		a.chain, a.proto = st.PeerCertificates, st.Version
	}
	sent := time.Now()
	req := p.request(u, method, body)
	if err := req.Write(conn); err != nil {
		return answer{}, err
	}
	lim := &headerLimit{r: conn, left: maxHeader}
	br := readers.Get().(*bufio.Reader)
	br.Reset(lim)
	defer func() { br.Reset(nil); readers.Put(br) }()
	if _, err := br.Peek(1); err != nil {
		return answer{}, err
	}
	first := time.Now()
	ph.ttfb += first.Sub(sent)
	for range 5 { // informational answers (1xx) may come first
		if a.resp, err = http.ReadResponse(br, req); err != nil { //nolint:bodyclose // the caller closes it
			if lim.left <= 0 { // the parser hides this cause
				err = errHeader
			}
			return answer{}, plain(err)
		}
		if a.resp.StatusCode >= 200 || a.resp.StatusCode == http.StatusSwitchingProtocols {
			break
		}
	}
	// The body has a limit of its own.
	lim.left = maxBody + int64(maxHeader)
	n, err := io.Copy(buf, io.LimitReader(a.resp.Body, maxBody+1))
	ph.transfer += time.Since(first)
	if a.cut = n > maxBody; a.cut {
		buf.Truncate(maxBody)
	} else if err != nil {
		return answer{}, plain(err)
	}
	a.total, a.body = n, buf.Bytes()
	return a, nil
}

var readers = sync.Pool{New: func() any { return bufio.NewReaderSize(nil, 4096) }}

// plain rewords errors of the HTTP parser that quote what the target sent.
func plain(err error) error {
	if s := err.Error(); strings.HasPrefix(s, "malformed") || strings.HasPrefix(s, "invalid") {
		return errors.New("the target does not speak HTTP: " + probekit.Line(s, 120))
	}
	return err
}

func (p *probe) request(u *url.URL, method, body string) *http.Request {
	req := &http.Request{Method: method, URL: u, Host: u.Host, Header: p.header, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Close: true}
	if u != p.url && !strings.EqualFold(u.Host, p.url.Host) {
		// Credentials are for the configured host only.
		req.Header = p.header.Clone()
		for _, h := range []string{"Authorization", "Cookie", "Proxy-Authorization"} {
			req.Header.Del(h)
		}
		for k := range p.cfg.Headers {
			req.Header.Del(k)
		}
	} else if h := p.header.Get("Host"); h != "" {
		req.Host = h
	}
	if body != "" {
		req.Body = io.NopCloser(strings.NewReader(body))
		req.ContentLength = int64(len(body))
	}
	return req
}

// connect resolves, connects and, for https, shakes hands; it fills the phases.
func (p *probe) connect(ctx context.Context, u *url.URL, ph *phases) (net.Conn, error) {
	host, port := u.Hostname(), u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	ascii, err := idna.Lookup.ToASCII(host)
	if err != nil || ascii == "" {
		ascii = host // an address, or a name such as _srv that IDNA refuses
	}
	t0 := time.Now()
	conn, dns, err := netguard.DialTimed(ctx, p.dialer, p.network, ascii, port)
	ph.dns += dns
	ph.connect += time.Since(t0) - dns
	if err != nil || u.Scheme != "https" {
		return conn, err
	}
	cfg := p.tls.Clone()
	cfg.ServerName = ascii
	t1 := time.Now()
	tc := tls.Client(conn, cfg)
	err = tc.HandshakeContext(ctx)
	ph.tls += time.Since(t1)
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	return tc, nil
}

// headerLimit bounds what is read from the connection until it is raised.
type headerLimit struct {
	r    io.Reader
	left int64
}

func (l *headerLimit) Read(b []byte) (int, error) {
	if l.left <= 0 {
		return 0, errHeader
	}
	if int64(len(b)) > l.left {
		b = b[:l.left]
	}
	n, err := l.r.Read(b)
	l.left -= int64(n)
	return n, err
}
