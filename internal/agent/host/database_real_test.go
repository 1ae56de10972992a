//go:build unix

package host

import (
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

	"github.com/mainstay-ops/mainstay/internal/agent/local"
	"github.com/mainstay-ops/mainstay/internal/core/agentwire"
	"github.com/mainstay-ops/mainstay/internal/testkit"
)

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// as runs a program as a user, when the test is run by root.
func as(t *testing.T, name string, argv ...string) *exec.Cmd {
	t.Helper()
	c := exec.Command(argv[0], argv[1:]...)
	c.Dir = "/"
	if os.Geteuid() == 0 && name != "" {
		u, err := user.Lookup(name)
		require.NoError(t, err)
		uid, _ := strconv.ParseUint(u.Uid, 10, 32)
		gid, _ := strconv.ParseUint(u.Gid, 10, 32)
		c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
	}
	return c
}

func run(t *testing.T, c *exec.Cmd) string {
	t.Helper()
	out, err := c.CombinedOutput()
	require.NoError(t, err, "%s: %s", c.Args, out)
	return string(out)
}

func serve(t *testing.T, c *exec.Cmd) {
	t.Helper()
	require.NoError(t, c.Start())
	t.Cleanup(func() {
		_ = c.Process.Signal(syscall.SIGTERM)
		_ = c.Wait()
	})
}

// folder is one that another user can work in.
func folder(t *testing.T, name string) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "mainstay-db-*") //nolint:usetesting // another user must be able to enter it
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if u, err := user.Lookup(name); err == nil && os.Geteuid() == 0 {
		uid, _ := strconv.Atoi(u.Uid)
		gid, _ := strconv.Atoi(u.Gid)
		require.NoError(t, os.Chown(dir, uid, gid))
	}
	return dir
}

func ask(t *testing.T, process string, port int, a ...local.Database) agentwire.Database {
	t.Helper()
	ds := Databases(t.Context(), []agentwire.Port{{Protocol: "tcp", Port: port, Addresses: []string{"127.0.0.1"}, Process: process}}, a)
	require.Len(t, ds, 1)
	return ds[0]
}

func TestPostgresIsAsked(t *testing.T) {
	t.Parallel()
	bins, _ := filepath.Glob("/usr/lib/postgresql/*/bin")
	if len(bins) == 0 {
		testkit.Missing(t, "PostgreSQL is not installed")
	}
	bin := bins[len(bins)-1]
	dir, port, second := folder(t, "postgres"), freePort(t), freePort(t)
	first := as(t, "postgres", bin+"/initdb", "-D", dir+"/a", "-U", "boss", "--auth-local=trust", "--auth-host=scram-sha-256", "--pwfile="+dir+"/pw", "-N")
	require.NoError(t, os.WriteFile(dir+"/pw", []byte("secret\n"), 0o644)) //nolint:gosec // another user reads it
	run(t, first)
	up := func(name string, p int, more string) {
		t.Helper()
		run(t, as(t, "postgres", bin+"/pg_ctl", "-D", dir+"/"+name, "-s", "-w", "-l", dir+"/"+name+".log", "-o", fmt.Sprintf("-p %d -k %s -c fsync=off %s", p, dir, more), "start"))
		t.Cleanup(func() {
			c := as(t, "postgres", bin+"/pg_ctl", "-D", dir+"/"+name, "-m", "immediate", "-s", "stop")
			end := exec.Command(c.Path, c.Args[1:]...) // the context of the test is over
			end.SysProcAttr, end.Dir = c.SysProcAttr, c.Dir
			_ = end.Run()
		})
	}
	up("a", port, "-c archive_mode=on -c archive_command=/bin/true")
	secret := filepath.Join(t.TempDir(), "password")
	require.NoError(t, os.WriteFile(secret, []byte("secret\n"), 0o600))
	boss := local.Database{Engine: "postgres", Port: port, User: "boss", PasswordFile: secret}
	psql := func(sql string) {
		run(t, as(t, "postgres", bin+"/psql", "-h", dir, "-p", strconv.Itoa(port), "-U", "boss", "-d", "postgres", "-c", sql))
	}
	d := ask(t, "postgres", port, boss)
	require.Regexp(t, `^\d+`, d.Version)
	require.Equal(t, "primary, 0 connected", d.Replication)
	require.Greater(t, d.SizeBytes, uint64(1<<20))
	require.Empty(t, d.Note)
	require.True(t, d.LastBackup.IsZero())
	psql("SELECT pg_switch_wal()")
	testkit.Eventually(t, 60*time.Second, "the archive is told", func() bool {
		d := ask(t, "postgres", port, boss)
		return !d.LastBackup.IsZero() && d.BackupOf == "WAL archive"
	})

	c := as(t, "postgres", bin+"/pg_basebackup", "-h", dir, "-p", strconv.Itoa(port), "-U", "boss", "-D", dir+"/b", "-R", "-X", "stream", "-c", "fast")
	run(t, c)
	up("b", second, "-c hot_standby=on")
	testkit.Eventually(t, 60*time.Second, "the replica is seen", func() bool {
		a := ask(t, "postgres", port, boss)
		b := ask(t, "postgres", second, local.Database{Engine: "postgres", Port: second, Socket: dir, User: "boss"})
		return a.Replication == "primary, 1 connected" && b.Replication == "replica" && b.LagSeconds != nil && *b.LagSeconds < 30
	})

	// Who may little hears what is missing.
	psql("CREATE ROLE weak LOGIN")
	psql("CREATE DATABASE closed")
	psql("REVOKE CONNECT ON DATABASE closed FROM PUBLIC")
	d = ask(t, "postgres", port, local.Database{Engine: "postgres", Port: port, Socket: dir, User: "weak"})
	require.Contains(t, d.Note, "1 databases is not permitted")
	wrong := filepath.Join(t.TempDir(), "wrong")
	require.NoError(t, os.WriteFile(wrong, []byte("no\n"), 0o600))
	boss.PasswordFile = wrong
	require.Contains(t, ask(t, "postgres", port, boss).Note, "password authentication failed")
	require.Contains(t, ask(t, "postgres", port).Note, "agent.yaml does not say how to log in")
}

