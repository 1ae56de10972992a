package faults

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/testkit"
)

// agentHost is an agent of the real program with a folder of its own.
type agentHost struct {
	t              *testing.T
	bin, dir, logs string
	config         string
	cmd            *exec.Cmd
	log            bytes.Buffer
	name           string
}

// newAgentHost enrolls an agent that may read logs, and run programs of run.
func newAgentHost(t *testing.T, p *program, config string) *agentHost {
	t.Helper()
	base := t.TempDir()
	h := &agentHost{t: t, bin: binary(t), dir: filepath.Join(base, "agent"), logs: filepath.Join(base, "logs"), config: filepath.Join(base, "agent.yaml")}
	require.NoError(t, os.MkdirAll(h.logs, 0o755)) //nolint:gosec // a folder of logs
	require.NoError(t, os.WriteFile(h.config, []byte(strings.ReplaceAll(config, "LOGS", h.logs)), 0o600))
	var tok struct{ Token string }
	p.must("POST", "/api/v1/agent-tokens", map[string]any{}, &tok)
	out, err := exec.Command(h.bin, "agent", "enroll", "--dir", h.dir, "--url", p.url, "--token", tok.Token).CombinedOutput()
	require.NoError(t, err, "%s", out)
	b, err := os.ReadFile(filepath.Join(h.dir, "identity.json"))
	require.NoError(t, err)
	var who struct{ Item string }
	require.NoError(t, json.Unmarshal(b, &who))
	h.name = who.Item
	t.Cleanup(func() {
		h.kill()
		if t.Failed() {
			t.Log(h.log.String())
		}
	})
	return h
}

func (h *agentHost) start() {
	h.t.Helper()
	h.cmd = exec.Command(h.bin, "agent", "run", "--dir", h.dir, "--config", h.config)
	h.cmd.Stderr = &h.log
	require.NoError(h.t, h.cmd.Start())
}

func (h *agentHost) kill() {
	if h.cmd != nil {
		_ = h.cmd.Process.Kill()
		_ = h.cmd.Wait()
		h.cmd = nil
	}
}

