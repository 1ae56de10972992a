package host

import (
	"bufio"
	"context"
	"errors"
	"net"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mainstay-ops/mainstay/internal/agent/local"
	"github.com/mainstay-ops/mainstay/internal/core/agentwire"
)

// databaseOf names the engine by the process that listens.
var databaseOf = map[string]string{"postgres": "postgres", "mysqld": "mysql", "mariadbd": "mysql", "redis-server": "redis", "valkey-server": "redis"}

// Databases are the database servers among the ports. PostgreSQL and MySQL are asked
// only when agent.yaml says how: a login that fails would stand in their log and count
// against this host. Else what their own program says of its version is enough. Redis
// is asked when it needs no password.
func Databases(ctx context.Context, ports []agentwire.Port, known []local.Database) []agentwire.Database {
	out := []agentwire.Database{}
	for _, p := range ports {
		engine := databaseOf[p.Process]
		if engine == "" || p.Protocol != "tcp" || engine == "mysql" && p.Port == 33060 {
			continue // 33060 is a second door to the same MySQL
		}
		d := agentwire.Database{Engine: engine, Name: engine + ":" + strconv.Itoa(p.Port), Port: p.Port, Version: programVersion(ctx, p.PID)}
		host, a := nearest(p.Addresses), accessFor(known, engine, p.Port)
		var err error
		switch {
		case engine == "redis":
			err = askRedis(ctx, host, a, &d)
		case a == nil:
			err = errors.New("agent.yaml does not say how to log in")
		case engine == "postgres":
			err = askPostgres(ctx, host, a, &d)
		case engine == "mysql":
			err = askMySQL(ctx, host, a, &d)
		}
		if err != nil {
			d.Note = "Size and replication are not known: " + err.Error() + "."
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
func askRedis(ctx context.Context, host string, a *local.Database, d *agentwire.Database) error {
	dial := net.Dialer{Timeout: redisTimeout}
	network, addr := redisAddress(host, a, d.Port)
	c, err := dial.DialContext(ctx, network, addr)
	if err != nil {
		return errors.New("it does not answer")
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(redisTimeout)); err != nil {
		return err
	}
	r := bufio.NewReader(c)
	if a != nil && a.PasswordFile != "" {
		p, err := passwordOf(a)
		if err != nil {
			return err
		}
		auth := []string{"AUTH", p}
		if a.User != "" {
			auth = []string{"AUTH", a.User, p}
		}
		if _, err := c.Write(respCommand(auth)); err != nil {
			return errors.New("it does not answer")
		}
		if l, err := r.ReadSlice('\n'); err != nil || l[0] != '+' {
			return errors.New("it refused the password of agent.yaml")
		}
	}
	if _, err := c.Write([]byte("INFO\r\n")); err != nil {
		return errors.New("it does not answer")
	}
	head, err := r.ReadSlice('\n')
	size, err2 := strconv.Atoi(strings.Trim(string(head), "$\r\n"))
	if err != nil || err2 != nil || len(head) < 2 || head[0] != '$' || size < 0 {
		if strings.HasPrefix(string(head), "-NOAUTH") || strings.HasPrefix(string(head), "-NOPERM") {
			return errors.New("it needs a password, and agent.yaml has none that is permitted to ask")
		}
		return errors.New("it does not answer like Redis")
	}
	buf := make([]byte, min(size, maxInfo))
	for n := 0; n < len(buf); {
		k, err := r.Read(buf[n:])
		if err != nil {
			return errors.New("its answer broke off")
		}
		n += k
	}
	parseInfo(string(buf), d)
	return nil
}

// respCommand writes a command as Redis reads it.
func respCommand(words []string) []byte {
	b := []byte("*" + strconv.Itoa(len(words)) + "\r\n")
	for _, w := range words {
		b = append(b, "$"+strconv.Itoa(len(w))+"\r\n"+w+"\r\n"...)
	}
	return b
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
	if t, err := strconv.ParseInt(v["rdb_last_save_time"], 10, 64); err == nil && t > 0 && t < 1<<40 && v["rdb_last_bgsave_status"] == "ok" {
		d.LastBackup, d.BackupOf = time.Unix(t, 0).UTC(), "dump file"
	}
	if slices.Contains([]string{"master", "slave"}, v["role"]) {
		d.Replication = map[string]string{"master": "primary", "slave": "replica"}[v["role"]]
		if n := v["connected_slaves"]; v["role"] == "master" && n != "" && n != "0" {
			d.Replication += ", " + clean(n, 10) + " connected"
		}
		if v["role"] == "slave" {
			d.Replication += ", link " + clean(v["master_link_status"], 20)
			if s, err := strconv.ParseFloat(v["master_last_io_seconds_ago"], 64); err == nil && s >= 0 {
				lag(d, s)
			}
		}
	}
}
