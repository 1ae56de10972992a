package discovery

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"strings"
	"time"
)

// finding is what a listener turned out to be.
type finding struct {
	// Speaks is http, https, tls, ssh, smtp, ftp, pop3, imap, redis, postgres, mysql
	// or empty.
	Speaks string
	Banner string
	Cert   *certificate
}

type certificate struct {
	Subject  string
	Issuer   string
	Names    []string
	NotAfter time.Time
}

const probeLimit = 2 * time.Second

// byPort are services that are recognized by their port without being asked,
// since a stray question would only fill their logs.
var byPort = map[uint32]string{5432: "postgres", 3306: "mysql", 6379: "redis", 53: "dns", 123: "ntp", 389: "ldap", 161: "snmp", 514: "syslog"}

var byProcess = map[string]string{"postgres": "postgres", "redis-server": "redis", "mysqld": "mysql", "mariadbd": "mysql", "slapd": "ldap"}

// identify asks a TCP listener what it speaks: it listens for a greeting, then
// tries TLS, then plain HTTP. It sends nothing to ports that are known.
func identify(ctx context.Context, l *listener) finding {
	if k := byPort[l.Port]; k != "" {
		return finding{Speaks: k}
	}
	if k := byProcess[l.Process]; k != "" {
		return finding{Speaks: k}
	}
	if l.Protocol != "tcp" {
		return finding{}
	}
	ctx, cancel := context.WithTimeout(ctx, 4*probeLimit)
	defer cancel()
	if l.Own {
		if f, ok := tryTLS(ctx, l.target()); ok {
			return f
		}
		return finding{Speaks: "http"}
	}
	if f, greeted := greeting(ctx, l.target()); greeted {
		return f
	}
	if f, ok := tryTLS(ctx, l.target()); ok {
		return f
	}
	if speaksHTTP(ctx, l.target()) {
		return finding{Speaks: "http"}
	}
	return finding{}
}

func greeting(ctx context.Context, addr string) (finding, bool) {
	d := net.Dialer{Timeout: probeLimit}
	c, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return finding{}, true // not reachable from here: do not try further
	}
	defer c.Close()
	_ = c.SetReadDeadline(time.Now().Add(300 * time.Millisecond))
	line, err := bufio.NewReaderSize(c, 512).ReadString('\n')
	if err != nil && line == "" {
		return finding{}, false
	}
	line = strings.TrimSpace(strings.ToValidUTF8(line, ""))
	f := finding{Banner: line[:min(len(line), 120)]}
	switch {
	case strings.HasPrefix(line, "SSH-"):
		f.Speaks = "ssh"
	case strings.HasPrefix(line, "220") && strings.Contains(strings.ToUpper(line), "FTP"):
		f.Speaks = "ftp"
	case strings.HasPrefix(line, "220"):
		f.Speaks = "smtp"
	case strings.HasPrefix(line, "* OK"):
		f.Speaks = "imap"
	case strings.HasPrefix(line, "+OK"):
		f.Speaks = "pop3"
	}
	return f, true
}

// tryTLS makes a handshake without judging the certificate: the aim is to see it.
func tryTLS(ctx context.Context, addr string) (finding, bool) {
	var f finding
	// The certificate is kept even when the server then asks for one of ours and
	// ends the handshake.
	keep := func(raw [][]byte, _ [][]*x509.Certificate) error {
		if len(raw) == 0 {
			return nil
		}
		if p, err := x509.ParseCertificate(raw[0]); err == nil {
			f.Speaks = "tls"
			f.Cert = &certificate{Subject: p.Subject.String(), Issuer: p.Issuer.String(), Names: p.DNSNames[:min(len(p.DNSNames), 20)], NotAfter: p.NotAfter.UTC()}
		}
		return nil
	}
	d := tls.Dialer{NetDialer: &net.Dialer{Timeout: probeLimit}, Config: &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS10, NextProtos: []string{"http/1.1"}, VerifyPeerCertificate: keep}}
	ctx, cancel := context.WithTimeout(ctx, probeLimit)
	defer cancel()
	c, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return f, f.Cert != nil
	}
	defer c.Close()
	f.Speaks = "tls"
	if tc, ok := c.(*tls.Conn); ok && tc.ConnectionState().NegotiatedProtocol == "http/1.1" {
		f.Speaks = "https"
	}
	return f, true
}

func speaksHTTP(ctx context.Context, addr string) bool {
	ctx, cancel := context.WithTimeout(ctx, probeLimit)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodHead, "http://"+addr+"/", nil)
	if err != nil {
		return false
	}
	req.Header.Set("User-Agent", "Mainstay discovery")
	tr := &http.Transport{DisableKeepAlives: true, ResponseHeaderTimeout: probeLimit, MaxResponseHeaderBytes: 16 << 10}
	defer tr.CloseIdleConnections()
	res, err := tr.RoundTrip(req)
	if err != nil {
		return false
	}
	_ = res.Body.Close()
	return true
}
