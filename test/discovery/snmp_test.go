// Package discovery runs the real program against snmpd of net-snmp on several
// loopback addresses: credentials are tried, devices are read, and a program that
// was killed goes on where it was.
package discovery

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
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/testkit"
)

const token = "discovery-token-0123456789abcdef012345"

var build = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "mainstay-discovery-*")
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
	code := m.Run()
	if dir, _ := build(); dir != "" {
		_ = os.RemoveAll(dir)
	}
	os.Exit(code)
}

type program struct {
	t   *testing.T
	cmd *exec.Cmd
	url string
}

// start starts the server on a data directory and waits until it is ready.
func start(t *testing.T, dir string) *program {
	t.Helper()
	bin, err := build()
	require.NoError(t, err)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	addr := l.Addr().String()
	require.NoError(t, l.Close())
	p := &program{t: t, url: "http://" + addr}
	p.cmd = exec.Command(filepath.Join(bin, "mainstay"), "serve", "--listen", addr, "--data", dir, "--log-level", "warn")
	p.cmd.Env = append(os.Environ(), "MAINSTAY_BOOTSTRAP_TOKEN="+token, "MAINSTAY_DISCOVERY__HOST=false")
	p.cmd.Stderr = os.Stderr
	require.NoError(t, p.cmd.Start())
	t.Cleanup(p.kill)
	testkit.Eventually(t, 30*time.Second, "the server is ready", func() bool {
		st, _ := p.do("GET", "/readyz", nil)
		return st == 200
	})
	return p
}

func (p *program) kill() {
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
}

func (p *program) do(method, path string, body any) (int, []byte) {
	p.t.Helper()
	var r io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		require.NoError(p.t, err)
		r = bytes.NewReader(b)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, p.url+path, r)
	require.NoError(p.t, err)
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
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

func get[T any](p *program, path string) T {
	p.t.Helper()
	st, b := p.do("GET", path, nil)
	require.Equal(p.t, 200, st, "%s: %s", path, b)
	var v T
	require.NoError(p.t, json.Unmarshal(b, &v))
	return v
}

// agent starts an snmpd that knows one credential.
func agent(t *testing.T, addr, name, access string) *exec.Cmd {
	t.Helper()
	bin := "/usr/sbin/snmpd"
	if _, err := os.Stat(bin); err != nil {
		testkit.Missing(t, "snmpd is not installed")
	}
	dir := t.TempDir()
	conf := fmt.Sprintf("sysName %s\nsysLocation rack 7\nsysContact ops@example.org\nsysServices 72\n%s\n", name, access)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "snmpd.conf"), []byte(conf), 0o600))
	cmd := exec.Command(bin, "-f", "-C", "-c", filepath.Join(dir, "snmpd.conf"), "-Lf", filepath.Join(dir, "log"), "-I", "-smux", "udp:"+addr)
	cmd.Env = append(os.Environ(), "SNMP_PERSISTENT_DIR="+dir)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	return cmd
}

type run struct {
	State, Message                    string
	Total, Done, Found, Resumed       int
	New, Changed, Vanished, Unchanged int
	EndedAt                           *time.Time `json:"ended_at"`
	ID                                string
}

type job struct{ Run *run }

type finding struct {
	Address, Outcome, Name, About, Item string
	Problems                            []string
	Facts                               map[string]string
	Changes                             []struct{ Field, From, To string }
}

type list[T any] struct{ Items []T }

func (p *program) ended(name string, after string) run {
	var r run
	testkit.Eventually(p.t, 60*time.Second, name+" has ended", func() bool {
		j := get[job](p, "/api/v1/discovery-jobs/"+name)
		if j.Run == nil || j.Run.EndedAt == nil || j.Run.ID == after {
			return false
		}
		r = *j.Run
		return true
	})
	return r
}

func (p *program) finding(run, addr string) finding {
	p.t.Helper()
	fs := get[list[finding]](p, "/api/v1/discovery-runs/"+run+"/findings?q="+addr)
	for _, f := range fs.Items {
		if f.Address == addr {
			return f
		}
	}
	p.t.Fatalf("no finding for %s: %+v", addr, fs)
	return finding{}
}

