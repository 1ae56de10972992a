package email

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/smtp"
	"net/textproto"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/netguard"
	"github.com/mainstay-ops/mainstay/internal/respond"
)

// deliver hands one message to the server within the deadline of ctx. An answer
// of the 5xx class (RFC 5321, section 4.2.1) is permanent.
func deliver(ctx context.Context, s respond.MailServer, from, to string, msg []byte) error {
	port := s.Port
	if port == 0 {
		port = map[string]int{"tls": 465}[s.TLS]
		if port == 0 {
			port = 587
		}
	}
	address := net.JoinHostPort(s.Host, strconv.Itoa(port))
	conn, err := netguard.Guard{}.Dialer(0).DialContext(ctx, "tcp", address)
	if err != nil {
		return fmt.Errorf("cannot connect to %s: %w", address, err)
	}
	defer func() { _ = conn.Close() }()
	if end, ok := ctx.Deadline(); ok {
		if err := conn.SetDeadline(end); err != nil {
			return err
		}
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	// The answers of a server are lines; one that streams garbage is cut here.
	limited := &limitConn{Conn: conn, left: 256 << 10}
	c, err := open(limited, s)
	if err != nil {
		return classify(err)
	}
	defer func() { _ = c.Close() }()
	if err := transfer(c, s, from, to, msg); err != nil {
		return classify(err)
	}
	// The message was taken; how the server says goodbye does not matter.
	_ = c.Quit()
	return nil
}

func open(conn net.Conn, s respond.MailServer) (*smtp.Client, error) {
	// An opportunistic connection without a password is encrypted as well as the
	// server can; a forged certificate is no worse than the plain text it replaces.
	// Whenever a password is sent or TLS is demanded, the certificate must hold.
	cfg := &tls.Config{ServerName: s.Host, MinVersion: tls.VersionTLS12, InsecureSkipVerify: s.TLS == "" && s.Password == ""} //nolint:gosec // see above
	if s.TLS == "tls" {
		conn = tls.Client(conn, cfg)
	}
	c, err := smtp.NewClient(conn, s.Host)
	if err != nil {
		return nil, err
	}
	if name, err := os.Hostname(); err == nil && !strings.ContainsAny(name, " \r\n") && name != "" {
		if err := c.Hello(name); err != nil {
			return nil, err
		}
	}
	if s.TLS == "" || s.TLS == "starttls" {
		switch offered, _ := c.Extension("STARTTLS"); {
		case offered:
			if err := c.StartTLS(cfg); err != nil {
				return nil, fmt.Errorf("STARTTLS failed: %w", err)
			}
		case s.TLS == "starttls":
			return nil, respond.Permanent(errors.New("the server does not offer STARTTLS, which the settings demand"))
		}
	}
	return c, nil
}

func transfer(c *smtp.Client, s respond.MailServer, from, to string, msg []byte) error {
	if s.Username != "" {
		if err := authenticate(c, s); err != nil {
			return err
		}
	}
	if err := c.Mail(from); err != nil {
		return err
	}
	if err := c.Rcpt(to); err != nil {
		return err
	}
	w, err := c.Data()
	if err != nil {
		return err
	}
	if _, err := w.Write(msg); err != nil {
		return err
	}
	return w.Close()
}

func authenticate(c *smtp.Client, s respond.MailServer) error {
	_, encrypted := c.TLSConnectionState()
	if !encrypted && !loopback(s.Host) {
		return respond.Permanent(errors.New("the connection is not encrypted, so the password was not sent; use tls: starttls or tls: tls"))
	}
	_, mechanisms := c.Extension("AUTH")
	offered := strings.Fields(strings.ToUpper(mechanisms))
	for _, m := range offered {
		switch m {
		case "PLAIN":
			return c.Auth(plain{s.Username, s.Password})
		case "LOGIN":
			return c.Auth(&login{user: s.Username, password: s.Password})
		}
	}
	return respond.Permanent(errors.New("the server offers neither PLAIN nor LOGIN for signing in"))
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// plain is the mechanism of RFC 4616; authenticate has looked at the connection.
type plain struct{ user, password string }

func (p plain) Start(*smtp.ServerInfo) (string, []byte, error) {
	return "PLAIN", []byte("\x00" + p.user + "\x00" + p.password), nil
}

func (p plain) Next(_ []byte, more bool) ([]byte, error) {
	if more {
		return nil, errors.New("the server asked for more than PLAIN has")
	}
	return nil, nil
}

// login is the older mechanism that some large providers offer alone: the server
// asks for the name, then for the password.
type login struct {
	user, password string
	step           int
}

func (l *login) Start(*smtp.ServerInfo) (string, []byte, error) { return "LOGIN", nil, nil }

func (l *login) Next(_ []byte, more bool) ([]byte, error) {
	if !more {
		return nil, nil
	}
	l.step++
	switch l.step {
	case 1:
		return []byte(l.user), nil
	case 2:
		return []byte(l.password), nil
	}
	return nil, errors.New("the server asked for more than LOGIN has")
}

func classify(err error) error {
	var t *textproto.Error
	if !errors.As(err, &t) {
		return err
	}
	err = fmt.Errorf("the mail server answered %d %s", t.Code, t.Msg)
	if t.Code >= 500 && t.Code < 600 {
		return respond.Permanent(err)
	}
	return err
}

// limitConn ends with an error after so many bytes were read.
type limitConn struct {
	net.Conn
	left int
}

func (c *limitConn) Read(p []byte) (int, error) {
	if c.left <= 0 {
		return 0, errors.New("the server sent more than 256 KiB of answers")
	}
	n, err := c.Conn.Read(p[:min(len(p), c.left)])
	c.left -= n
	return n, err
}
