package sweep

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"html"
	"io"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
	"unicode"
)

// Service is a port that takes connections, and what answered there.
type Service struct {
	Port int `json:"port"`
	// Speaks is http, https, tls, ssh, smtp, ftp, imap, pop3 or empty.
	Speaks string `json:"speaks,omitempty"`
	// Banner is the first line that a service says by itself.
	Banner string `json:"banner,omitempty"`
	// Title is that of the page at /, Server the header of that name.
	Title  string       `json:"title,omitempty"`
	Server string       `json:"server,omitempty"`
	Cert   *Certificate `json:"certificate,omitempty"`
}

// Certificate is what a TLS handshake showed. It was not judged.
type Certificate struct {
	Subject  string    `json:"subject"`
	Issuer   string    `json:"issuer"`
	Names    []string  `json:"names"`
	NotAfter time.Time `json:"not_after"`
}

// DefaultPorts are tried when a job names none.
func DefaultPorts() []int {
	return []int{21, 22, 23, 25, 53, 80, 110, 135, 143, 389, 443, 445, 631, 3306, 3389, 5432, 6379, 8080, 8443, 9100}
}

const (
	greetingWait = 700 * time.Millisecond
	maxLine      = 200
	maxPage      = 64 << 10
)

// greets are ports whose service speaks first; secure those that begin with TLS;
// web those that speak HTTP. Others are only connected to.
var (
	greets = []int{21, 22, 25, 110, 143, 587, 2222}
	secure = []int{443, 465, 636, 853, 993, 995, 4443, 5986, 8443, 9443, 10443}
	web    = []int{80, 631, 3000, 5000, 5985, 8000, 8008, 8080, 8081, 8888, 9090, 9091}
)

// ports connects to the ports of the plan. It tells whether the address is there: a
// refusal shows that too.
func (s *Sweep) ports(ctx context.Context, h *Host) bool {
	var mu sync.Mutex
	var wg sync.WaitGroup
	there := false
	for _, p := range s.plan.Ports {
		select {
		case s.dials <- struct{}{}:
		case <-ctx.Done():
			wg.Wait()
			return there
		}
		wg.Go(func() {
			defer func() { <-s.dials }()
			sv, open, refused := s.port(ctx, h, p)
			mu.Lock()
			defer mu.Unlock()
			there = there || open || refused
			if open {
				h.Services = append(h.Services, sv)
			}
		})
	}
	wg.Wait()
	slices.SortFunc(h.Services, func(a, b Service) int { return a.Port - b.Port })
	return there
}

func (s *Sweep) dial(ctx context.Context, address string) (net.Conn, error) {
	if err := s.paced(ctx); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, dialLimit)
	defer cancel()
	return s.net.Dial(ctx, "tcp", address)
}

func (s *Sweep) port(ctx context.Context, h *Host, port int) (sv Service, open, refused bool) {
	address := net.JoinHostPort(h.Address.String(), strconv.Itoa(port))
	c, err := s.dial(ctx, address)
	if err != nil {
		return sv, false, errors.Is(err, syscall.ECONNREFUSED)
	}
	defer c.Close()
	sv.Port = port
	_ = c.SetDeadline(time.Now().Add(4 * dialLimit))
	switch {
	case slices.Contains(greets, port):
		sv.greeting(c)
	case slices.Contains(secure, port):
		sv.handshake(ctx, c, h.Name)
		if sv.Cert != nil && sv.Speaks == "https" {
			s.page(ctx, &sv, "https://"+address+"/")
		}
	case slices.Contains(web, port):
		_ = c.Close()
		s.page(ctx, &sv, "http://"+address+"/")
	}
	return sv, true, false
}

