package email

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"io"
	"math/big"
	"net"
	"net/mail"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/respond"
)

func notice() respond.Notice {
	at := time.Date(2026, 11, 23, 1, 0, 0, 0, time.UTC)
	return respond.Notice{
		ID: "n1", Reason: "problem", Subject: "[P1] INC-12 shop-web: shop-http critical", Lead: "There is a problem.", At: at,
		Incident: respond.Incident{ID: "i1", Number: "INC-12", Title: "shop-http critical", State: "new", Priority: 1, Items: []string{"shop-web"}, Output: "HTTP 503", ImpactStartedAt: at},
		URL:      "https://m.example.org/incidents/INC-12", AckURL: "https://m.example.org/ack/tok",
	}
}

func TestNoValueBecomesAHeader(t *testing.T) {
	t.Parallel()
	n := notice()
	evil := "x\r\nBcc: victim@example.net\r\n\r\nbody\n.\nü\u2028y"
	n.Subject, n.Incident.Title, n.Incident.Number, n.Incident.Output, n.Incident.Items = evil, evil, evil, evil+"<script>alert(1)</script>", []string{evil}
	b, err := compose(&mail.Address{Name: "Main\r\nBcc: a@b.c", Address: "m@example.org"}, "ops@example.org", n)
	require.NoError(t, err)
	m, err := mail.ReadMessage(strings.NewReader(string(b)))
	require.NoError(t, err)
	require.Empty(t, m.Header.Get("Bcc"))
	require.Equal(t, "<ops@example.org>", m.Header.Get("To"))
	require.Len(t, m.Header["Subject"], 1)
	plain, rich, err := bodies(n)
	require.NoError(t, err)
	require.NotContains(t, rich, "<script>")
	require.Len(t, strings.Split(plain, "\nOutput: "), 2, "one line of output, whatever it holds")
	require.NotContains(t, plain, "\nBcc")

	for _, to := range []string{"a@b.c\r\nRCPT TO:<x@y.z>", "A <a@b.c>", "a@b.c, d@e.f", ""} {
		require.True(t, respond.IsPermanent(send(t.Context(), respond.MailServer{Host: "127.0.0.1", From: "m@example.org"}, to, n)), to)
	}
}

func FuzzCompose(f *testing.F) {
	f.Add("subject\r\nBcc: x@y.z", "title\n.\r\n")
	f.Fuzz(func(t *testing.T, subject, title string) {
		n := notice()
		n.Subject, n.Incident.Title, n.Incident.Number = subject, title, title
		b, err := compose(&mail.Address{Address: "m@example.org"}, "ops@example.org", n)
		if err != nil {
			return
		}
		m, err := mail.ReadMessage(strings.NewReader(string(b)))
		if err != nil {
			t.Fatal(err)
		}
		for k := range m.Header {
			switch k {
			case "From", "To", "Subject", "Date", "Message-Id", "References", "In-Reply-To", "Auto-Submitted", "X-Auto-Response-Suppress", "X-Mainstay-Incident", "Mime-Version", "Content-Type":
			default:
				t.Fatalf("a value made the header %s", k)
			}
		}
	})
}

// relay is an SMTP server with or without STARTTLS that writes down what it hears.
type relay struct {
	addr  *net.TCPAddr
	cert  *tls.Config
	auth  string
	mu    sync.Mutex
	heard []string
}

func newRelay(t *testing.T, withTLS bool, auth string) *relay {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	r := &relay{addr: l.Addr().(*net.TCPAddr), auth: auth}
	if withTLS {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		require.NoError(t, err)
		tpl := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
		der, err := x509.CreateCertificate(rand.Reader, tpl, tpl, &key.PublicKey, key)
		require.NoError(t, err)
		r.cert = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, MinVersion: tls.VersionTLS12}
	}
	done := make(chan struct{})
	t.Cleanup(func() { _ = l.Close(); <-done })
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_ = c.SetDeadline(time.Now().Add(10 * time.Second))
			r.serve(c)
			_ = c.Close()
		}
	}()
	return r
}

