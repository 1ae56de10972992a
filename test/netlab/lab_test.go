package netlab

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/testkit"
)

// prefix starts the names of all namespaces of these tests; the id of the process
// follows, so that what a crash left behind can be told from what is in use.
const prefix = "mslab"

// lab is a network of namespaces. It ends with the test.
type lab struct {
	t   *testing.T
	dir string
	// nodes has what runs in each namespace, by node and program.
	procs map[string]*exec.Cmd
	next  int
}

func newLab(t *testing.T) *lab {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("network namespaces need root")
	}
	for _, bin := range []string{"ip", "bridge", "lldpd", "lldpcli", "snmpd", "unshare"} {
		if _, err := exec.LookPath(bin); err != nil {
			testkit.Missing(t, bin+" is not installed")
		}
	}
	sweepUp()
	// The path of a Unix socket has at most 108 bytes.
	dir, err := os.MkdirTemp("", prefix) //nolint:usetesting // a path of t.TempDir is too long for it
	require.NoError(t, err)
	// lldpd drops its rights and must still reach its socket.
	require.NoError(t, os.Chmod(dir, 0o755))
	l := &lab{t: t, dir: dir, procs: map[string]*exec.Cmd{}}
	t.Cleanup(func() {
		l.end()
		_ = os.RemoveAll(dir)
	})
	if out, err := exec.Command("ip", "netns", "add", l.ns("try")).CombinedOutput(); err != nil {
		// A container without the rights for it cannot be mended by installing something.
		t.Skip("network namespaces cannot be made here: " + string(out))
	}
	return l
}

func (l *lab) ns(node string) string { return fmt.Sprintf("%s-%d-%s", prefix, os.Getpid(), node) }

// namespaces lists those whose name begins so.
func namespaces(begin string) []string {
	out, _ := exec.Command("ip", "netns", "list").Output()
	var names []string
	for _, line := range strings.Split(string(out), "\n") {
		if name, _, _ := strings.Cut(line, " "); strings.HasPrefix(name, begin) {
			names = append(names, name)
		}
	}
	return names
}

