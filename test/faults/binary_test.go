// Package faults runs the real program and treats it badly: kill -9 in the middle
// of everything, a taken port, a damaged database. What was acknowledged must
// still be there, and each mistake must be told in one clear sentence.
package faults

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/testkit"
)

const token = "faults-token-0123456789abcdef0123456789"

var build = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "mainstay-faults-*")
	if err != nil {
		return "", err
	}
	// Another user must be able to run it, for the test of a read-only directory.
	if err := os.Chmod(dir, 0o755); err != nil { //nolint:gosec // see above
		return dir, err
	}
	cmd := exec.Command("go", "build", "-o", filepath.Join(dir, "mainstay"), "../../cmd/mainstay")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := cmd.CombinedOutput()
	if err != nil {
		return dir, fmt.Errorf("%w: %s", err, out)
	}
	return dir, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if dir, _ := build(); dir != "" {
		_ = os.RemoveAll(dir)
	}
	os.Exit(code)
}

func binary(t *testing.T) string {
	t.Helper()
	dir, err := build()
	require.NoError(t, err)
	return filepath.Join(dir, "mainstay")
}

// freeAddress is a loopback address that nobody listens on at the moment.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	return l.Addr().String()
}

// program is a running server.
type program struct {
	t      *testing.T
	cmd    *exec.Cmd
	url    string
	stderr *bytes.Buffer
	ended  chan error
}

// start starts the server with further settings in its environment and waits until
// it is ready.
func start(t *testing.T, address, dir string, env ...string) *program {
	t.Helper()
	p := &program{t: t, url: "http://" + address, stderr: &bytes.Buffer{}, ended: make(chan error, 1)}
	p.cmd = exec.Command(binary(t), "serve", "--listen", address, "--data", dir, "--log-level", "warn")
	p.cmd.Env = append(os.Environ(), "MAINSTAY_BOOTSTRAP_TOKEN="+token, "MAINSTAY_DISCOVERY__HOST=false")
	p.cmd.Env = append(p.cmd.Env, env...)
	p.cmd.Stderr = p.stderr
	require.NoError(t, p.cmd.Start())
	go func() { p.ended <- p.cmd.Wait() }()
	t.Cleanup(func() { _ = p.cmd.Process.Kill() })
	deadline := time.Now().Add(30 * time.Second)
	for {
		st, says, err := p.try(t.Context(), "GET", "/readyz", nil)
		if err == nil && st == 200 {
			return p
		}
		select {
		case err := <-p.ended:
			t.Fatalf("the server ended while starting: %v\n%s", err, p.stderr)
		default:
		}
		if time.Now().After(deadline) {
			t.Fatalf("the server is not ready after 30 s: status %d, %v, %s\n%s", st, err, says, p.stderr)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// kill ends the server without a warning.
func (p *program) kill() {
	p.t.Helper()
	require.NoError(p.t, p.cmd.Process.Signal(syscall.SIGKILL))
	<-p.ended
}

// stop asks the server to end and expects that it does so cleanly.
func (p *program) stop() {
	p.t.Helper()
	require.NoError(p.t, p.cmd.Process.Signal(syscall.SIGTERM))
	select {
	case err := <-p.ended:
		require.NoError(p.t, err, p.stderr.String())
	case <-time.After(30 * time.Second):
		p.t.Fatal("the server did not stop within 30 s")
	}
}

var client = &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 16}}

// try sends a request; an error means that there was no answer.
func (p *program) try(ctx context.Context, method, path string, body any) (int, []byte, error) {
	var r io.Reader
	kind := "application/json"
	switch b := body.(type) {
	case nil:
	case string:
		r, kind = bytes.NewBufferString(b), "application/yaml"
	default:
		j, err := json.Marshal(b)
		if err != nil {
			return 0, nil, err
		}
		r = bytes.NewReader(j)
	}
	req, err := http.NewRequestWithContext(ctx, method, p.url+path, r)
	if err != nil {
		return 0, nil, err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", kind)
	res, err := client.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer res.Body.Close()
	out, err := io.ReadAll(res.Body)
	return res.StatusCode, out, err
}

// must sends a request that has to succeed and decodes the answer.
func (p *program) must(method, path string, body, out any) {
	p.t.Helper()
	st, b, err := p.try(p.t.Context(), method, path, body)
	require.NoError(p.t, err)
	require.Less(p.t, st, 300, "%s %s: %s", method, path, b)
	if out != nil {
		require.NoError(p.t, json.Unmarshal(b, out), string(b))
	}
}

// refused runs the program, which must end by itself with an error, and gives what
// it wrote to standard error.
func refused(t *testing.T, cmd *exec.Cmd) string {
	t.Helper()
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	require.NoError(t, cmd.Start())
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case err := <-ended:
		require.Error(t, err, "it must not claim success")
		require.Equal(t, 1, cmd.ProcessState.ExitCode(), stderr.String())
	case <-time.After(30 * time.Second):
		_ = cmd.Process.Kill()
		t.Fatalf("it still runs:\n%s", stderr.String())
	}
	require.NotContains(t, stderr.String(), "goroutine ", "no stack is shown")
	require.NotContains(t, stderr.String(), "panic")
	return stderr.String()
}

func eventually(t *testing.T, what string, cond func() bool) {
	t.Helper()
	testkit.Eventually(t, 60*time.Second, what, cond)
}
