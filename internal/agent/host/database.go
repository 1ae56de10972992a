package host

import (
	"bufio"
	"context"
	"net"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/agentwire"
)

// databaseOf names the engine by the process that listens.
var databaseOf = map[string]string{"postgres": "postgres", "mysqld": "mysql", "mariadbd": "mysql", "redis-server": "redis", "valkey-server": "redis"}

// Databases are the database servers among the ports. PostgreSQL and MySQL are not
// asked: a login that fails would stand in their log and count against this host. What
// their own program says of its version is enough. Redis is asked when it needs no
// password.
func Databases(ctx context.Context, ports []agentwire.Port) []agentwire.Database {
	out := []agentwire.Database{}
	for _, p := range ports {
		engine := databaseOf[p.Process]
		if engine == "" || p.Protocol != "tcp" || engine == "mysql" && p.Port == 33060 {
			continue // 33060 is a second door to the same MySQL
		}
		d := agentwire.Database{Engine: engine, Name: engine + ":" + strconv.Itoa(p.Port), Port: p.Port, Version: programVersion(ctx, p.PID)}
		if engine == "redis" {
			askRedis(ctx, net.JoinHostPort(nearest(p.Addresses), strconv.Itoa(p.Port)), &d)
		}
		out = append(out, d)
	}
	return out
}

// nearest is the address at which this host reaches the port.
func nearest(addresses []string) string {
	for _, a := range addresses {
		if a == "0.0.0.0" || a == "::" || a == "127.0.0.1" || a == "*" {
			return "127.0.0.1"
		}
	}
	if len(addresses) > 0 {
		return addresses[0]
	}
	return "127.0.0.1"
}

var versionRE = regexp.MustCompile(`(?:v=|Ver |\) |version )(\d+(?:\.\d+)+[0-9A-Za-z.+~-]*)`)

// programVersion runs the program of a process with --version. It does so only for
// programs that root installed below /usr or /opt: anybody may name a process postgres.
func programVersion(ctx context.Context, pid int32) string {
	if runtime.GOOS != "linux" || pid == 0 {
		return ""
	}
	exe := "/proc/" + strconv.Itoa(int(pid)) + "/exe"
	path, err := os.Readlink(exe)
	if err != nil || !strings.HasPrefix(path, "/usr/") && !strings.HasPrefix(path, "/opt/") {
		return ""
	}
	running, err := os.Stat(exe)
	if err != nil {
		return ""
	}
	// In a container the same path is another file.
	installed, err := os.Stat(path)
	if err != nil || !os.SameFile(running, installed) || !ofRoot(installed) {
		return ""
	}
	return parseVersion(string(program(ctx, path, "--version")))
}

func parseVersion(s string) string {
	if m := versionRE.FindStringSubmatch(s[:min(len(s), 1000)]); m != nil {
		return m[1]
	}
	return ""
}

const (
	redisTimeout = 3 * time.Second
	maxInfo      = 64 << 10
)

// askRedis reads INFO, see https://redis.io/docs/latest/commands/info/.
func askRedis(ctx context.Context, addr string, d *agentwire.Database) {
	dial := net.Dialer{Timeout: redisTimeout}
	c, err := dial.DialContext(ctx, "tcp", addr)
	if err != nil {
		return
	}
	defer c.Close()
	if c.SetDeadline(time.Now().Add(redisTimeout)) != nil {
		return
	}
	if _, err := c.Write([]byte("INFO\r\n")); err != nil {
		return
	}
	r := bufio.NewReader(c)
	head, err := r.ReadSlice('\n')
	size, err2 := strconv.Atoi(strings.Trim(string(head), "$\r\n"))
	if err != nil || err2 != nil || len(head) < 2 || head[0] != '$' || size < 0 {
		return // a password is needed, or it is something else
	}
	buf := make([]byte, min(size, maxInfo))
	for n := 0; n < len(buf); {
		k, err := r.Read(buf[n:])
		if err != nil {
			return
		}
		n += k
	}
	parseInfo(string(buf), d)
}

func parseInfo(s string, d *agentwire.Database) {
	v := map[string]string{}
	for l := range strings.Lines(s) {
		if k, x, ok := strings.Cut(strings.TrimSpace(l), ":"); ok {
			v[k] = x
		}
	}
	for _, k := range []string{"valkey_version", "redis_version"} {
		if v[k] != "" {
			d.Version = clean(v[k], 50)
			break
		}
	}
	d.SizeBytes, _ = strconv.ParseUint(v["used_memory"], 10, 64)
	if slices.Contains([]string{"master", "slave"}, v["role"]) {
		d.Replication = map[string]string{"master": "primary", "slave": "replica"}[v["role"]]
		if n := v["connected_slaves"]; v["role"] == "master" && n != "" && n != "0" {
			d.Replication += ", " + clean(n, 10) + " connected"
		}
		if v["role"] == "slave" {
			d.Replication += ", link " + clean(v["master_link_status"], 20)
		}
	}
}
