package edge

import (
	"encoding/json"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/agent/identity"
	"github.com/mainstay-ops/mainstay/internal/core/edgewire"
	"github.com/mainstay-ops/mainstay/internal/core/snmp"
	"github.com/mainstay-ops/mainstay/internal/testkit"
	"github.com/mainstay-ops/mainstay/internal/testkit/apptest"
	"github.com/mainstay-ops/mainstay/internal/testkit/snmpreplay"
)

type jobView struct {
	State string
	Run   *struct {
		State, Message                       string
		Total, Done, New, Unchanged, Resumed int
		EndedAt                              *time.Time `json:"ended_at"`
	}
}

func post(t *testing.T, s *apptest.Server, want int, path string, body any) string {
	t.Helper()
	st, b := s.Do("POST", path, body)
	require.Equal(t, want, st, "%s: %s", path, b)
	return string(b)
}

// ended waits for the end of the newest run of a job.
func ended(t *testing.T, s *apptest.Server, job string) jobView {
	t.Helper()
	var v jobView
	testkit.Eventually(t, 60*time.Second, job+" has ended", func() bool {
		s.Get("/api/v1/discovery-jobs/"+job, &v)
		return v.Run != nil && v.Run.EndedAt != nil
	})
	return v
}

// A job that names an edge runs there: what it finds becomes items, and the checks that
// it suggests run on the edge as well.
func TestDiscovery(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, s *apptest.Server) {
		address := snmpreplay.New(
			snmp.Var{OID: "1.3.6.1.2.1.1.1.0", Kind: snmp.OctetString, Raw: []byte("A switch of the branch")},
			snmp.Var{OID: "1.3.6.1.2.1.1.2.0", Kind: snmp.ObjectID, Raw: []byte("1.3.6.1.4.1.8072.3.2.10")},
			snmp.Var{OID: "1.3.6.1.2.1.1.3.0", Kind: snmp.TimeTicks, Unum: 5000},
			snmp.Var{OID: "1.3.6.1.2.1.1.5.0", Kind: snmp.OctetString, Raw: []byte("branch-switch")},
			snmp.Var{OID: "1.3.6.1.2.1.2.1.0", Kind: snmp.Integer, Num: 0},
		).Serve(t, "hush")
		host, port, err := net.SplitHostPort(address)
		require.NoError(t, err)

		spec := map[string]any{"name": "branch", "from": "west", "targets": []string{host, "127.60.0.1-40"}, "credentials": []string{"c"}, "methods": []string{"ping", "snmp"}, "rate": 2000}
		s.Apply(fmt.Sprintf("credentials: [{name: c, version: 2c, community: hush, port: %s}]", port))
		require.Contains(t, post(t, s, 422, "/api/v1/discovery-jobs", spec), "needs an edge")
		dir := t.TempDir()
		require.NoError(t, join(t, s, dir, "west", token(t, s, "edge")))
		spec["from"] = "wets"
		require.Contains(t, post(t, s, 422, "/api/v1/discovery-jobs", spec), "did you mean west")
		spec["from"] = "west"
		post(t, s, 201, "/api/v1/discovery-jobs", spec)
		var v jobView
		testkit.Eventually(t, 20*time.Second, "it waits for the edge", func() bool {
			s.Get("/api/v1/discovery-jobs/branch", &v)
			return v.Run.Message != ""
		})
		require.Equal(t, "Waits for the edge: west was not heard of yet.", v.Run.Message)

		stop := runEdge(t, dir)
		v = ended(t, s, "branch")
		require.Equal(t, "done", v.Run.State, v.Run.Message)
		require.Equal(t, []int{41, 41, 41}, []int{v.Run.Total, v.Run.Done, v.Run.New})
		var sug struct {
			Items []struct{ ID, Name, From string }
		}
		s.Get("/api/v1/discovery/suggestions?item=branch-switch", &sug)
		require.NotEmpty(t, sug.Items, "it was read by SNMP")
		require.Equal(t, "west", sug.Items[0].From)
		post(t, s, 200, "/api/v1/discovery/suggestions/"+sug.Items[0].ID+"/accept", map[string]any{})
		testkit.Eventually(t, 20*time.Second, "the check runs on the edge", func() bool { return look(s, sug.Items[0].Name).State == "ok" })
		require.Equal(t, "west", look(s, sug.Items[0].Name).From)
		st, b := s.Do("GET", "/api/v1/export", nil)
		require.Equal(t, 200, st)
		require.Contains(t, string(b), "- c\n      from: west\n      rate: 2000")

		// What the edge read it polls, too.
		st, b = s.Do("PUT", "/api/v1/devices/branch-switch/polling", map[string]any{"every_seconds": 10})
		require.Equal(t, 200, st, "%s", b)
		var dev struct {
			State, From, Item string
			UptimeSeconds     float64 `json:"uptime_seconds"`
		}
		testkit.Eventually(t, 30*time.Second, "it is polled", func() bool {
			// The poller takes it up anew with the new interval; until then there is none.
			st, b := s.Do("GET", "/api/v1/devices/branch-switch", nil)
			return st == 200 && json.Unmarshal(b, &dev) == nil && dev.State == "up"
		})
		require.Equal(t, []string{"west", "branch-switch"}, []string{dev.From, dev.Item})
		require.InDelta(t, 50, dev.UptimeSeconds, 0.1)
		testkit.Eventually(t, 10*time.Second, "its check says so", func() bool {
			st, b := s.Do("GET", "/api/v1/checks/branch-switch%20snmp", nil)
			return st == 200 && strings.Contains(string(b), `"state":"ok"`)
		})
		require.Equal(t, "west", look(s, "branch-switch snmp").From)
		var q struct{ Data struct{ Result []any } }
		testkit.Eventually(t, 10*time.Second, "its figures are there", func() bool {
			s.Get("/prometheus/api/v1/query?query=device_up%7Bitem%3D%22branch-switch%22%7D", &q)
			return len(q.Data.Result) == 1
		})

		// A run that is held, or whose edge goes away, goes on where it was.
		slow := map[string]any{"name": "slow", "from": "west", "targets": []string{"127.61.0.0/22"}, "methods": []string{"ping"}, "rate": 400}
		post(t, s, 201, "/api/v1/discovery-jobs", slow)
		at := func(state string, done int) func() bool {
			return func() bool {
				s.Get("/api/v1/discovery-jobs/slow", &v)
				return v.State == state && v.Run.Done >= done
			}
		}
		testkit.Eventually(t, 20*time.Second, "it is under way", at("running", 100))
		post(t, s, 200, "/api/v1/discovery-jobs/slow/pause", map[string]any{})
		testkit.Eventually(t, 20*time.Second, "it is paused", at("paused", 100))
		require.Less(t, v.Run.Done, 1022)
		post(t, s, 200, "/api/v1/discovery-jobs/slow/resume", map[string]any{})
		v = ended(t, s, "slow")
		require.Equal(t, []any{"done", 1022, 1022, 1}, []any{v.Run.State, v.Run.Done, v.Run.New, v.Run.Resumed}, "each address once")
		stop()
	})
}

