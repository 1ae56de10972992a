package iot_test

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/core/config"
	"github.com/mainstay-ops/mainstay/internal/observe/iot/wire"
	"github.com/mainstay-ops/mainstay/internal/testkit"
	"github.com/mainstay-ops/mainstay/internal/testkit/apptest"
)

func certificate(t *testing.T) (cert, key string) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &k.PublicKey, k)
	require.NoError(t, err)
	kb, err := x509.MarshalECPrivateKey(k)
	require.NoError(t, err)
	dir := t.TempDir()
	cert, key = filepath.Join(dir, "c.pem"), filepath.Join(dir, "k.pem")
	require.NoError(t, os.WriteFile(cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	require.NoError(t, os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: kb}), 0o600))
	return cert, key
}

// MQTT over TLS with the certificate of the server; a client that does not know the
// certificate, or speaks in clear, gets nowhere.
func TestTLS(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("mosquitto_pub"); err != nil {
		testkit.Missing(t, "mosquitto_pub is not installed")
	}
	cert, key := certificate(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	addr := l.Addr().String()
	require.NoError(t, l.Close())
	s := apptest.Start(t, func(c *config.Config) {
		c.TLS.Cert, c.TLS.Key = cert, key
		c.Listen.Ports = map[string]string{"mqtts": addr}
	})
	// The helper of the tests speaks http, and this server https.
	client := http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}} //nolint:gosec // a certificate of this test
	req, err := http.NewRequestWithContext(t.Context(), "POST", strings.Replace(s.URL, "http:", "https:", 1)+"/api/v1/apply", strings.NewReader("mqtt_clients: [{name: safe, password: tls-password-0123456789}]"))
	require.NoError(t, err)
	req.Header.Set("Authorization", "Bearer "+apptest.Token)
	req.Header.Set("Content-Type", "application/yaml")
	res, err := client.Do(req)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	require.Equal(t, 200, res.StatusCode)
	_, port, _ := net.SplitHostPort(addr)
	line := []string{"-h", "127.0.0.1", "-p", port, "-u", "safe", "-P", "tls-password-0123456789", "-q", "1", "-t", "devices/safe/x", "-m", "1"}
	_, err = run(t, "mosquitto_pub", append(line, "--cafile", cert)...)
	require.NoError(t, err)
	other, _ := certificate(t)
	_, err = run(t, "mosquitto_pub", append(line, "--cafile", other)...)
	require.Error(t, err)
	_, err = run(t, "mosquitto_pub", line...)
	require.Error(t, err)
}

// What was acknowledged is there after a kill, and so are retained messages and what
// devices said of themselves.
func TestKill(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("mosquitto_pub"); err != nil {
		testkit.Missing(t, "mosquitto_pub is not installed")
	}
	dir := t.TempDir()
	start := func() (*exec.Cmd, string, string) {
		c := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestServerForKill$", "-test.v")
		c.Env = append(os.Environ(), "MAINSTAY_IOT_KILL_DIR="+dir)
		out, err := c.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, c.Start())
		t.Cleanup(func() { _ = c.Process.Kill(); _ = c.Wait() })
		sc := bufio.NewScanner(out)
		for sc.Scan() {
			if rest, ok := strings.CutPrefix(sc.Text(), "READY "); ok {
				f := strings.Fields(rest)
				go func() {
					for sc.Scan() {
						_ = sc.Text()
					}
				}()
				return c, f[0], f[1]
			}
		}
		t.Fatal("the server did not start")
		return nil, "", ""
	}
	pw := "kill-password-0123456789"
	at := func(addr string, more ...string) []string {
		host, port, _ := net.SplitHostPort(addr)
		return append([]string{"-h", host, "-p", port, "-u", "zigbee2mqtt", "-P", pw}, more...)
	}
	c, addr, _ := start()
	_, err := run(t, "mosquitto_pub", at(addr, "-q", "1", "-r", "-t", "zigbee2mqtt/bridge/devices", "-m", bridgeDevices)...)
	require.NoError(t, err)
	_, err = run(t, "mosquitto_pub", at(addr, "-q", "1", "-t", "zigbee2mqtt/Kitchen lamp", "-m", `{"brightness":17}`)...)
	require.NoError(t, err)
	require.NoError(t, c.Process.Kill())
	_ = c.Wait()

	_, addr, stored := start()
	require.Equal(t, "17", stored)
	out, err := run(t, "mosquitto_sub", at(addr, "-t", "zigbee2mqtt/bridge/devices", "-C", "1", "-W", "8")...)
	require.NoError(t, err)
	require.Contains(t, out, "Kitchen lamp")
}