func TestRedisIsAsked(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("redis-server"); err != nil {
		testkit.Missing(t, "redis-server is not installed")
	}
	port, second := freePort(t), freePort(t)
	start := func(p int, more ...string) {
		serve(t, exec.Command("redis-server", append([]string{"--port", strconv.Itoa(p), "--bind", "127.0.0.1", "--dir", t.TempDir(), "--save", "", "--logfile", "/dev/null"}, more...)...))
	}
	start(port, "--requirepass", "secret")
	start(second, "--replicaof", "127.0.0.1 "+strconv.Itoa(port), "--masterauth", "secret")
	secret := filepath.Join(t.TempDir(), "password")
	require.NoError(t, os.WriteFile(secret, []byte("secret"), 0o600))
	testkit.Eventually(t, 60*time.Second, "the replica is seen", func() bool {
		a := ask(t, "redis-server", port, local.Database{Engine: "redis", Port: port, PasswordFile: secret})
		b := ask(t, "redis-server", second)
		return a.Replication == "primary, 1 connected" && b.Replication == "replica, link up" && b.LagSeconds != nil && a.SizeBytes > 0 && a.Version != ""
	})
	require.Contains(t, ask(t, "redis-server", port).Note, "it needs a password")
	require.NoError(t, os.WriteFile(secret, []byte("wrong"), 0o600))
	require.Contains(t, ask(t, "redis-server", port, local.Database{Engine: "redis", Port: port, PasswordFile: secret}).Note, "refused the password")
}

func TestMySQLIsAsked(t *testing.T) {
	t.Parallel()
	server, err := exec.LookPath("mariadbd")
	install, err2 := exec.LookPath("mariadb-install-db")
	if err != nil || err2 != nil || os.Geteuid() != 0 {
		testkit.Missing(t, "MariaDB is not installed, or the test is not run by root")
	}
	dir, port := folder(t, "mysql"), freePort(t)
	run(t, as(t, "mysql", install, "--no-defaults", "--datadir="+dir+"/data", "--auth-root-authentication-method=normal", "--skip-test-db"))
	sock := dir + "/s"
	serve(t, as(t, "mysql", server, "--no-defaults", "--datadir="+dir+"/data", "--socket="+sock, "--port="+strconv.Itoa(port), "--bind-address=127.0.0.1", "--pid-file="+dir+"/pid", "--skip-name-resolve", "--innodb-flush-log-at-trx-commit=0"))
	root := local.Database{Engine: "mysql", Port: port, Socket: sock, User: "root"}
	var d agentwire.Database
	testkit.Eventually(t, 90*time.Second, "it answers", func() bool { d = ask(t, "mariadbd", port, root); return d.Note == "" })
	require.Contains(t, d.Version, "MariaDB")
	require.Equal(t, "not a replica", d.Replication)
	require.Greater(t, d.SizeBytes, uint64(1000))
	client, err := exec.LookPath("mariadb")
	require.NoError(t, err)
	sql := func(q string) {
		run(t, exec.Command(client, "--no-defaults", "--socket="+sock, "--user=root", "-e", q))
	}
	sql("CREATE USER weak@'%' IDENTIFIED BY 'pw'; FLUSH PRIVILEGES; CHANGE MASTER TO MASTER_HOST='127.0.0.1', MASTER_PORT=1, MASTER_USER='x'")
	require.Equal(t, "replica, stopped", ask(t, "mariadbd", port, root).Replication)
	secret := filepath.Join(t.TempDir(), "password")
	require.NoError(t, os.WriteFile(secret, []byte("pw\n"), 0o600))
	weak := local.Database{Engine: "mysql", Port: port, User: "weak", PasswordFile: secret}
	d = ask(t, "mariadbd", port, weak)
	require.Contains(t, d.Version, "MariaDB")
	require.Equal(t, "The state of the replication is not permitted to this user.", d.Note)
	require.NoError(t, os.WriteFile(secret, []byte("wrong\n"), 0o600))
	require.Contains(t, ask(t, "mariadbd", port, weak).Note, "Access denied")
}

func TestReplicaOfMySQL(t *testing.T) {
	t.Parallel()
	var d agentwire.Database
	parseReplica("*** 1. row ***\n  Replica_IO_Running: Yes\n Replica_SQL_Running: Yes\n Seconds_Behind_Source: 42\n", &d)
	require.Equal(t, "replica", d.Replication)
	require.InDelta(t, 42, *d.LagSeconds, 0)
}