func (h *agentHost) write(name string, lines ...string) {
	h.t.Helper()
	f, err := os.OpenFile(filepath.Join(h.logs, name), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	require.NoError(h.t, err)
	_, err = f.WriteString(strings.Join(lines, "\n") + "\n")
	require.NoError(h.t, err)
	require.NoError(h.t, f.Close())
}

// stored gives the lines that a query finds.
func stored(t *testing.T, p *program, query string) []map[string]string {
	t.Helper()
	st, b, err := p.try(t.Context(), "GET", "/api/v1/logs/query?limit=20000&query="+url.QueryEscape(query), nil)
	if err != nil || st != 200 {
		return nil
	}
	var out []map[string]string
	sc := bufio.NewScanner(bytes.NewReader(b))
	sc.Buffer(nil, 4<<20)
	for sc.Scan() {
		var m map[string]string
		if json.Unmarshal(sc.Bytes(), &m) == nil && m["_msg"] != "" {
			out = append(out, m)
		}
	}
	return out
}

func (h *agentHost) view(p *program) (v struct {
	State    string
	Version  string
	Problems []string
	Program  struct{ SHA256, State, Why string }
},
) {
	get(h.t, p, "/api/v1/agents/"+url.PathEscape(h.name), &v)
	return v
}

// Lines of files arrive once each, whatever is killed when, and rotated in between.
func TestAgentLogs(t *testing.T) {
	t.Parallel()
	address, data := freeAddress(t), t.TempDir()
	p := start(t, address, data)
	h := newAgentHost(t, p, "logs: {directories: [LOGS]}\n")
	h.write("app.log", "before the rule")
	p.must("PUT", "/api/v1/agent-logs/all", map[string]any{"files": []map[string]any{{"path": h.logs + "/*.log", "app": "shop"}, {"path": "/etc/passwd"}}, "lines_per_second": 20000}, nil)
	h.start()
	testkit.Eventually(t, 60*time.Second, "the agent works by the rule, and says what its host forbids", func() bool {
		v := h.view(p)
		return v.State == "up" && len(v.Problems) == 1 && strings.Contains(v.Problems[0], "/etc/passwd is not in a folder")
	})
	n := 0
	want := map[string]int{}
	burst := func() {
		var ls []string
		for range 400 {
			n++
			l := fmt.Sprintf("order %d taken", n)
			want[l] = 1
			ls = append(ls, l)
		}
		h.write("app.log", ls...)
	}
	query := `item:=` + fmt.Sprintf("%q", h.name) + ` app:=shop`
	arrived := func() bool { return len(stored(t, p, query)) > n-400 }
	burst()
	testkit.Eventually(t, 60*time.Second, "lines arrive", arrived)
	for i := range 3 {
		burst()
		h.kill()
		h.start()
		burst()
		p.kill()
		burst()
		require.NoError(t, os.Rename(filepath.Join(h.logs, "app.log"), filepath.Join(h.logs, fmt.Sprintf("app.log.%d", i))))
		burst()
		if i == 1 {
			h.kill()
			burst()
			h.start()
		}
		p = start(t, address, data)
	}
	h.write("app.log", "panic: it broke", "\tat main.go:1", "the last one")
	testkit.Eventually(t, 120*time.Second, "the last line arrives", func() bool { return len(stored(t, p, query+` "the last one"`)) == 1 })
	got := map[string]int{}
	joined := 0
	for _, l := range stored(t, p, query) {
		if strings.HasPrefix(l["_msg"], "order ") {
			got[l["_msg"]]++
			require.NotEmpty(t, l["file"])
		}
		if l["_msg"] == "panic: it broke\n\tat main.go:1" {
			joined++
		}
	}
	require.Equal(t, 1, joined)
	require.Len(t, got, len(want), "no line is lost")
	require.Equal(t, want, got, "no line is doubled")
	require.Empty(t, stored(t, p, `"before the rule"`), "what was there before the rule is not read")
	p.stop()
}

// The journal of a systemd-journald of our own: units, priorities and the known formats.
func TestAgentJournal(t *testing.T) {
	const daemon = "/lib/systemd/systemd-journald"
	if _, err := os.Stat(daemon); err != nil || os.Geteuid() != 0 {
		testkit.Missing(t, "systemd-journald cannot be started here")
	}
	machine, err := os.ReadFile("/etc/machine-id")
	if err != nil {
		testkit.Missing(t, "this machine has no id")
	}
	space := fmt.Sprintf("mainstay%d", os.Getpid())
	// It ends by itself when it had nothing to do for half a minute.
	var j *exec.Cmd
	wake := func() {
		if j != nil {
			_ = j.Process.Kill()
			_ = j.Wait()
		}
		j = exec.Command(daemon, space)
		require.NoError(t, j.Start())
	}
	wake()
	dirs := []string{}
	for _, d := range []string{"/var/log/journal/", "/run/log/journal/"} {
		dirs = append(dirs, d+strings.TrimSpace(string(machine))+"."+space)
	}
	t.Cleanup(func() {
		_ = j.Process.Kill()
		_ = j.Wait()
		for _, d := range append(dirs, "/run/systemd/journal."+space) {
			_ = os.RemoveAll(d)
		}
	})
	sock := "/run/systemd/journal." + space + "/socket"
	say := func(text string, more ...string) {
		c, err := net.Dial("unixgram", sock)
		if err != nil {
			wake()
			testkit.Eventually(t, 30*time.Second, "journald listens again", func() bool { c, err = net.Dial("unixgram", sock); return err == nil })
		}
		_, err = c.Write([]byte(strings.Join(append([]string{"MESSAGE=" + text}, more...), "\n") + "\n"))
		require.NoError(t, err)
		require.NoError(t, c.Close())
	}
	dir := ""
	testkit.Eventually(t, 20*time.Second, "a journal", func() bool {
		for _, d := range dirs {
			if _, err := os.Stat(d + "/system.journal"); err == nil {
				dir = d
			}
		}
		_, err := os.Stat(sock)
		return dir != "" && err == nil
	})
	say("before the rule")
	p := start(t, freeAddress(t), t.TempDir())
	h := newAgentHost(t, p, "logs: {journal_directory: "+dir+"}\n")
	p.must("PUT", "/api/v1/agent-logs/journal", map[string]any{"journal": true}, nil)
	h.start()
	testkit.Eventually(t, 60*time.Second, "the agent reads the journal", func() bool {
		say("are you there", "SYSLOG_IDENTIFIER=probe")
		return len(stored(t, p, `"are you there"`)) > 0
	})
	say("Failed password for root from 192.0.2.7 port 4711 ssh2", "PRIORITY=4", "SYSLOG_IDENTIFIER=sshd", "UNIT=ssh.service")
	h.kill()
	say("while the agent is away", "PRIORITY=3", "SYSLOG_IDENTIFIER=probe")
	h.start()
	var got []map[string]string
	testkit.Eventually(t, 60*time.Second, "what was written meanwhile arrives", func() bool {
		return len(stored(t, p, `"while the agent is away"`)) > 0
	})
	got = stored(t, p, `"Failed password"`)
	require.Len(t, got, 1)
	require.Equal(t, "warning", got[0]["level"])
	require.Equal(t, "ssh.service", got[0]["unit"])
	require.Equal(t, "4", got[0]["priority"])
	require.Equal(t, h.name, got[0]["item"])
	require.NotEmpty(t, got[0]["format"], "known formats are read: %v", got[0])
	require.Len(t, stored(t, p, `"while the agent is away"`), 1)
	require.Empty(t, stored(t, p, `"before the rule"`))
	p.stop()
}

// Plugins run on the host, but only from the folders that the host allows; a silent
// agent makes its checks unreachable.
func TestAgentChecks(t *testing.T) {
	t.Parallel()
	const plugins = "/usr/lib/nagios/plugins"
	if _, err := os.Stat(plugins + "/check_procs"); err != nil {
		testkit.Missing(t, "monitoring-plugins are not installed")
	}
	address, data := freeAddress(t), t.TempDir()
	p := start(t, address, data)
	h := newAgentHost(t, p, "run: ["+plugins+"]\n")
	h.start()
	testkit.Eventually(t, 60*time.Second, "the agent is up", func() bool { return h.view(p).State == "up" })
	// The server hears of a new agent within some seconds.
	check := func(name string, probe map[string]any) (int, string) {
		body := map[string]any{"name": name, "item": h.name, "from": "agent", "every": "2s", "attempts": 1}
		for k, v := range probe {
			body["type"], body["probe"] = k, v
		}
		st, b, err := p.try(t.Context(), "POST", "/api/v1/checks", body)
		require.NoError(t, err)
		return st, string(b)
	}
	st, last := 0, ""
	defer func() {
		if t.Failed() {
			t.Log(last)
		}
	}()
	testkit.Eventually(t, 30*time.Second, "a check is taken", func() bool {
		st, last = check("procs", map[string]any{"plugin": map[string]any{"command": []string{plugins + "/check_procs", "-c", "1:100000"}}})
		return st == 201
	})
	for name, argv := range map[string][]string{"shell": {"/bin/sh", "-c", "exit 0"}, "negate": {plugins + "/negate", "/bin/true"}, "load": {plugins + "/check_procs", "-c", "1000000:"}} {
		st, b := check(name, map[string]any{"plugin": map[string]any{"command": argv}})
		require.Equal(t, 201, st, b)
	}
	b := ""
	st, b = check("root disk", map[string]any{"disk": map[string]any{"path": "/"}})
	require.Equal(t, 201, st, b)
	st, b = check("code", map[string]any{"script": map[string]any{"shell": "exit 0"}})
	require.Equal(t, 422, st, b)
	require.Contains(t, b, "and nothing else")
	st, b = check("env", map[string]any{"plugin": map[string]any{"command": []string{plugins + "/check_procs"}, "env": map[string]string{"LD_PRELOAD": "/x"}}})
	require.Equal(t, 422, st, b)
	type view struct {
		State, Output string
		Away          string
	}
	is := func(name string) (v view) {
		get(t, p, "/api/v1/checks/"+url.PathEscape(name), &v)
		return v
	}
	testkit.Eventually(t, 90*time.Second, "results arrive", func() bool {
		return is("procs").State == "ok" && is("load").State == "critical" && is("root disk").State != "pending" && is("shell").State == "unknown" && is("negate").State == "unknown"
	})
	require.Contains(t, is("procs").Output, "PROCS OK")
	require.Contains(t, is("shell").Output, "not in a folder that this host allows")
	require.Contains(t, is("negate").Output, "runs any other program")
	h.kill()
	testkit.Eventually(t, 150*time.Second, "a silent agent makes its checks unreachable", func() bool { return is("procs").State == "unreachable" })
	h.start()
	testkit.Eventually(t, 90*time.Second, "and they come back", func() bool { return is("procs").State == "ok" })
	p.stop()
}

// An agent becomes the program that the server has, and goes back when that does not
// report.
func TestAgentUpdate(t *testing.T) {
	t.Parallel()
	p := start(t, freeAddress(t), t.TempDir())
	h := newAgentHost(t, p, "{}\n")
	// Another program: bytes behind the end of an executable change nothing but its sum.
	b, err := os.ReadFile(h.bin)
	require.NoError(t, err)
	h.bin = filepath.Join(t.TempDir(), "mainstay")
	require.NoError(t, os.WriteFile(h.bin, append(b, "older"...), 0o755)) //nolint:gosec // a program
	h.start()
	testkit.Eventually(t, 60*time.Second, "the agent says that it is another program", func() bool { return h.view(p).Program.State == "other" })
	old := h.view(p).Program.SHA256
	var ans struct {
		Asked   []string
		Skipped map[string]string
	}
	p.must("POST", "/api/v1/agent-updates", map[string]any{"share": 10}, &ans)
	require.Equal(t, []string{h.name}, ans.Asked, "%v", ans.Skipped)
	pid := h.cmd.Process.Pid
	testkit.Eventually(t, 120*time.Second, "it becomes that of the server", func() bool { return h.view(p).Program.State == "current" })
	require.NotEqual(t, old, h.view(p).Program.SHA256)
	exe := filepath.Join(h.dir, "program", "mainstay")
	testkit.Eventually(t, 60*time.Second, "the service is the new program itself", func() bool {
		at, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid))
		return err == nil && at == exe
	})
	h.kill()
	h.start()
	testkit.Eventually(t, 60*time.Second, "a restart begins with the new one", func() bool {
		at, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", h.cmd.Process.Pid))
		return err == nil && at == exe
	})
	p.stop()
}
