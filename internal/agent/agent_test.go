package agent

import (
	"compress/gzip"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"log/slog"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/agent/identity"
	"github.com/mainstay-ops/mainstay/internal/core/agentwire"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
)

// server is a small server of agents: it signs, and keeps each batch once.
type server struct {
	t    *testing.T
	ca   *x509.Certificate
	key  *ecdsa.PrivateKey
	port *httptest.Server // mutual TLS
	open *httptest.Server // enrolment

	mu       sync.Mutex
	age      time.Duration // of the certificates that are signed
	loseOne  bool          // keep the next batch and break the answer off
	answer   http.HandlerFunc
	batches  []agentwire.Batch
	last     map[string]int64
	doubles  int
	renewals int
	settings agentwire.Settings
}

func newServer(t *testing.T) *server {
	s := &server{t: t, last: map[string]int64{}, settings: agentwire.Settings{IntervalSeconds: 1, InventorySeconds: 600}}
	var err error
	s.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	tpl := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, tpl, tpl, s.key.Public(), s.key)
	require.NoError(t, err)
	s.ca, err = x509.ParseCertificate(der)
	require.NoError(t, err)

	mux := http.NewServeMux()
	mux.HandleFunc("POST "+agentwire.BatchPath, s.take)
	mux.HandleFunc("POST "+agentwire.CertificatePath, func(w http.ResponseWriter, r *http.Request) {
		var in agentwire.CertificateRequest
		_ = json.NewDecoder(r.Body).Decode(&in)
		s.mu.Lock()
		s.renewals++
		s.age = 0
		s.mu.Unlock()
		_ = json.NewEncoder(w).Encode(agentwire.CertificateResponse{Certificate: s.sign(in.CSR), CA: s.bundle()})
	})
	pool := x509.NewCertPool()
	pool.AddCert(s.ca)
	s.port = httptest.NewUnstartedServer(mux)
	s.port.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug)
	s.port.TLS = &tls.Config{ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pool, MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{s.own()}}
	s.port.EnableHTTP2 = true
	s.port.StartTLS()
	t.Cleanup(s.port.Close)
	s.open = httptest.NewTLSServer(http.HandlerFunc(s.enroll))
	s.open.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug)
	t.Cleanup(s.open.Close)
	return s
}

func (s *server) bundle() string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.ca.Raw}))
}

func (s *server) own() tls.Certificate {
	tpl := &x509.Certificate{SerialNumber: big.NewInt(2), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"localhost"}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	der, err := x509.CreateCertificate(rand.Reader, tpl, s.ca, s.key.Public(), s.key)
	require.NoError(s.t, err)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: s.key}
}

func (s *server) sign(csr string) string {
	block, _ := pem.Decode([]byte(csr))
	if block == nil {
		return ""
	}
	req, err := x509.ParseCertificateRequest(block.Bytes)
	if err != nil || req.CheckSignature() != nil {
		return ""
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	from := time.Now().Add(-time.Minute - s.age)
	tpl := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "agent-1"}, NotBefore: from, NotAfter: from.Add(2 * time.Hour), ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
	der, err := x509.CreateCertificate(rand.Reader, tpl, s.ca, req.PublicKey, s.key)
	if err != nil {
		return ""
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

func refuse(w http.ResponseWriter, status int, code, detail string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"code": code, "detail": detail})
}

func (s *server) enroll(w http.ResponseWriter, r *http.Request) {
	var in agentwire.EnrollRequest
	_ = json.NewDecoder(r.Body).Decode(&in)
	switch in.Token {
	case "good":
	case "early":
		w.Header().Set("Date", time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat))
	default:
		refuse(w, http.StatusUnauthorized, "unauthorized", "This token was used already.")
		return
	}
	_ = json.NewEncoder(w).Encode(agentwire.EnrollResponse{
		AgentID: "agent-1", Item: in.Hostname, Certificate: s.sign(in.CSR), CA: s.bundle(),
		URL: strings.Replace(s.port.URL, "127.0.0.1", "localhost", 1), Settings: s.settings,
	})
}

