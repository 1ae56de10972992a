package update

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/core/agentwire"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
)

func authority(t *testing.T) (*ecdsa.PrivateKey, string) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	tpl := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, tpl, tpl, &k.PublicKey, k)
	require.NoError(t, err)
	return k, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

func sign(t *testing.T, k *ecdsa.PrivateKey, p agentwire.Program) agentwire.Program {
	t.Helper()
	sum := sha256.Sum256(p.Signed())
	sig, err := ecdsa.SignASN1(rand.Reader, k, sum[:])
	require.NoError(t, err)
	p.Signature = sig
	return p
}

func TestOnlyWhatIsSignedIsTaken(t *testing.T) {
	t.Parallel()
	body := []byte("#!/bin/sh\nexit 0\n")
	served := body
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(served) }))
	defer web.Close()
	own, bundle := authority(t)
	other, _ := authority(t)
	sum := sha256.Sum256(body)
	good := agentwire.Program{Platform: "linux-amd64", SHA256: hex.EncodeToString(sum[:]), Size: int64(len(body)), Try: "t1"}
	s := Open(t.TempDir())
	fetch := func(p agentwire.Program) (string, error) {
		return s.Fetch(t.Context(), web.Client(), web.URL, bundle, "linux-amd64", p)
	}
	_, err := fetch(sign(t, other, good))
	require.True(t, errs.Is(err, errs.Forbidden), "signed by somebody else: %v", err)
	changed := sign(t, own, good)
	changed.Try = "t2"
	_, err = fetch(changed)
	require.Error(t, err, "something that was signed is another")
	elsewhere := good
	elsewhere.Platform = "plan9-amd64"
	_, err = fetch(sign(t, own, elsewhere))
	require.Error(t, err)
	path, err := fetch(sign(t, own, good))
	require.NoError(t, err)
	got, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, body, got)
	for _, bad := range [][]byte{[]byte("#!/bin/sh\nexit 1\n"), append(append([]byte{}, body...), 'x'), body[:4]} {
		served = bad
		_, err = fetch(sign(t, own, good))
		require.ErrorContains(t, err, "cannot be loaded")
		require.NoFileExists(t, path)
	}
}

// A new program that does not report is given up, and the old one counts.
func TestBackToTheOldOne(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("a program does not replace itself here")
	}
	for name, c := range map[string]struct{ script, why string }{
		"hangs": {"#!/bin/sh\nexec sleep 600\n", "did not report within"},
		"ends":  {"#!/bin/sh\nexit 7\n", "ended before it reported"},
		"no program": {
			"\x7fELF", "cannot be started",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			s := Open(dir)
			require.NoError(t, os.MkdirAll(s.dir, 0o700))
			self := filepath.Join(dir, "installed")
			require.NoError(t, os.WriteFile(self, []byte("x"), 0o600))
			next := s.file("next")
			require.NoError(t, os.WriteFile(next, []byte(c.script), 0o700)) //nolint:gosec // a program
			err := s.Try(t.Context(), slog.New(slog.DiscardHandler), next, "t1", "sum", self, 500*time.Millisecond)
			require.ErrorContains(t, err, c.why)
			try, why := s.Failed()
			require.Equal(t, "t1", try)
			require.Contains(t, why, c.why)
			require.Empty(t, s.Current(self))
			require.NoFileExists(t, next)
		})
	}
}

// A trial that a kill cut short has failed; a program that root installs anew counts.
func TestWhichProgramCounts(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := Open(dir)
	self := filepath.Join(dir, "installed")
	require.NoError(t, os.WriteFile(self, []byte("x"), 0o600))
	require.Empty(t, s.Current(self))
	require.NoError(t, s.save(state{Program: "sum", Base: stamp(self)}))
	require.Empty(t, s.Current(self), "there is no file")
	require.NoError(t, os.WriteFile(s.file("mainstay"), []byte("new"), 0o700)) //nolint:gosec // a program
	require.Equal(t, s.file("mainstay"), s.Current(self))
	st := s.load()
	st.Trying = "t2"
	require.NoError(t, s.save(st))
	require.Equal(t, s.file("mainstay"), s.Current(self))
	try, _ := s.Failed()
	require.Equal(t, "t2", try)
	require.NoError(t, os.Chtimes(self, time.Now(), time.Now().Add(time.Hour)))
	require.Empty(t, s.Current(self))
}