func TestDevicesAreReadByWhatWorks(t *testing.T) {
	t.Parallel()
	agent(t, "127.60.0.1:1161", "edge1", "rocommunity secret-one 127.0.0.0/8")
	agent(t, "127.60.0.2:1161", "edge2", "createUser ops SHA-256 auth-password AES priv-password\nrouser ops authpriv")
	third := agent(t, "127.60.0.3:1161", "edge3", "rocommunity another 127.0.0.0/8")
	p := start(t, t.TempDir())
	put := func(name string, c map[string]any) {
		st, b := p.do("PUT", "/api/v1/credentials/"+name, c)
		require.Equal(t, 200, st, "%s", b)
	}
	put("one", map[string]any{"version": "2c", "community": "secret-one", "port": 1161})
	put("two", map[string]any{"version": "3", "port": 1161, "user": "ops", "auth_protocol": "SHA256", "auth_password": "auth-password", "priv_protocol": "AES", "priv_password": "priv-password"})
	spec := map[string]any{"name": "lab", "targets": []string{"127.60.0.0/29"}, "credentials": []string{"one", "two"}, "methods": []string{"ping", "snmp"}, "rate": 1000, "vanished_after": 1}
	st, b := p.do("POST", "/api/v1/discovery-jobs", spec)
	require.Equal(t, 201, st, "%s", b)
	r := p.ended("lab", "")
	require.Equal(t, "done", r.State, r.Message)
	require.Equal(t, 6, r.New)

	one, two, three := p.finding(r.ID, "127.60.0.1"), p.finding(r.ID, "127.60.0.2"), p.finding(r.ID, "127.60.0.3")
	require.Equal(t, "edge1", one.Name)
	require.Equal(t, "edge1", one.Item)
	require.Contains(t, one.Facts["sys_descr"], "Linux")
	require.Equal(t, "rack 7", one.Facts["location"])
	require.Equal(t, "edge2", two.Item, "read by the second credential")
	require.Empty(t, three.Item, "its community is not known")
	require.Empty(t, p.finding(r.ID, "127.60.0.5").Item)
	item := get[struct {
		Attributes map[string]any
	}](p, "/api/v1/items/edge1")
	require.Contains(t, fmt.Sprint(item.Attributes), "127.60.0.1")

	// The log says what was tried, without secrets.
	_, logs := p.do("GET", "/api/v1/discovery-runs/"+r.ID+"/log?limit=500", nil)
	require.Contains(t, string(logs), "The credential two works.")
	require.Contains(t, string(logs), "127.60.0.3:1161 did not answer SNMP. It may be off, behind a firewall, or the community may be wrong.")
	require.Contains(t, string(logs), "has no SNMP agent on that port")
	for _, s := range []string{"secret-one", "auth-password", "priv-password"} {
		require.NotContains(t, string(logs), s)
	}

	// A test of a credential says why it fails.
	_, b = p.do("POST", "/api/v1/credentials/one/test", map[string]any{"address": "127.60.0.1"})
	require.Contains(t, string(b), `"ok":true`)
	_, b = p.do("POST", "/api/v1/credentials/one/test", map[string]any{"address": "127.60.0.3"})
	require.Contains(t, string(b), "the community may be wrong")

	// With the right community the third is read too; the item appears.
	put("three", map[string]any{"version": "2c", "community": "another", "port": 1161})
	spec["credentials"] = []string{"one", "two", "three"}
	st, b = p.do("PUT", "/api/v1/discovery-jobs/lab", spec)
	require.Equal(t, 200, st, "%s", b)
	p.do("POST", "/api/v1/discovery-jobs/lab/run", map[string]any{})
	r = p.ended("lab", r.ID)
	require.Zero(t, r.New)
	three = p.finding(r.ID, "127.60.0.3")
	require.Equal(t, "changed", three.Outcome)
	require.Equal(t, "edge3", three.Item)
	require.Equal(t, "unchanged", p.finding(r.ID, "127.60.0.1").Outcome)

	// A device that no longer answers SNMP is told, and keeps what is known of it.
	require.NoError(t, third.Process.Kill())
	p.do("POST", "/api/v1/discovery-jobs/lab/run", map[string]any{})
	r = p.ended("lab", r.ID)
	three = p.finding(r.ID, "127.60.0.3")
	require.Equal(t, "unchanged", three.Outcome)
	require.Contains(t, strings.Join(three.Problems, " "), "was read by SNMP with the credential three before and does not answer SNMP now")
	require.Equal(t, "edge3", three.Name)
}

// A program that was killed goes on at the address where it was, and says so.
func TestKilledRunGoesOn(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p := start(t, dir)
	st, b := p.do("POST", "/api/v1/discovery-jobs", map[string]any{"name": "long", "targets": []string{"127.61.0.0/21"}, "methods": []string{"ping"}, "rate": 400})
	require.Equal(t, 201, st, "%s", b)
	testkit.Eventually(t, 30*time.Second, "it is well under way", func() bool { return get[job](p, "/api/v1/discovery-jobs/long").Run.Found > 900 })
	p.kill()
	begin := time.Now()
	p = start(t, dir)
	r := p.ended("long", "")
	took := time.Since(begin)
	require.Equal(t, "done", r.State, r.Message)
	require.Equal(t, 2046, r.New, "each address once")
	require.Equal(t, 2046, r.Done)
	require.Equal(t, 1, r.Resumed)
	require.Contains(t, r.Message, "Went on after an interruption, at address")
	// All of it would take 5.1 s.
	require.Less(t, took, 4900*time.Millisecond, "it did not begin anew")
}