// TestServerForKill is the server that TestKill kills.
func TestServerForKill(t *testing.T) {
	dir := os.Getenv("MAINSTAY_IOT_KILL_DIR")
	if dir == "" {
		t.Skip("run by TestKill")
	}
	s := apptest.Start(t, ports, func(c *config.Config) { c.Data = dir })
	s.Apply("mqtt_clients: [{name: zigbee2mqtt, profile: zigbee2mqtt, password: kill-password-0123456789}]")
	var q struct {
		Data struct{ Result []struct{ Value []any } }
	}
	s.Get("/prometheus/api/v1/query?query=last_over_time(iot_brightness%5B5m%5D)", &q)
	stored := "none"
	if len(q.Data.Result) == 1 {
		stored = fmt.Sprint(q.Data.Result[0].Value[1])
	}
	fmt.Printf("READY %s %s\n", state(s).Ports[0].Address, stored)
	<-t.Context().Done()
}

// BenchmarkDevices has many devices connected that each say something every quarter of a
// second, and tells how many messages a second reach the metric store. MAINSTAY_IOT_BENCH
// is the number of devices; 500 without it.
func BenchmarkDevices(b *testing.B) {
	n := 500
	if v := os.Getenv("MAINSTAY_IOT_BENCH"); v != "" {
		_, err := fmt.Sscan(v, &n)
		require.NoError(b, err)
	}
	s := apptest.Start(b, ports)
	clients := make([]string, n)
	for i := range clients {
		clients[i] = fmt.Sprintf("{name: d%d, password: bench-password-0123456789}", i)
	}
	s.Apply("mqtt_clients: [" + strings.Join(clients, ", ") + "]")
	addr := state(s).Ports[0].Address
	conns := make([]net.Conn, n)
	begin := time.Now()
	var wg sync.WaitGroup
	slots := make(chan struct{}, 64)
	for i := range conns {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			c, err := net.Dial("tcp", addr)
			if err != nil {
				b.Error(err)
				return
			}
			name := fmt.Sprintf("d%d", i)
			_, _ = c.Write(wire.AppendConnect(nil, wire.Connect{Clean: true, ClientID: name, User: name, Password: "bench-password-0123456789"}))
			_, _ = c.Write(wire.AppendPublish(nil, wire.Publish{Topic: "devices/" + name, Payload: []byte(`{"temperature":20,"humidity":40}`), QoS: 1, ID: 1}))
			buf := make([]byte, 8)
			for got := 0; got < 8; {
				k, err := c.Read(buf[got:])
				if err != nil {
					b.Error(err)
					return
				}
				got += k
			}
			conns[i] = c
		})
	}
	wg.Wait()
	b.Logf("%d devices connected, made items of and stored a first figure in %s", n, time.Since(begin).Round(time.Millisecond))
	var sent atomic.Int64
	count := func() int64 {
		var g struct{ Messages int64 }
		s.Get("/api/v1/iot/gateway", &g)
		return g.Messages
	}
	was := count()
	b.ResetTimer()
	begin = time.Now()
	end := begin.Add(10 * time.Second)
	for part := range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for round := 0; time.Now().Before(end); round++ {
				start := time.Now()
				for i := part; i < n; i += runtime.GOMAXPROCS(0) {
					msg := wire.AppendPublish(nil, wire.Publish{Topic: fmt.Sprintf("devices/d%d", i), Payload: fmt.Appendf(nil, `{"temperature":%d.5,"humidity":41}`, round%40)})
					if _, err := conns[i].Write(msg); err == nil {
						sent.Add(1)
					}
				}
				if rest := 250*time.Millisecond - time.Since(start); rest > 0 {
					time.Sleep(rest) // the pace of the devices
				}
			}
		})
	}
	wg.Wait()
	took := time.Since(begin).Seconds()
	taken := count() - was
	b.ReportMetric(float64(sent.Load())/took, "sent/s")
	b.ReportMetric(float64(taken)/took, "taken/s")
	for _, c := range conns {
		if c != nil {
			_ = c.Close()
		}
	}
}
