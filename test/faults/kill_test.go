package faults

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/mail"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/testkit"
)

// sink is a mail server that keeps what it acknowledged.
type sink struct {
	net.Listener
	mu   sync.Mutex
	got  []*mail.Message
	conn sync.WaitGroup
}

func newSink(t *testing.T) *sink {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s := &sink{Listener: l}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s.conn.Go(func() { s.serve(c) })
		}
	}()
	t.Cleanup(func() { _ = l.Close() })
	return s
}

func (s *sink) serve(c net.Conn) {
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(30 * time.Second))
	r := bufio.NewReader(c)
	say := func(line string) { _, _ = c.Write([]byte(line + "\r\n")) }
	say("220 sink")
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		switch verb, _, _ := strings.Cut(strings.ToUpper(strings.TrimSpace(line)), " "); verb {
		case "DATA":
			say("354 go on")
			var b strings.Builder
			for {
				l, err := r.ReadString('\n')
				if err != nil {
					return // not acknowledged
				}
				if l == ".\r\n" {
					break
				}
				b.WriteString(strings.TrimPrefix(l, "."))
			}
			if m, err := mail.ReadMessage(strings.NewReader(b.String())); err == nil {
				s.mu.Lock()
				s.got = append(s.got, m)
				s.mu.Unlock()
			}
			say("250 kept")
		case "QUIT":
			say("221 bye")
			return
		default:
			say("250 ok")
		}
	}
}

// tally counts messages by Message-ID, and problem messages by incident.
func (s *sink) tally() (byID, problems map[string]int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	byID, problems = map[string]int{}, map[string]int{}
	seen := map[string]bool{}
	for _, m := range s.got {
		msg := m.Header.Get("Message-Id")
		byID[msg]++
		if !seen[msg] && strings.HasPrefix(m.Header.Get("Subject"), "[P") {
			problems[m.Header.Get("X-Mainstay-Incident")]++
		}
		seen[msg] = true
	}
	return byID, problems
}

// site answers what the checks ask for: /down/N breaks when told to, /churn/N is
// broken every other time.
type site struct {
	down  []atomic.Bool
	churn atomic.Int64
}

