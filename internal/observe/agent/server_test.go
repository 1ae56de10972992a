package agent_test

import (
	"bytes"
	"compress/gzip"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"io"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/core/agentwire"
	"github.com/mainstay-ops/mainstay/internal/core/config"
	"github.com/mainstay-ops/mainstay/internal/testkit"
	"github.com/mainstay-ops/mainstay/internal/testkit/apptest"
)

// onBoth runs a test against a server on SQLite and one on PostgreSQL.
func onBoth(t *testing.T, f func(t *testing.T, s *apptest.Server)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { t.Parallel(); f(t, apptest.Start(t)) })
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		u := testkit.PostgresURL(t)
		f(t, apptest.Start(t, func(c *config.Config) { c.Database.URL = u }))
	})
}

// host is an agent in a test.
type host struct {
	t      *testing.T
	http   *http.Client
	answer agentwire.EnrollResponse
}

func request(t *testing.T, key *ecdsa.PrivateKey) string {
	t.Helper()
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, key)
	require.NoError(t, err)
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der}))
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	return k
}

func token(t *testing.T, s *apptest.Server, in map[string]any) string {
	t.Helper()
	if in == nil {
		in = map[string]any{}
	}
	st, b := s.Do("POST", "/api/v1/agent-tokens", in)
	require.Equal(t, 201, st, "%s", b)
	var out struct{ Token, Line string }
	require.NoError(t, json.Unmarshal(b, &out))
	require.Contains(t, out.Line, out.Token)
	return out.Token
}

type problem struct {
	Detail string
	Code   string
}

func tryEnroll(t *testing.T, s *apptest.Server, in agentwire.EnrollRequest) (int, agentwire.EnrollResponse, problem) {
	t.Helper()
	st, b := s.Do("POST", agentwire.EnrollPath, in, "-")
	var out agentwire.EnrollResponse
	var p problem
	if st == 200 {
		require.NoError(t, json.Unmarshal(b, &out))
	} else {
		require.NoError(t, json.Unmarshal(b, &p))
	}
	return st, out, p
}

func enroll(t *testing.T, s *apptest.Server, name, machine string, tok map[string]any) *host {
	t.Helper()
	key := newKey(t)
	st, out, p := tryEnroll(t, s, agentwire.EnrollRequest{Token: token(t, s, tok), CSR: request(t, key), Hostname: name, MachineID: machine, OS: "linux", Arch: "amd64", Version: "1"})
	require.Equal(t, 200, st, p.Detail)
	return &host{t: t, http: client(t, out.CA, out.Certificate, key), answer: out}
}

func client(t *testing.T, ca, cert string, key *ecdsa.PrivateKey) *http.Client {
	t.Helper()
	pool := x509.NewCertPool()
	require.True(t, pool.AppendCertsFromPEM([]byte(ca)))
	c := &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS13}
	if cert != "" {
		kb, err := x509.MarshalECPrivateKey(key)
		require.NoError(t, err)
		pair, err := tls.X509KeyPair([]byte(cert), pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: kb}))
		require.NoError(t, err)
		c.Certificates = []tls.Certificate{pair}
	}
	tr := &http.Transport{TLSClientConfig: c, ForceAttemptHTTP2: true}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr, Timeout: 20 * time.Second}
}

// post sends a body as it is.
func (h *host) post(path string, body []byte, encoding string) (int, []byte) {
	h.t.Helper()
	req, err := http.NewRequestWithContext(h.t.Context(), "POST", h.answer.URL+path, bytes.NewReader(body))
	require.NoError(h.t, err)
	if encoding != "" {
		req.Header.Set("Content-Encoding", encoding)
	}
	res, err := h.http.Do(req)
	require.NoError(h.t, err)
	defer res.Body.Close()
	require.Equal(h.t, 2, res.ProtoMajor)
	b, err := io.ReadAll(res.Body)
	require.NoError(h.t, err)
	return res.StatusCode, b
}

func packed(t *testing.T, v any) []byte {
	t.Helper()
	var buf bytes.Buffer
	z := gzip.NewWriter(&buf)
	require.NoError(t, json.NewEncoder(z).Encode(v))
	require.NoError(t, z.Close())
	return buf.Bytes()
}

// send delivers a batch that must be taken.
func (h *host) send(b agentwire.Batch) agentwire.Answer {
	h.t.Helper()
	if b.Boot == "" {
		b.Boot = "boot"
	}
	if b.At.IsZero() {
		b.At = time.Now()
	}
	if b.SentAt.IsZero() {
		b.SentAt = time.Now()
	}
	st, body := h.post(agentwire.BatchPath, packed(h.t, b), "gzip")
	require.Equal(h.t, 200, st, "%s", body)
	var a agentwire.Answer
	require.NoError(h.t, json.Unmarshal(body, &a))
	require.Equal(h.t, b.Seq, a.Seq)
	return a
}

type agentView struct {
	ID, Name, State, Kind, Version string
	SkewMS                         int64 `json:"skew_ms"`
	Twins                          []string
	Labels                         map[string]string
}

func agents(s *apptest.Server) []agentView {
	var out struct{ Items []agentView }
	s.Get("/api/v1/agents", &out)
	return out.Items
}

type factView struct {
	Agent, Kind, Key, Name, Version string
}

func facts(s *apptest.Server, query string) []factView {
	out := []factView{}
	for cursor := ""; ; {
		var page struct {
			Items []factView
			Next  string
		}
		s.Get("/api/v1/agent-facts?"+query+"&cursor="+url.QueryEscape(cursor), &page)
		out = append(out, page.Items...)
		if cursor = page.Next; cursor == "" {
			return out
		}
	}
}
