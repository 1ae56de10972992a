package faults

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/testkit"
)

// get reads a path as the administrator.
func get(t *testing.T, p *program, path string, out any) bool {
	t.Helper()
	st, b, err := p.try(t.Context(), "GET", path, nil)
	return err == nil && st == 200 && json.Unmarshal(b, out) == nil
}

// times gives the moments of a series, in seconds.
func times(t *testing.T, p *program, query string) []float64 {
	t.Helper()
	var out struct {
		Data struct {
			Result []struct{ Values [][2]any }
		}
	}
	if !get(t, p, "/prometheus/api/v1/query?query="+url.QueryEscape(query), &out) || len(out.Data.Result) == 0 {
		return nil
	}
	var ts []float64
	for _, v := range out.Data.Result[0].Values {
		ts = append(ts, v[0].(float64))
	}
	return ts
}

type agentState struct {
	Items []struct{ Name, State string }
}

// runAgent starts the agent; it ends with the test.
func runAgent(t *testing.T, bin, dir string) *exec.Cmd {
	t.Helper()
	c := exec.Command(bin, "agent", "run", "--dir", dir)
	var log bytes.Buffer
	c.Stderr = &log
	require.NoError(t, c.Start())
	t.Cleanup(func() {
		_ = c.Process.Kill()
		_ = c.Wait()
		if t.Failed() {
			t.Log(log.String())
		}
	})
	return c
}

// folderSize tells when the buffer grows.
func folderSize(t *testing.T, dir string) int64 {
	t.Helper()
	var n int64
	_ = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			if i, err := d.Info(); err == nil {
				n += i.Size()
			}
		}
		return nil
	})
	return n
}

// The one line installs the agent below a folder; what it reads arrives, also what it
// read while the server was killed and what it had not delivered when it was killed
// itself.
func TestAgent(t *testing.T) {
	t.Parallel()
	for _, tool := range []string{"curl", "sh"} {
		if _, err := exec.LookPath(tool); err != nil {
			testkit.Missing(t, tool+" is not installed")
		}
	}
	address, data, prefix := freeAddress(t), t.TempDir(), t.TempDir()
	p := start(t, address, data)
	st, b, err := p.try(t.Context(), "POST", "/api/v1/agent-tokens", map[string]any{"max_uses": 1})
	require.NoError(t, err)
	require.Equal(t, 201, st, "%s", b)
	var tok struct{ Token string }
	require.NoError(t, json.Unmarshal(b, &tok))
	script := "curl -fsS '" + p.url + "/agent/install.sh?token=" + tok.Token + "'"
	if sc, err := exec.LookPath("shellcheck"); err == nil {
		out, err := exec.Command("sh", "-c", script+" | "+sc+" -").CombinedOutput()
		require.NoError(t, err, "%s", out)
	}
	install := func() string {
		c := exec.Command("sh", "-c", script+" | sh")
		c.Env = append(os.Environ(), "PREFIX="+prefix)
		out, err := c.CombinedOutput()
		require.NoError(t, err, "%s", out)
		return string(out)
	}
	require.Contains(t, install(), "Enrolled as")
	again := install()
	require.Contains(t, again, "is up to date")
	require.Contains(t, again, "enrolled already")
	bin, dir := filepath.Join(prefix, "bin", "mainstay"), filepath.Join(prefix, "var", "lib", "mainstay-agent")

	a := runAgent(t, bin, dir)
	var list agentState
	testkit.Eventually(t, 60*time.Second, "the agent is up", func() bool {
		return get(t, p, "/api/v1/agents", &list) && len(list.Items) == 1 && list.Items[0].State == "up"
	})
	name := list.Items[0].Name
	var found struct{ Items []struct{ Name string } }
	testkit.Eventually(t, 60*time.Second, "packages are known", func() bool {
		return get(t, p, "/api/v1/agent-facts?kind=package&agent="+url.QueryEscape(name), &found) && len(found.Items) > 10
	})
	require.True(t, get(t, p, "/api/v1/items/"+url.PathEscape(name), &struct{}{}))
	series := "host_load1{item=" + strconv.Quote(name) + "}[1h]"
	testkit.Eventually(t, 60*time.Second, "figures arrive", func() bool { return len(times(t, p, series)) > 0 })

	p.kill()
	gone, size := time.Now(), folderSize(t, dir)
	testkit.Eventually(t, 60*time.Second, "the agent keeps what it reads", func() bool {
		return time.Since(gone) > 12*time.Second && folderSize(t, dir) > size
	})
	require.NoError(t, a.Process.Kill())
	_ = a.Wait()
	back := time.Now()
	p = start(t, address, data)
	runAgent(t, bin, dir)
	testkit.Eventually(t, 90*time.Second, "what was read meanwhile arrives", func() bool {
		for _, at := range times(t, p, series) {
			if at > float64(gone.Unix()+1) && at < float64(back.Unix()) {
				return true
			}
		}
		return false
	})
	var after struct{ Items []struct{ Name string } }
	require.True(t, get(t, p, "/api/v1/agent-facts?kind=package&agent="+url.QueryEscape(name), &after))
	require.Equal(t, found.Items, after.Items, "nothing twice")
	ts := times(t, p, series)
	for i := 1; i < len(ts); i++ {
		require.Greater(t, ts[i]-ts[i-1], 1.0, "a figure twice")
	}
	p.stop()
}