func (r *relay) say(s string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.heard = append(r.heard, s)
}

func (r *relay) lines() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return strings.Join(r.heard, "\n")
}

func (r *relay) serve(c net.Conn) {
	in := bufio.NewReader(c)
	put := func(s string) { _, _ = io.WriteString(c, s+"\r\n") }
	put("220 relay")
	secure := false
	for {
		l, err := in.ReadString('\n')
		if err != nil {
			return
		}
		l = strings.TrimSpace(l)
		r.say(l)
		verb, _, _ := strings.Cut(l, " ")
		switch verb {
		case "EHLO":
			put("250-relay")
			if r.cert != nil && !secure {
				put("250-STARTTLS")
			}
			put("250-AUTH " + r.auth)
			put("250 8BITMIME")
		case "STARTTLS":
			put("220 go")
			tc := tls.Server(c, r.cert)
			if tc.Handshake() != nil {
				r.say("handshake refused")
				return
			}
			c, in, secure = tc, bufio.NewReader(tc), true
			r.say("secure")
		case "AUTH":
			if strings.HasPrefix(l, "AUTH LOGIN") {
				for _, q := range []string{"Username:", "Password:"} {
					put("334 " + base64.StdEncoding.EncodeToString([]byte(q)))
					a, _ := in.ReadString('\n')
					b, _ := base64.StdEncoding.DecodeString(strings.TrimSpace(a))
					r.say("login " + string(b))
				}
			}
			put("235 ok")
		case "DATA":
			put("354 go")
			for l != ".\r\n" {
				if l, err = in.ReadString('\n'); err != nil {
					return
				}
			}
			put("250 taken")
		case "QUIT":
			put("221 bye")
			return
		default:
			put("250 ok")
		}
	}
}

func TestEncryptionAndSigningIn(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		tls, auth, host string
		offer           bool
		user            string
		ok              bool
		hears, not      string
	}{
		"opportunistic uses what is offered":      {offer: true, ok: true, hears: "secure"},
		"opportunistic does without":              {ok: true, not: "STARTTLS"},
		"none does not encrypt":                   {tls: "none", offer: true, ok: true, not: "STARTTLS"},
		"starttls refuses a forged certificate":   {tls: "starttls", offer: true, hears: "STARTTLS", not: "MAIL"},
		"starttls refuses plain text":             {tls: "starttls", not: "MAIL"},
		"a password makes the certificate matter": {offer: true, user: "u", auth: "PLAIN", hears: "STARTTLS", not: "AUTH"},
		"plain on loopback":                       {user: "u", auth: "PLAIN", ok: true, hears: "AUTH PLAIN " + base64.StdEncoding.EncodeToString([]byte("\x00u\x00pw"))},
		"login on loopback":                       {user: "u", auth: "LOGIN", ok: true, hears: "login u\nlogin pw"},
		"an unknown mechanism":                    {user: "u", auth: "XOAUTH2", not: "MAIL"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRelay(t, c.offer, c.auth)
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			defer cancel()
			s := respond.MailServer{Host: "127.0.0.1", Port: r.addr.Port, From: "m@example.org", TLS: c.tls, Username: c.user}
			if c.user != "" {
				s.Password = "pw"
			}
			err := send(ctx, s, "ops@example.org", notice())
			require.Equal(t, c.ok, err == nil, "%v", err)
			require.Contains(t, r.lines(), c.hears)
			if c.not != "" {
				require.NotContains(t, r.lines(), c.not)
			}
		})
	}
}

func TestPasswordsStayOffPlainConnections(t *testing.T) {
	t.Parallel()
	require.True(t, loopback("localhost"))
	require.True(t, loopback("::1"))
	require.False(t, loopback("mail.example.org"))
	require.False(t, loopback("10.0.0.1"))
}
