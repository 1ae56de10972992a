package discovery

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	_ "github.com/mainstay-ops/mainstay/internal/adapter/all" // the probes that suggestions name
	"github.com/mainstay-ops/mainstay/internal/estate"
	"github.com/mainstay-ops/mainstay/internal/observe"
)

func TestCommandsShowNoSecrets(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{
		{"curl", "-H", "Authorization: Bearer hunter2"},
		{"curl", "-u", "bob:hunter2"},
		{"mysql", "-phunter2"},
		{"x", "--pwd", "hunter2"},
		{"x", "--encryption-key=hunter2"},
		{"x", "--private-key", "hunter2"},
		{"x", "serve", "password", "hunter2"},
		{"agent --token hunter2"},
		{"git", "clone", "https://hunter2@host/x"},
		{"x", "scheme://u:p@hunter2@host"},
		{"x", "https://h/?sig=hunter2"},
		{"x", "PASSWORD=hunter2"},
		{"x", "-Dkey=hunter2"},
		{"x", "-X", "-H", "X-Api-Key: hunter2"},
	} {
		require.NotContains(t, maskCommand(args), "hunter2", "%q", args)
	}
	require.Equal(t, "mainstay serve --data …", maskCommand([]string{"/usr/bin/mainstay", "serve", "--data", "/var/lib/mainstay"}))
	require.Equal(t, "nginx: master", maskCommand([]string{"nginx: master process"})[:13])
}

func listen(t *testing.T, handle func(net.Conn)) *listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { defer c.Close(); handle(c) }()
		}
	}()
	return at(t, l.Addr().String())
}

func at(t *testing.T, addr string) *listener {
	t.Helper()
	_, port, err := net.SplitHostPort(addr)
	require.NoError(t, err)
	n, err := strconv.Atoi(port)
	require.NoError(t, err)
	return &listener{Protocol: "tcp", Port: uint32(n), Addresses: []string{"127.0.0.1"}, Process: "x"}
}

func certificateFor(t *testing.T, until time.Time) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "shop"}, DNSNames: []string{"shop.example.org"}, NotBefore: until.Add(-24 * time.Hour), NotAfter: until}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	require.NoError(t, err)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func TestIdentify(t *testing.T) {
	t.Parallel()
	until := time.Now().Add(48 * time.Hour).UTC().Truncate(time.Second)
	cert := certificateFor(t, until)
	secure := func(c *tls.Config) *listener {
		return listen(t, func(conn net.Conn) { _ = tls.Server(conn, c).HandshakeContext(t.Context()) })
	}
	web := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(web.Close)
	say := func(s string) func(net.Conn) {
		return func(c net.Conn) { _, _ = c.Write([]byte(s)); _, _ = c.Read(make([]byte, 100)) }
	}
	for name, c := range map[string]struct {
		l      *listener
		speaks string
		cert   bool
	}{
		"http":              {at(t, web.Listener.Addr().String()), "http", false},
		"ssh":               {listen(t, say("SSH-2.0-OpenSSH_9\r\n")), "ssh", false},
		"smtp":              {listen(t, say("220 mail ESMTP\r\n")), "smtp", false},
		"ftp":               {listen(t, say("220 FTP ready\r\n")), "ftp", false},
		"imap":              {listen(t, say("* OK ready\r\n")), "imap", false},
		"tls":               {secure(&tls.Config{Certificates: []tls.Certificate{cert}}), "tls", true},
		"https":             {secure(&tls.Config{Certificates: []tls.Certificate{cert}, NextProtos: []string{"http/1.1"}}), "https", true},
		"wants a client's":  {secure(&tls.Config{Certificates: []tls.Certificate{cert}, ClientAuth: tls.RequireAnyClientCert, MaxVersion: tls.VersionTLS12}), "tls", true},
		"says nothing":      {listen(t, func(c net.Conn) { _, _ = c.Read(make([]byte, 1)) }), "", false},
		"known by its port": {&listener{Protocol: "tcp", Port: 5432}, "postgres", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := identify(t.Context(), c.l)
			require.Equal(t, c.speaks, f.Speaks)
			require.Equal(t, c.cert, f.Cert != nil)
			if f.Cert != nil {
				require.Equal(t, until, f.Cert.NotAfter)
				require.Equal(t, []string{"shop.example.org"}, f.Cert.Names)
			}
		})
	}
}

// Every check that can be suggested is one that its type accepts.
func TestProposalsAreValid(t *testing.T) {
	t.Parallel()
	var all []estate.Proposal
	l := &listener{Protocol: "tcp", Port: 4711, Addresses: []string{"0.0.0.0"}}
	for _, speaks := range []string{"", "http", "https", "tls", "ssh", "smtp", "ftp", "imap", "pop3", "ldap", "redis", "postgres", "mysql", "dns", "ntp"} {
		all = append(all, propose("x", l, finding{Speaks: speaks}))
	}
	all = append(all, propose("x", &listener{Protocol: "tcp", Port: 1, Own: true}, finding{Speaks: "http"}), proposeCertificate("x", l))
	all = append(all, proposeHost(&Host{Name: "h", Filesystems: []Filesystem{{Mount: "/"}}})...)
	for _, p := range all {
		typ, ok := observe.ProbeTypeByName(p.Type)
		require.True(t, ok, "%+v", p)
		b, err := json.Marshal(p.Probe)
		require.NoError(t, err)
		cfg := typ.New()
		require.NoError(t, json.Unmarshal(b, cfg), "%+v", p)
		require.NoError(t, cfg.Validate(), "%+v", p)
	}
}

func TestThisMachine(t *testing.T) {
	t.Parallel()
	first := readHost(t.Context(), nil)
	require.NotEmpty(t, first.Name)
	require.Positive(t, first.MemoryTotal)
	require.NotEmpty(t, first.Filesystems)
	second := readHost(t.Context(), &first)
	require.Equal(t, first.Name, second.Name)
	require.GreaterOrEqual(t, second.CPUUsage, 0.0)
	require.LessOrEqual(t, second.CPUUsage, 1.0)

	open := listen(t, func(net.Conn) {})
	ls, err := listeners(context.Background(), int32(os.Getpid()))
	require.NoError(t, err)
	found := false
	for i := range ls {
		if ls[i].Port == open.Port {
			found = true
			ls[i].describe(t.Context())
			require.True(t, ls[i].Own)
			require.Equal(t, "mainstay", ls[i].Process)
		}
	}
	require.True(t, found, "an open port of this process is among the listeners")
}