func (s *server) take(w http.ResponseWriter, r *http.Request) {
	z, err := gzip.NewReader(r.Body)
	var b agentwire.Batch
	if err == nil {
		err = json.NewDecoder(z).Decode(&b)
	}
	if err != nil {
		refuse(w, http.StatusUnprocessableEntity, "invalid", "Not a batch.")
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.answer != nil {
		s.answer(w, r)
		return
	}
	out := agentwire.Answer{Boot: b.Boot, Seq: b.Seq, Settings: s.settings}
	if b.Seq <= s.last[b.Boot] {
		s.doubles++
		out.Duplicate = true
	} else {
		s.last[b.Boot] = b.Seq
		s.batches = append(s.batches, b)
	}
	if s.loseOne {
		s.loseOne = false
		panic(http.ErrAbortHandler)
	}
	_ = json.NewEncoder(w).Encode(out)
}

func (s *server) fingerprint() string {
	sum := sha256.Sum256(s.open.Certificate().Raw)
	return hex.EncodeToString(sum[:])
}

func (s *server) enrollInto(dir, token string) (*identity.Identity, error) {
	return identity.Enroll(s.t.Context(), dir, s.open.URL, identity.Trust{Fingerprint: s.fingerprint()}, false, agentwire.EnrollRequest{Token: token, Hostname: "web1"})
}

// start runs an agent until the returned function is called.
func start(t *testing.T, dir string) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- Run(ctx, Options{Dir: dir, Version: "1.2", BufferBytes: 8 << 20, Logger: slog.New(slog.DiscardHandler), Now: time.Now})
	}()
	return func() { cancel(); require.NoError(t, <-done) }
}

func (s *server) until(what string, ok func() bool) {
	s.t.Helper()
	require.Eventually(s.t, func() bool { s.mu.Lock(); defer s.mu.Unlock(); return ok() }, 20*time.Second, 10*time.Millisecond, what)
}

// kept is how many bytes of readings are in the buffer.
func kept(dir string) int64 {
	var n int64
	es, _ := os.ReadDir(filepath.Join(dir, "buffer"))
	for _, e := range es {
		if i, err := e.Info(); err == nil && strings.HasSuffix(e.Name(), ".seg") && i.Size() > 100 {
			n += i.Size()
		}
	}
	return n
}

func TestAgentDeliversOnce(t *testing.T) {
	t.Parallel()
	s, dir := newServer(t), t.TempDir()
	_, err := s.enrollInto(dir, "good")
	require.NoError(t, err)
	info, err := os.Stat(filepath.Join(dir, "identity.json"))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm(), "the key is for the agent alone")

	s.loseOne = true
	stop := start(t, dir)
	s.until("a lost answer is asked for again", func() bool { return s.doubles == 1 && len(s.batches) > 3 })
	s.mu.Lock()
	s.answer = func(w http.ResponseWriter, _ *http.Request) {
		refuse(w, http.StatusServiceUnavailable, "unavailable", "Away.")
	}
	before := len(s.batches)
	s.mu.Unlock()
	stop()
	filled := kept(dir)
	// While the server is away the agent is started twice more, and keeps.
	stop = start(t, dir)
	s.until("a reading on disk", func() bool { return kept(dir) > filled })
	stop()
	stop = start(t, dir)
	s.mu.Lock()
	require.Len(t, s.batches, before)
	s.answer = nil
	s.mu.Unlock()
	s.until("what was kept arrives", func() bool { return len(s.last) == 3 })
	stop()

	seen := map[string]int64{}
	inventory := false
	for _, b := range s.batches {
		require.Equal(t, seen[b.Boot]+1, b.Seq, "in order, without a gap")
		seen[b.Boot] = b.Seq
		require.False(t, b.SentAt.Before(b.At.Add(-time.Second)))
		require.Equal(t, "1.2", b.Version)
		inventory = inventory || b.Inventory != nil && b.Inventory.Host != nil && b.Inventory.Host.Hostname != ""
		for _, p := range b.Points {
			require.Less(t, p.Series, len(b.Series))
		}
	}
	require.True(t, inventory)
}