// greeting reads what a service says first.
func (sv *Service) greeting(c net.Conn) {
	_ = c.SetReadDeadline(time.Now().Add(greetingWait))
	line, err := bufio.NewReaderSize(c, 512).ReadSlice('\n')
	if len(line) == 0 && err != nil {
		return
	}
	sv.Banner = oneLine(string(line))
	switch l := sv.Banner; {
	case strings.HasPrefix(l, "SSH-"):
		sv.Speaks = "ssh"
	case strings.HasPrefix(l, "220") && strings.Contains(strings.ToUpper(l), "FTP"):
		sv.Speaks = "ftp"
	case strings.HasPrefix(l, "220"):
		sv.Speaks = "smtp"
	case strings.HasPrefix(l, "* OK"):
		sv.Speaks = "imap"
	case strings.HasPrefix(l, "+OK"):
		sv.Speaks = "pop3"
	}
}

// handshake looks at the certificate without judging it; also when the server then
// wants one of ours and hangs up.
func (sv *Service) handshake(ctx context.Context, c net.Conn, name string) {
	keep := func(raw [][]byte, _ [][]*x509.Certificate) error {
		if len(raw) == 0 {
			return nil
		}
		if p, err := x509.ParseCertificate(raw[0]); err == nil {
			sv.Speaks = "tls"
			sv.Cert = &Certificate{Subject: oneLine(p.Subject.String()), Issuer: oneLine(p.Issuer.String()), Names: certNames(p), NotAfter: p.NotAfter.UTC()}
		}
		return nil
	}
	t := tls.Client(c, &tls.Config{ServerName: name, InsecureSkipVerify: true, MinVersion: tls.VersionTLS10, NextProtos: []string{"http/1.1"}, VerifyPeerCertificate: keep})
	if err := t.HandshakeContext(ctx); err != nil {
		return
	}
	sv.Speaks = "tls"
	if t.ConnectionState().NegotiatedProtocol == "http/1.1" || slices.Contains([]int{443, 8443, 4443, 9443, 10443}, sv.Port) {
		sv.Speaks = "https"
	}
}

func certNames(c *x509.Certificate) []string {
	out := []string{}
	for _, n := range c.DNSNames {
		if n = oneLine(n); n != "" && len(out) < 20 {
			out = append(out, n)
		}
	}
	return out
}

var titleTag = regexp.MustCompile(`(?is)<title[^>]*>(.*?)</title>`)

// page reads the title of a web page. Redirects are not followed: they may lead
// elsewhere.
func (s *Sweep) page(ctx context.Context, sv *Service, url string) {
	ctx, cancel := context.WithTimeout(ctx, 4*dialLimit)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return
	}
	req.Header.Set("User-Agent", "Mainstay discovery")
	tr := &http.Transport{
		DisableKeepAlives: true, MaxResponseHeaderBytes: 16 << 10,
		DialContext:     func(ctx context.Context, _, address string) (net.Conn, error) { return s.dial(ctx, address) },
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS10},
	}
	defer tr.CloseIdleConnections()
	res, err := tr.RoundTrip(req)
	if err != nil {
		return
	}
	defer res.Body.Close()
	if sv.Speaks == "" {
		sv.Speaks = "http"
	}
	sv.Server = oneLine(res.Header.Get("Server"))
	body, _ := io.ReadAll(io.LimitReader(res.Body, maxPage))
	if m := titleTag.FindSubmatch(body); m != nil {
		sv.Title = oneLine(html.UnescapeString(string(m[1])))
	}
}

// oneLine makes text of others fit to show: valid, short, one line.
func oneLine(s string) string {
	s = strings.Map(func(r rune) rune {
		if r == unicode.ReplacementChar || unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, " "))
	s = strings.Join(strings.Fields(s), " ")
	if len(s) > maxLine {
		s = strings.ToValidUTF8(s[:maxLine], "") + "…"
	}
	return s
}

// String is a short form for people: "443 https nginx".
func (sv Service) String() string {
	return strings.TrimSpace(fmt.Sprintf("%d %s", sv.Port, sv.Speaks))
}