// remove ends what runs in a namespace, and the namespace.
func remove(ns string) {
	out, _ := exec.Command("ip", "netns", "pids", ns).Output()
	for _, f := range strings.Fields(string(out)) {
		if pid, err := strconv.Atoi(f); err == nil && pid > 1 {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
	_ = exec.Command("ip", "netns", "del", ns).Run()
}

// sweepUp removes what tests left behind that were killed.
func sweepUp() {
	for _, ns := range namespaces(prefix + "-") {
		pid, _ := strconv.Atoi(strings.Split(ns, "-")[1])
		if pid == 0 || syscall.Kill(pid, 0) != nil {
			remove(ns)
		}
	}
}

func (l *lab) end() {
	for _, c := range l.procs {
		_ = c.Process.Kill()
		_ = c.Wait()
	}
	for _, ns := range namespaces(fmt.Sprintf("%s-%d-", prefix, os.Getpid())) {
		remove(ns)
	}
}

// ip runs the program ip in a namespace.
func (l *lab) ip(node string, args ...string) {
	l.t.Helper()
	out, err := exec.Command("ip", append([]string{"-n", l.ns(node)}, args...)...).CombinedOutput()
	require.NoError(l.t, err, "ip -n %s %v: %s", node, args, out)
}

func (l *lab) in(node string, args ...string) *exec.Cmd {
	c := exec.Command("ip", append([]string{"netns", "exec", l.ns(node), "unshare", "--uts", "--mount", "sh", "-c", `hostname "$0"; mount --bind "$NODE.machine-id" /etc/machine-id; mount --bind "$NODE.hosts" /etc/hosts; mount --bind "$NODE.resolv" /etc/resolv.conf; exec "$@"`, node}, args...)...)
	c.Env = append(os.Environ(), "SNMP_PERSISTENT_DIR="+filepath.Join(l.dir, node), "NODE="+filepath.Join(l.dir, node), "MIBS=")
	return c
}

func (l *lab) run(node string, args ...string) string {
	l.t.Helper()
	out, err := l.in(node, args...).CombinedOutput()
	require.NoError(l.t, err, "%s: %v: %s", node, args, out)
	return string(out)
}

// node makes a namespace.
func (l *lab) node(name string) {
	l.t.Helper()
	out, err := exec.Command("ip", "netns", "add", l.ns(name)).CombinedOutput()
	require.NoError(l.t, err, "%s", out)
	l.ip(name, "link", "set", "lo", "up")
	sum := sha256.Sum256([]byte(name))
	// lldpd asks the resolver for the name of its host, which must not take seconds.
	l.file(name+".hosts", "127.0.0.1 localhost\n127.0.1.1 "+name+"\n")
	l.file(name+".resolv", "options attempts:1 timeout:1\n")
	l.file(name+".machine-id", hex.EncodeToString(sum[:16])+"\n")
}

// mac gives the next hardware address of the block for documentation (RFC 7042).
func (l *lab) mac() string {
	l.next++
	return fmt.Sprintf("00:00:5e:00:53:%02x", l.next)
}

// wire joins a port of one node with a port of another.
func (l *lab) wire(a, ap, b, bp string) {
	l.t.Helper()
	l.ip(a, "link", "add", ap, "address", l.mac(), "type", "veth", "peer", "name", bp, "address", l.mac(), "netns", l.ns(b))
	l.ip(a, "link", "set", ap, "up")
	l.ip(b, "link", "set", bp, "up")
}

func (l *lab) address(node, port, cidr string) { l.ip(node, "addr", "add", cidr, "dev", port) }

func (l *lab) gateway(node, via string) { l.ip(node, "route", "add", "default", "via", via) }

// router makes a node that forwards.
func (l *lab) router(name string) {
	l.node(name)
	l.run(name, "sysctl", "-qw", "net.ipv4.ip_forward=1")
}

// bridge makes a switch of a node out of its ports, with an address to manage it.
func (l *lab) bridge(name, cidr, via string, ports ...string) {
	l.t.Helper()
	l.ip(name, "link", "add", "br0", "address", l.mac(), "type", "bridge")
	for _, p := range ports {
		l.ip(name, "link", "set", p, "master", "br0")
	}
	l.ip(name, "link", "set", "br0", "up")
	l.address(name, "br0", cidr)
	l.gateway(name, via)
}

// start runs a program in a namespace until the test ends.
func (l *lab) start(node string, args ...string) *exec.Cmd {
	l.t.Helper()
	c := l.in(node, args...)
	log, err := os.Create(filepath.Join(l.dir, node+"-"+filepath.Base(args[0])+".log"))
	require.NoError(l.t, err)
	c.Stdout, c.Stderr = log, log
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	require.NoError(l.t, c.Start())
	_ = log.Close()
	l.procs[node+" "+filepath.Base(args[0])] = c
	l.t.Cleanup(func() {
		if b, err := os.ReadFile(log.Name()); err == nil && l.t.Failed() && len(b) > 0 {
			l.t.Logf("%s %s:\n%s", node, args[0], b[max(0, len(b)-800):])
		}
	})
	return c
}

func (l *lab) stop(node, program string) {
	l.t.Helper()
	c := l.procs[node+" "+program]
	require.NoError(l.t, c.Process.Kill())
	_ = c.Wait()
	delete(l.procs, node+" "+program)
}

func (l *lab) file(name, text string) string {
	l.t.Helper()
	path := filepath.Join(l.dir, name)
	require.NoError(l.t, os.WriteFile(path, []byte(text), 0o644))
	return path
}

// snmp starts snmpd with the access given. extra is more of its configuration.
func (l *lab) snmp(node, access string, extra ...string) {
	l.t.Helper()
	require.NoError(l.t, os.MkdirAll(filepath.Join(l.dir, node), 0o700))
	conf := fmt.Sprintf("sysName %s\nsysLocation lab\nsysContact ops@example.org\n%s\nmaster agentx\nagentXSocket %s/%s.agentx\nagentXPerms 0777 0777\n%s\n", node, access, l.dir, node, strings.Join(extra, "\n"))
	l.start(node, "snmpd", "-f", "-C", "-c", l.file(node+".snmpd.conf", conf), "-LE", "3", "-I", "-smux", "udp:161")
}

// lldp starts lldpd, which speaks on the ports and tells what it hears to snmpd.
func (l *lab) lldp(node, ports string, conf ...string) {
	l.t.Helper()
	l.until("snmpd takes subagents", func() bool { _, err := os.Stat(l.dir + "/" + node + ".agentx"); return err == nil })
	text := strings.Join(append([]string{"configure lldp tx-interval 1", "configure lldp tx-hold 5", "configure system ip management pattern 10.201.*", "configure system hostname " + node}, conf...), "\n") + "\n"
	l.start(node, "lldpd", "-d", "-x", "-X", l.dir+"/"+node+".agentx", "-u", l.dir+"/"+node+".lldp", "-O", l.file(node+".lldpd.conf", text), "-I", ports)
}

// hears gives the names of the neighbors that lldpd hears, by local port.
func (l *lab) hears(node string) map[string][]string {
	l.t.Helper()
	out := map[string][]string{}
	b, err := exec.Command("lldpcli", "-u", l.dir+"/"+node+".lldp", "-f", "json0", "show", "neighbors").Output()
	if err != nil {
		return out
	}
	var doc struct {
		LLDP []struct {
			Interface []struct {
				Name    string
				Chassis []struct {
					Name []struct{ Value string }
				}
			}
		}
	}
	if json.NewDecoder(bytes.NewReader(b)).Decode(&doc) != nil {
		return out
	}
	for _, x := range doc.LLDP {
		for _, i := range x.Interface {
			for _, c := range i.Chassis {
				for _, n := range c.Name {
					out[i.Name] = append(out[i.Name], n.Value)
				}
			}
		}
	}
	return out
}

// until waits for a state of the lab.
func (l *lab) until(what string, cond func() bool) {
	l.t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for !cond() {
		if time.Now().After(deadline) {
			l.t.Fatalf("%s: not within 20 s", what)
		}
		time.Sleep(50 * time.Millisecond)
	}
}