func TestCertificateRenewsItself(t *testing.T) {
	t.Parallel()
	s, dir := newServer(t), t.TempDir()
	s.age = 90 * time.Minute // more than two thirds of two hours
	old, err := s.enrollInto(dir, "good")
	require.NoError(t, err)
	stop := start(t, dir)
	s.until("a renewal", func() bool { return s.renewals == 1 && len(s.batches) > 0 })
	stop()
	now, err := identity.Load(dir)
	require.NoError(t, err)
	require.True(t, now.NotAfter().After(old.NotAfter()))
	require.NotEqual(t, old.Key, now.Key)
	require.Equal(t, 1, s.renewals)
}

func TestBatchThatIsNeverTaken(t *testing.T) {
	t.Parallel()
	s, dir := newServer(t), t.TempDir()
	_, err := s.enrollInto(dir, "good")
	require.NoError(t, err)
	refused := 0
	s.answer = func(w http.ResponseWriter, _ *http.Request) {
		refused++
		s.answer = nil
		refuse(w, http.StatusUnprocessableEntity, "invalid", "A batch that is wrong.")
	}
	stop := start(t, dir)
	s.until("the next batch", func() bool { return refused == 1 && len(s.batches) > 0 })
	stop()
	require.Equal(t, int64(2), s.batches[0].Seq)
}

func TestEnrolmentSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	s, dir := newServer(t), t.TempDir()
	_, err := s.enrollInto(dir, "spent")
	require.ErrorContains(t, err, "This token was used already.")
	var r *identity.Refused
	require.True(t, errors.As(err, &r))
	_, err = s.enrollInto(dir, "early")
	require.Contains(t, errs.Message(err), "The clock of this host differs from the server's by 1h")
	try := func(base string, tr identity.Trust) string {
		_, err := identity.Enroll(t.Context(), dir, base, tr, false, agentwire.EnrollRequest{Token: "good", Hostname: "web1"})
		require.Error(t, err)
		return errs.Message(err)
	}
	require.Contains(t, try(s.open.URL, identity.Trust{}), "an authority that this host does not trust")
	require.Contains(t, try(s.open.URL, identity.Trust{Fingerprint: strings.Repeat("0", 64)}), "another fingerprint")
	require.Contains(t, try(s.open.URL, identity.Trust{Fingerprint: "abc"}), "64 hexadecimal digits")
	require.Contains(t, try("mainstay.example.org", identity.Trust{}), "is not the address of a server")
	plain := httptest.NewServer(http.NotFoundHandler())
	defer plain.Close()
	require.Contains(t, try(plain.URL, identity.Trust{}), "is not a Mainstay server")
	require.Contains(t, try(strings.Replace(plain.URL, "http:", "https:", 1), identity.Trust{}), "does not speak TLS")
	require.ErrorContains(t, Run(t.Context(), Options{Dir: dir}), "not enrolled")

	_, err = s.enrollInto(dir, "good")
	require.NoError(t, err)
	_, err = s.enrollInto(dir, "good")
	require.True(t, errs.Is(err, errs.Conflict), "an identity is not replaced by accident: %v", err)
}

func TestOnlyChangesAreSent(t *testing.T) {
	t.Parallel()
	sent := map[string][sha256.Size]byte{}
	inv := func() *agentwire.Inventory {
		return &agentwire.Inventory{Host: &agentwire.Host{Hostname: "a"}, Packages: []agentwire.Package{{Name: "x", Version: "1"}}, Users: []agentwire.User{}}
	}
	require.True(t, changed(inv(), sent))
	require.False(t, changed(inv(), sent))
	next := inv()
	next.Packages[0].Version = "2"
	require.True(t, changed(next, sent))
	require.Nil(t, next.Host)
	require.Nil(t, next.Users)
	require.Len(t, next.Packages, 1)
}

func TestUnitNamesTheProgram(t *testing.T) {
	t.Parallel()
	u := unitFor("/opt/mainstay")
	require.Contains(t, u, "ExecStart=/opt/mainstay agent run --dir "+ServiceDir+"\n")
	require.NotContains(t, u, "@PROGRAM@")
}
