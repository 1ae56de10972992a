package faults

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/testkit"
)

// program of Debian that is in sbin, which is not on everybody's path.
func installed(t *testing.T, name string) string {
	t.Helper()
	for _, dir := range []string{"/usr/sbin", "/usr/bin"} {
		if p := filepath.Join(dir, name); exec.Command("test", "-x", p).Run() == nil {
			return p
		}
	}
	testkit.Missing(t, name+" is not installed")
	return ""
}

// nginx is a real web server on loopback that can be stopped and started again.
type nginx struct {
	t    *testing.T
	conf string
	port int
	cmd  *exec.Cmd
}

func newNginx(t *testing.T) *nginx {
	t.Helper()
	bin := installed(t, "nginx")
	dir := t.TempDir()
	_, port, _ := net.SplitHostPort(freeAddress(t))
	n := &nginx{t: t, conf: filepath.Join(dir, "nginx.conf")}
	n.port, _ = strconv.Atoi(port)
	var b strings.Builder
	fmt.Fprintf(&b, "daemon off;\nmaster_process off;\npid %[1]s/pid;\nerror_log %[1]s/error.log;\nevents {}\nhttp {\n  access_log off;\n", dir)
	for _, d := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		fmt.Fprintf(&b, "  %s_temp_path %s/%s;\n", d, dir, d)
	}
	fmt.Fprintf(&b, "  server { listen 127.0.0.1:%s; location /health { return 200 ok; } }\n}\n", port)
	require.NoError(t, os.WriteFile(n.conf, []byte(b.String()), 0o600))
	n.start(bin)
	t.Cleanup(n.stop)
	return n
}

func (n *nginx) start(bin string) {
	n.t.Helper()
	n.cmd = exec.Command(bin, "-e", "stderr", "-c", n.conf)
	require.NoError(n.t, n.cmd.Start())
	testkit.Eventually(n.t, 20*time.Second, "nginx listens", func() bool {
		c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", n.port))
		if err == nil {
			_ = c.Close()
		}
		return err == nil
	})
}

func (n *nginx) stop() {
	if n.cmd == nil {
		return
	}
	_ = n.cmd.Process.Signal(syscall.SIGTERM)
	_ = n.cmd.Wait()
	n.cmd = nil
}

// exim is Debian's mail server with a configuration of its own: each connection gets
// a process of it, as inetd would do, and what it takes is delivered into one mailbox
// file. It runs without any right, also when the test runs as root.
type exim struct {
	dir, bin string
	l        net.Listener
	conn     sync.WaitGroup
	as       *syscall.SysProcAttr
}

func newExim(t *testing.T) *exim {
	t.Helper()
	x := &exim{bin: installed(t, "exim4"), as: &syscall.SysProcAttr{}}
	dir, err := os.MkdirTemp("", "mainstay-exim-*") //nolint:usetesting // another user must reach it
	require.NoError(t, err)
	x.dir = dir
	me, err := user.Current()
	require.NoError(t, err)
	if me.Uid == "0" {
		me, err = user.Lookup("nobody")
		require.NoError(t, err)
		uid, _ := strconv.ParseUint(me.Uid, 10, 32)
		gid, _ := strconv.ParseUint(me.Gid, 10, 32)
		x.as.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
		require.NoError(t, os.Chown(dir, int(uid), int(gid)))
	}
	conf := fmt.Sprintf(`exim_user = %s
exim_group = %s
primary_hostname = mail.example.org
spool_directory = %s/spool
log_file_path = %s/%%slog
tls_advertise_hosts =
keep_environment =
acl_smtp_rcpt = accept
acl_smtp_data = accept
never_users =
deliver_drop_privilege = true
rfc1413_hosts =
begin routers
all:
  driver = accept
  transport = box
begin transports
box:
  driver = appendfile
  file = %s/mbox
`, me.Uid, me.Gid, dir, dir, dir)
	require.NoError(t, os.WriteFile(x.conf(), []byte(conf), 0o644)) //nolint:gosec // exim itself reads it
	x.l, err = net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	go func() {
		for {
			c, err := x.l.Accept()
			if err != nil {
				return
			}
			x.conn.Go(func() { x.serve(c.(*net.TCPConn)) })
		}
	}()
	t.Cleanup(func() {
		_ = x.l.Close()
		x.conn.Wait()
		if t.Failed() {
			for _, f := range []string{"mainlog", "paniclog"} {
				b, _ := os.ReadFile(filepath.Join(dir, f))
				t.Logf("%s: %s", f, b)
			}
		}
		_ = os.RemoveAll(dir)
	})
	return x
}

func (x *exim) conf() string { return filepath.Join(x.dir, "exim.conf") }

func (x *exim) serve(c *net.TCPConn) {
	defer c.Close()
	f, err := c.File()
	if err != nil {
		return
	}
	defer f.Close()
	cmd := exec.Command(x.bin, "-C", x.conf(), "-odf", "-bs")
	cmd.Stdin, cmd.Stdout, cmd.SysProcAttr = f, f, x.as
	_ = cmd.Run()
}

func (x *exim) port() int { return x.l.Addr().(*net.TCPAddr).Port }

// mailbox is everything that was delivered.
func (x *exim) mailbox() string {
	b, _ := os.ReadFile(filepath.Join(x.dir, "mbox"))
	return strings.NewReplacer("\r", "", "=\n", "", "=3D", "=").Replace(string(b))
}
