package postgres

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/observe"
	"github.com/mainstay-ops/mainstay/internal/testkit"
)

// server starts a real PostgreSQL on a free port; it does not run as root.
func server(t *testing.T) int {
	t.Helper()
	bins, _ := filepath.Glob("/usr/lib/postgresql/*/bin")
	if len(bins) == 0 {
		testkit.Missing(t, "PostgreSQL is not installed")
	}
	bin := bins[len(bins)-1]
	dir, err := os.MkdirTemp("", "pgprobe") //nolint:usetesting // another user must reach it
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	attr := &syscall.SysProcAttr{}
	if os.Getuid() == 0 {
		u, err := user.Lookup("postgres")
		if err != nil {
			testkit.Missing(t, "there is no user postgres")
		}
		uid, _ := strconv.Atoi(u.Uid)
		gid, _ := strconv.Atoi(u.Gid)
		require.NoError(t, os.Chown(dir, uid, gid))
		attr.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	}
	start := func(name string, args ...string) *exec.Cmd {
		cmd := exec.Command(filepath.Join(bin, name), args...)
		cmd.SysProcAttr, cmd.Dir = attr, dir
		return cmd
	}
	data := filepath.Join(dir, "data")
	out, err := start("initdb", "-D", data, "-U", "postgres", "-A", "trust", "--no-sync").CombinedOutput()
	require.NoError(t, err, string(out))
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	port := ln.Addr().(*net.TCPAddr).Port
	require.NoError(t, ln.Close())
	cmd := start("postgres", "-D", data, "-p", strconv.Itoa(port), "-h", "127.0.0.1", "-k", dir, "-F")
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Signal(syscall.SIGINT); _ = cmd.Wait() })
	return port
}

func TestRealServer(t *testing.T) {
	t.Parallel()
	port := server(t)
	ask := func(query, expect string) observe.Result {
		c := newConfig()
		c.Host, c.Port, c.Query, c.Expect = "127.0.0.1", port, query, expect
		require.NoError(t, c.Validate())
		p, err := c.Probe(observe.ProbeEnv{})
		require.NoError(t, err)
		return p.Run(context.Background())
	}
	require.Eventually(t, func() bool { return ask("SELECT 1", "1").Status == observe.OK }, 30*time.Second, 50*time.Millisecond)
	r := ask("SELECT count(*) > 0 FROM pg_class", "t")
	require.Equal(t, observe.OK, r.Status, r.Output)
	require.Len(t, r.Measures, 2)
	require.Equal(t, observe.Critical, ask("SELECT 2", "1").Status)
	require.Contains(t, ask("SELECT nothing", "").Output, "does not exist")
	require.Contains(t, ask("CREATE TABLE t (a int)", "").Output, "read-only")
	c := newConfig()
	c.DSN = fmt.Sprintf("postgres://nobody:x@127.0.0.1:%d/none", port)
	p, err := c.Probe(observe.ProbeEnv{})
	require.NoError(t, err)
	require.Equal(t, observe.Critical, p.Run(context.Background()).Status)
}