func (s *site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	what, n, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	i, _ := strconv.Atoi(n)
	if what == "down" && s.down[i].Load() || what == "churn" && s.churn.Add(1)%3 == 0 {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
}

// rounds is how many kills there are: usual, unless MAINSTAY_KILL_ROUNDS says more.
func rounds(t *testing.T, usual int) int {
	t.Helper()
	n := usual
	if s := os.Getenv("MAINSTAY_KILL_ROUNDS"); s != "" {
		var err error
		n, err = strconv.Atoi(s)
		require.NoError(t, err)
	}
	if testing.Short() {
		n = min(n, 3)
	}
	return n
}

func opsFile(n int, s *sink, target string) string {
	_, port, _ := net.SplitHostPort(s.Addr().String())
	var b strings.Builder
	fmt.Fprintf(&b, "smtp: {host: 127.0.0.1, port: %s, from: \"mainstay@example.org\", tls: none}\n", port)
	// Many messages to one recipient within a minute become a summary, so each
	// outage has a recipient of its own.
	b.WriteString("channels:\n")
	for i := range n {
		fmt.Fprintf(&b, "  - {name: mail-%d, email: {to: [ops-%d@example.org]}}\n", i, i)
	}
	b.WriteString("escalations:\n")
	for i := range n {
		fmt.Fprintf(&b, "  - {name: tell-%d, steps: [{notify: [{channel: mail-%d}], after: 0s}]}\n", i, i)
	}
	// What only adds load tells nobody.
	b.WriteString("policies:\n")
	for i := range n {
		fmt.Fprintf(&b, "  - {name: out-%d, order: 1, match: {check: out-%d}, escalation: tell-%d}\n", i, i, i)
	}
	b.WriteString("checks:\n")
	for i := range n {
		fmt.Fprintf(&b, "  - {name: out-%d, every: 1s, retry_every: 1s, attempts: 1, no_flapping: true, http: {url: \"%s/down/%d\", timeout: 5s}}\n", i, target, i)
	}
	for i := range 20 {
		fmt.Fprintf(&b, "  - {name: churn-%d, every: 1s, retry_every: 1s, attempts: 1, no_flapping: true, http: {url: \"%s/churn/%d\", timeout: 5s}}\n", i, target, i)
	}
	return b.String()
}

type incidentRow struct{ Number, Title, State string }

func incidents(p *program) []incidentRow {
	var all []incidentRow
	for cursor := ""; ; {
		var page struct {
			Items []incidentRow
			Next  string
		}
		p.must("GET", "/api/v1/incidents?state=new,acknowledged,restored,resolved,closed&limit=500&cursor="+cursor, nil, &page)
		all = append(all, page.Items...)
		if cursor = page.Next; cursor == "" {
			return all
		}
	}
}

// about lists the incidents about a check.
func about(all []incidentRow, check string) []string {
	var out []string
	for _, r := range all {
		if strings.Contains(" "+r.Title+" ", " "+check+" ") {
			out = append(out, r.Number)
		}
	}
	return out
}

// TestKill ends the server with kill -9 in the middle of comments, changing checks
// and notifications, MAINSTAY_KILL_ROUNDS times (10 if not set). Every write that
// was acknowledged is there afterwards, each outage has exactly one incident, and
// each incident was told once; one repeated message is allowed for each kill,
// for the moment between the mail server's answer and writing that down.
func TestKill(t *testing.T) {
	t.Parallel()
	killed(t, rounds(t, 10))
}

// TestKillPostgres does the same on PostgreSQL, which outlives the server and may
// still work on what it was sent last.
func TestKillPostgres(t *testing.T) {
	t.Parallel()
	killed(t, rounds(t, 5), "MAINSTAY_DATABASE__URL="+testkit.PostgresURL(t))
}

func killed(t *testing.T, n int, env ...string) {
	t.Helper()
	mails := newSink(t)
	world := &site{down: make([]atomic.Bool, n)}
	target := httptest.NewServer(world)
	defer target.Close()
	address, dir := freeAddress(t), t.TempDir()
	p := start(t, address, dir, env...)
	p.must("POST", "/api/v1/apply", opsFile(n, mails, target.URL), nil)
	var made incidentRow
	p.must("POST", "/api/v1/incidents", map[string]any{"title": "the one to comment on"}, &made)

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var mu sync.Mutex
	acknowledged := map[string]bool{}
	tried := atomic.Int64{}
	var writers sync.WaitGroup
	for w := range 4 {
		writers.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				body := fmt.Sprintf("writer %d comment %d", w, i)
				tried.Add(1)
				st, _, err := p.try(ctx, "POST", "/api/v1/incidents/"+made.Number+"/comments", map[string]string{"body": body})
				switch {
				case err != nil:
					// Killed: pause a little, as a client would.
					select {
					case <-ctx.Done():
					case <-time.After(20 * time.Millisecond):
					}
				case st == 201:
					mu.Lock()
					acknowledged[body] = true
					mu.Unlock()
				}
			}
		})
	}
	for i := range n {
		world.down[i].Store(true)
		// Some kills hit the check, some the incident, some the delivery.
		time.Sleep(time.Duration(rand.IntN(1600)) * time.Millisecond) //nolint:gosec // no secret
		p.kill()
		q := start(t, address, dir, env...)
		p.cmd, p.ended, p.stderr = q.cmd, q.ended, q.stderr
	}
	check := func(i int) string { return "out-" + strconv.Itoa(i) }
	eventually(t, "an incident for each outage", func() bool {
		all := incidents(p)
		for i := range n {
			if len(about(all, check(i))) == 0 {
				return false
			}
		}
		return true
	})
	all := incidents(p)
	numbers := map[string]bool{}
	for i := range n {
		got := about(all, check(i))
		require.Len(t, got, 1, "one outage, one incident: %s", check(i))
		numbers[got[0]] = true
	}
	eventually(t, "a message for each incident", func() bool {
		_, told := mails.tally()
		return len(told) >= n
	})
	cancel()
	writers.Wait()
	// Nothing is on its way any more when the server has stopped cleanly.
	seen := timeline(t, p, made.Number)
	p.stop()
	mu.Lock()
	defer mu.Unlock()
	for body := range acknowledged {
		require.Equal(t, 1, seen[body], "%q was acknowledged", body)
	}
	for body, k := range seen {
		require.Equal(t, 1, k, "%q is there more than once", body)
	}
	require.Greater(t, len(acknowledged), 10*n, "there was load")
	byID, told := mails.tally()
	for number := range told {
		require.True(t, numbers[number], "told of %s, which is no outage", number)
	}
	for number := range numbers {
		require.Equal(t, 1, told[number], "messages with different ids about %s", number)
	}
	again := 0
	for _, k := range byID {
		again += k - 1
	}
	require.LessOrEqual(t, again, n, "at most one repeated message for each kill")
	t.Logf("%d kills: %d comments tried, %d acknowledged, %d kept; %d incidents; %d messages, %d of them repeated", n, tried.Load(), len(acknowledged), len(seen), len(numbers), len(byID)+again, again)
}

// timeline counts the comments of an incident by their text.
func timeline(t *testing.T, p *program, number string) map[string]int {
	t.Helper()
	seen := map[string]int{}
	for cursor := ""; ; {
		var page struct {
			Items []struct{ Kind, Body string }
			Next  string
		}
		p.must("GET", "/api/v1/incidents/"+number+"/timeline?limit=500&cursor="+cursor, nil, &page)
		for _, e := range page.Items {
			if e.Kind == "comment" {
				seen[e.Body]++
			}
		}
		if cursor = page.Next; cursor == "" {
			return seen
		}
	}
}
