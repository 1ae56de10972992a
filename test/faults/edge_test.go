package faults

import (
	"bytes"
	"encoding/json"
	"net"
	"net/url"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/core/snmp"
	"github.com/mainstay-ops/mainstay/internal/testkit"
	"github.com/mainstay-ops/mainstay/internal/testkit/snmpreplay"
)

// runEdge starts the edge; it ends with the test.
func runEdge(t *testing.T, dir string) *exec.Cmd {
	t.Helper()
	c := exec.Command(binary(t), "edge", "run", "--dir", dir)
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

type change struct {
	At       time.Time
	From, To string
	Kind     string
	Hard     bool
}

// history gives what happened to a check, the oldest first.
func history(t *testing.T, p *program, check string) []change {
	t.Helper()
	var out struct{ Items []change }
	if !get(t, p, "/api/v1/checks/"+url.PathEscape(check)+"/history?limit=200", &out) {
		return nil
	}
	for i, j := 0, len(out.Items)-1; i < j; i, j = i+1, j-1 {
		out.Items[i], out.Items[j] = out.Items[j], out.Items[i]
	}
	return out.Items
}

// branchSwitch lets the edge west discover a device, which it polls every 10 s then.
func branchSwitch(t *testing.T, p *program) {
	t.Helper()
	text := func(oid snmp.OID, s string) snmp.Var {
		return snmp.Var{OID: oid, Kind: snmp.OctetString, Raw: []byte(s)}
	}
	address := snmpreplay.New(
		text("1.3.6.1.2.1.1.1.0", "A switch of the branch"), text("1.3.6.1.2.1.1.5.0", "branch-switch"),
		snmp.Var{OID: "1.3.6.1.2.1.1.3.0", Kind: snmp.TimeTicks, Unum: 5000}, snmp.Var{OID: "1.3.6.1.2.1.2.1.0", Kind: snmp.Integer},
	).Serve(t, "hush")
	host, port, err := net.SplitHostPort(address)
	require.NoError(t, err)
	p.must("POST", "/api/v1/apply", "credentials: [{name: c, version: 2c, community: hush, port: "+port+"}]", nil)
	p.must("POST", "/api/v1/discovery-jobs", map[string]any{"name": "branch", "from": "west", "targets": []string{host}, "credentials": []string{"c"}, "methods": []string{"ping", "snmp"}}, nil)
	var v struct{ State string }
	eventually(t, "the edge has read the device", func() bool { return get(t, p, "/api/v1/items/branch-switch", &v) })
	p.must("PUT", "/api/v1/devices/branch-switch/polling", map[string]any{"every_seconds": 10}, nil)
	eventually(t, "the edge polls it", func() bool { return get(t, p, "/api/v1/devices/branch-switch", &v) && v.State == "up" })
}

// An edge goes on while the server is killed, and is killed itself before it delivered.
// What it found meanwhile becomes history, with its own times, each result once, and
// nobody is told of what is over.
func TestEdge(t *testing.T) {
	t.Parallel()
	address, data, dir := freeAddress(t), t.TempDir(), t.TempDir()
	p := start(t, address, data)
	var tok struct{ Token string }
	p.must("POST", "/api/v1/agent-tokens", map[string]any{"kind": "edge"}, &tok)
	out, err := exec.Command(binary(t), "edge", "enroll", "--url", p.url, "--token", tok.Token, "--name", "west", "--dir", dir).CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Contains(t, string(out), "Enrolled as the edge west")
	e := runEdge(t, dir)

	// The check is critical while the file is there.
	flag := filepath.Join(t.TempDir(), "down")
	script, err := json.Marshal("test ! -e " + flag + " || exit 2")
	require.NoError(t, err)
	p.must("POST", "/api/v1/apply", "items: [{name: branch, kind: application}]\nchecks: [{name: line, item: branch, from: west, every: 500ms, retry_every: 500ms, attempts: 2, script: {shell: "+string(script)+"}}]", nil)
	var c struct{ State string }
	state := func() string {
		c.State = ""
		get(t, p, "/api/v1/checks/line", &c)
		return c.State
	}
	eventually(t, "the check is ok", func() bool { return state() == "ok" })

	branchSwitch(t, p)

	p.kill()
	gone := time.Now()
	size := folderSize(t, dir)
	require.NoError(t, exec.Command("touch", flag).Run())
	eventually(t, "the edge keeps what it finds", func() bool { return time.Since(gone) > 5*time.Second && folderSize(t, dir) > size })
	require.NoError(t, exec.Command("rm", flag).Run())
	// Long enough that what waits is of the past, not late.
	eventually(t, "time passes", func() bool { return time.Since(gone) > 40*time.Second })
	require.NoError(t, e.Process.Kill())
	_ = e.Wait()
	back := time.Now()
	p = start(t, address, data)
	runEdge(t, dir)

	var hard []change
	eventually(t, "the outage is history", func() bool {
		hard = nil
		for _, h := range history(t, p, "line") {
			if h.Kind == "state" && h.Hard {
				hard = append(hard, h)
			}
		}
		return len(hard) == 2 && state() == "ok"
	})
	require.Equal(t, []string{"critical", "ok"}, []string{hard[0].To, hard[1].To})
	require.WithinRange(t, hard[0].At, gone, gone.Add(5*time.Second), "when it began, not when it was told")
	require.WithinRange(t, hard[1].At, gone.Add(5*time.Second), gone.Add(15*time.Second))
	for _, h := range history(t, p, "line") {
		require.NotEqual(t, "notice problem", h.Kind, "nobody is paged for the past")
	}
	var open struct{ Items []any }
	p.must("GET", "/api/v1/incidents?open=true", nil, &open)
	require.Empty(t, open.Items)

	series := `check_status{check="line",from="west"}[1h]`
	var ts []float64
	testkit.Eventually(t, 60*time.Second, "the figures have no hole while the server was away", func() bool {
		ts = times(t, p, series)
		n := 0
		for _, at := range ts {
			if at > float64(gone.Unix()+1) && at < float64(back.Unix()-1) {
				n++
			}
		}
		return n >= 60 // every 500 ms for 40 s
	})
	// A run that was late is followed by one in time, so distances say nothing; twice the
	// results would be twice as many.
	require.LessOrEqual(t, float64(len(ts)), 2*(ts[len(ts)-1]-ts[0])+6, "each result once")

	// So has what it polled by SNMP, every 10 s.
	polls := `device_up{item="branch-switch"}[1h]`
	testkit.Eventually(t, 60*time.Second, "the polls have arrived", func() bool {
		n := 0
		for _, at := range times(t, p, polls) {
			if at > float64(gone.Unix()+1) && at < float64(back.Unix()-1) {
				n++
			}
		}
		return n >= 3
	})

	// Killed in the middle of delivering, again and again: nothing is lost after it was
	// acknowledged.
	for range 3 {
		p.kill()
		p = start(t, address, data)
		eventually(t, "it delivers", func() bool {
			ts := times(t, p, series)
			return len(ts) > 0 && time.Since(time.UnixMilli(int64(ts[len(ts)-1]*1000))) < 3*time.Second
		})
	}
	ts = times(t, p, series)
	for i := 1; i < len(ts); i++ {
		d := ts[i] - ts[i-1]
		if ts[i] < float64(back.Unix()-1) || ts[i-1] > float64(back.Unix()+5) {
			require.Less(t, d, 2.5, "a hole")
		}
	}
	require.LessOrEqual(t, float64(len(ts)), 2*(ts[len(ts)-1]-ts[0])+12, "each result once")
	ts = times(t, p, polls)
	for i := 1; i < len(ts); i++ {
		require.Greater(t, ts[i]-ts[i-1], 5.0, "a poll twice")
	}
	p.stop()
}
