package netlab

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
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/mainstay-ops/mainstay/internal/testkit"
)

const token = "netlab-token-0123456789abcdef0123456789ab"

var build = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "mainstay-netlab-*")
	if err != nil {
		return "", err
	}
	cmd := exec.Command("go", "build", "-o", filepath.Join(dir, "mainstay"), "../../cmd/mainstay")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return dir, fmt.Errorf("%w: %s", err, out)
	}
	return dir, nil
})

func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == "bridge-mib" {
		answerBridge(os.Stdin, os.Stdout)
		return
	}
	code := m.Run()
	if dir, _ := build(); dir != "" {
		_ = os.RemoveAll(dir)
	}
	os.Exit(code)
}

// server is the program in the namespace of its node.
type server struct {
	l      *lab
	node   string
	url    string
	data   string
	client *http.Client
}

// serve starts the program on a data directory and waits until it is ready.
func (l *lab) serve(node, address, data string) *server {
	l.t.Helper()
	bin, err := build()
	require.NoError(l.t, err)
	s := &server{l: l, node: node, url: "http://" + address, data: data}
	s.client = &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{DialContext: l.dial(node), DisableKeepAlives: true}}
	l.start(node, "env", "MAINSTAY_BOOTSTRAP_TOKEN="+token, filepath.Join(bin, "mainstay"), "serve", "--listen", address, "--data", data, "--log-level", "warn")
	testkit.Eventually(l.t, 30*time.Second, "the server is ready", func() bool {
		st, _ := s.do("GET", "/readyz", nil)
		return st == 200
	})
	return s
}

// inside calls f on a thread that is in the network of a node. Sockets stay in the
// network in which they were made.
func (l *lab) inside(node string, f func() error) error {
	runtime.LockOSThread()
	home, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		return err
	}
	defer home.Close()
	there, err := os.Open("/run/netns/" + l.ns(node))
	if err != nil {
		return err
	}
	defer there.Close()
	if err := unix.Setns(int(there.Fd()), unix.CLONE_NEWNET); err != nil {
		return err
	}
	err = f()
	if e := unix.Setns(int(home.Fd()), unix.CLONE_NEWNET); e != nil {
		return e // the thread stays locked and ends with its goroutine
	}
	runtime.UnlockOSThread()
	return err
}

// dial connects from a node.
func (l *lab) dial(node string) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (c net.Conn, err error) {
		err = l.inside(node, func() (err error) {
			var d net.Dialer
			c, err = d.DialContext(ctx, network, address)
			return err
		})
		return c, err
	}
}

// listen waits for connections at a node, and keeps those that come.
func (l *lab) listen(node, address string) (net.Listener, error) {
	var ln net.Listener
	err := l.inside(node, func() (err error) {
		ln, err = net.Listen("tcp", address)
		return err
	})
	if err != nil {
		return nil, err
	}
	go func() {
		var kept []net.Conn
		for {
			c, err := ln.Accept()
			if err != nil {
				for _, c := range kept {
					_ = c.Close()
				}
				return
			}
			kept = append(kept, c)
		}
	}()
	return ln, nil
}

// stop ends the program as the system does.
func (s *server) stop() {
	s.l.t.Helper()
	c := s.l.procs[s.node+" env"]
	require.NoError(s.l.t, c.Process.Signal(syscall.SIGTERM))
	_ = c.Wait()
	delete(s.l.procs, s.node+" env")
}

func (s *server) do(method, path string, body any) (int, []byte) {
	var r io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		require.NoError(s.l.t, err)
		r = bytes.NewReader(b)
	}
	req, err := http.NewRequest(method, s.url+path, r)
	require.NoError(s.l.t, err)
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/json")
	res, err := s.client.Do(req)
	if err != nil {
		return 0, nil
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		return 0, nil
	}
	return res.StatusCode, b
}

// must asks and wants success.
func (s *server) must(method, path string, body any) []byte {
	s.l.t.Helper()
	st, b := s.do(method, path, body)
	require.True(s.l.t, st >= 200 && st < 300, "%s %s: %d %s", method, path, st, b)
	return b
}

func get[T any](s *server, path string) T {
	s.l.t.Helper()
	var v T
	require.NoError(s.l.t, json.Unmarshal(s.must("GET", path, nil), &v), path)
	return v
}