// A clock that is wrong is told, and its results count all the same.
func TestClock(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	dir := t.TempDir()
	require.NoError(t, join(t, s, dir, "west", token(t, s, "edge")))
	s.Apply("checks: [{name: port, from: west, every: 1m, tcp: {address: \"127.0.0.1:1\"}}]")
	who, err := identity.Load(dir)
	require.NoError(t, err)
	l, err := openLink(who, testkit.Logger(t), func(string, []byte) {})
	require.NoError(t, err)
	defer l.close()
	require.NoError(t, l.settled(t.Context()))
	ahead := time.Now().Add(time.Hour).UTC()
	hello, err := json.Marshal(edgewire.Hello{SentAt: ahead})
	require.NoError(t, err)
	testkit.Eventually(t, 10*time.Second, "it is greeted", func() bool { return l.ask(t.Context(), edgewire.AskHello, nil, hello, nil) == nil })
	testkit.Eventually(t, 10*time.Second, "its check warns", func() bool { return look(s, "west edge").State == "warning" })
	require.Contains(t, look(s, "west edge").LastResult.Output, "The clock of the edge differs by 1h")
	var list struct {
		Items []struct {
			SkewMS int64 `json:"skew_ms"`
		}
	}
	s.Get("/api/v1/edges", &list)
	require.InDelta(t, time.Hour.Milliseconds(), list.Items[0].SkewMS, 30_000)

	var c edgewire.Config
	require.NoError(t, l.ask(t.Context(), edgewire.AskConfig, nil, nil, &c))
	batch, err := pack(&edgewire.Batch{At: ahead, Results: []edgewire.Result{{Check: c.Checks[0].ID, Status: 2, Output: "refused", Start: ahead}}})
	require.NoError(t, err)
	head := nats.Header{}
	head.Set(edgewire.HeaderBoot, "b")
	head.Set(edgewire.HeaderSeq, "1")
	head.Set(edgewire.HeaderSent, ahead.Format(time.RFC3339Nano))
	require.NoError(t, l.ask(t.Context(), edgewire.AskBatch, head, batch, nil))
	testkit.Eventually(t, 10*time.Second, "the result counts", func() bool { return look(s, "port").State == "critical" })
	require.WithinDuration(t, time.Now(), look(s, "port").LastResult.At, time.Minute)
}

// What is no sweep, or more than an edge takes, starts nothing.
func TestSweepsAreBounded(t *testing.T) {
	t.Parallel()
	e := &edge{o: Options{Logger: testkit.Logger(t)}}
	s := newSweeps(e)
	s.start(t.Context(), []byte("no"))
	for i := range maxSweeps {
		s.running[fmt.Sprint(i)] = true
	}
	b, err := json.Marshal(map[string]any{"id": "one more", "targets": []string{"127.0.0.1"}})
	require.NoError(t, err)
	s.start(t.Context(), b)
	require.Len(t, s.running, maxSweeps)
}
