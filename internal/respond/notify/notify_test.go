package notify

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/job"
	"github.com/mainstay-ops/mainstay/internal/observe"
	"github.com/mainstay-ops/mainstay/internal/respond"
)

func hook(url string) respond.ChannelSettings {
	return respond.ChannelSettings{Webhook: &respond.WebhookSettings{URL: url, Secret: "s3cret"}}
}

func TestAPersonIsToldByMailOnceForEachKey(t *testing.T) {
	t.Parallel()
	w := build(t)
	box := newMailbox(t, nil)
	w.smtp(box.server())
	to := respond.Target{AccountID: w.acc.ID}
	w.notify(to, respond.ReasonProblem, "k1")
	w.notify(to, respond.ReasonProblem, "k1")
	require.Len(t, w.all(), 1)
	w.run()
	w.run() // a repeated job finds it sent
	mails, bodies := box.got()
	require.Len(t, mails, 1)
	n := w.all()[0]
	require.Equal(t, []any{stateSent, 1, "email", "ada@example.org", "INC-1"}, []any{n.State, n.Attempts, n.Channel, n.To, n.Incident})
	h := mails[0].Header
	require.Equal(t, "[P1] INC-1 shop-web: shop-http critical", h.Get("Subject"))
	require.Equal(t, "<incident.i1@example.org>", h.Get("References"))
	require.Equal(t, "<"+n.ID+"@example.org>", h.Get("Message-ID"))
	require.Equal(t, "auto-generated", h.Get("Auto-Submitted"))
	require.Less(t, strings.Index(bodies[0], "text/plain"), strings.Index(bodies[0], "text/html"))
	require.Contains(t, bodies[0], "HTTP 503")
	require.Contains(t, strings.ReplaceAll(bodies[0], "=\r\n", ""), "https://mainstay.example.org/ack/"+w.token(&n))
	require.Equal(t, 1, w.facts())
	told, err := w.Told(w.ctx(), w.db.Reader(), "i1")
	require.NoError(t, err)
	require.Equal(t, []respond.Target{to}, told)
}

func TestTheQueueDeliversWithinTwoSeconds(t *testing.T) {
	t.Parallel()
	w := build(t)
	w.clock.add(time.Since(w.clock.Now())) // the queue compares with the real clock
	box := newMailbox(t, nil)
	w.smtp(box.server())
	require.NoError(t, w.jobs.Start(w.ctx()))
	t.Cleanup(func() { w.jobs.Stop(context.WithoutCancel(w.ctx())) })
	start := time.Now()
	w.notify(respond.Target{AccountID: w.acc.ID}, respond.ReasonProblem, "k1")
	require.Eventually(t, func() bool { m, _ := box.got(); return len(m) == 1 }, 10*time.Second, 5*time.Millisecond)
	require.Less(t, time.Since(start), 2*time.Second)
}

func TestBackOffThenGivingUp(t *testing.T) {
	t.Parallel()
	w := build(t)
	box := newMailbox(t, map[string]string{"RCPT": "451 try later"})
	w.smtp(box.server())
	w.notify(respond.Target{AccountID: w.acc.ID}, respond.ReasonProblem, "k1")
	id := w.all()[0].ID
	for i := 1; i < maxAttempts; i++ {
		require.Equal(t, job.Later(job.Pause(i)), w.send(w.ctx(), sendArgs{ID: id}, job.Meta{}))
		n := w.all()[0]
		require.Equal(t, stateQueued, n.State)
		require.Equal(t, w.clock.Now().Add(job.Pause(i)), n.NextAttemptAt.UTC())
		w.clock.add(job.Pause(i))
	}
	require.Less(t, w.clock.Now().Sub(w.all()[0].CreatedAt), 30*time.Minute)
	require.NoError(t, w.send(w.ctx(), sendArgs{ID: id}, job.Meta{}))
	n := w.all()[0]
	require.Equal(t, []any{stateFailed, maxAttempts, "the mail server answered 451 try later"}, []any{n.State, n.Attempts, n.LastError})
	as, err := attempts(w.ctx(), w.db.Reader(), id)
	require.NoError(t, err)
	require.Len(t, as, maxAttempts)
	require.Equal(t, 1, w.facts())

	again, err := w.retry(w.ctx(), id)
	require.NoError(t, err)
	require.Equal(t, stateQueued, again.State)
	require.Equal(t, job.Later(job.Pause(1)), w.send(w.ctx(), sendArgs{ID: id}, job.Meta{}))
}

func TestPermanentErrorsGiveUpAndTheNextMethodIsTold(t *testing.T) {
	t.Parallel()
	w := build(t)
	box := newMailbox(t, map[string]string{"RCPT": "550 no such user"})
	w.smtp(box.server())
	got := make(chan string, 1)
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		got <- string(b)
	}))
	defer srv.Close()
	w.tx(func(ctx context.Context, tx *db.Tx) error {
		return w.saveMethods(ctx, tx, w.acc.ID, []method{
			{ChannelSettings: respond.ChannelSettings{Email: &respond.EmailSettings{To: []string{"gone@example.org"}}}},
			{ChannelSettings: respond.ChannelSettings{Slack: &respond.HookSettings{URL: srv.URL}}, Delay: observe.Duration(time.Hour)},
		})
	})
	w.notify(respond.Target{AccountID: w.acc.ID}, respond.ReasonProblem, "k1")
	require.Len(t, w.all(), 1, "the slower method waits")
	w.run()
	ns := w.all()
	require.Len(t, ns, 2)
	require.Equal(t, []any{stateFailed, 1}, []any{ns[0].State, ns[0].Attempts})
	w.run()
	require.Contains(t, <-got, "INC-1")
	require.Equal(t, stateSent, w.all()[1].State)
	// What was told already is not told again when its own time comes.
	require.NoError(t, w.methodDue(w.ctx(), methodArgs{AccountID: w.acc.ID, Position: 1, IncidentID: "i1", Reason: respond.ReasonProblem, Key: "k1"}, job.Meta{}))
	require.Len(t, w.all(), 2)
}

func TestASlowerMethodComesOnlyIfNobodyAnswered(t *testing.T) {
	t.Parallel()
	w := build(t)
	a := methodArgs{AccountID: w.acc.ID, IncidentID: "i1", Reason: respond.ReasonProblem, Key: "k1"}
	i := incident("i1", "INC-1")
	i.State = "acknowledged"
	w.book.set(i)
	require.NoError(t, w.methodDue(w.ctx(), a, job.Meta{}))
	require.Empty(t, w.all())
	i.State = "new"
	w.book.set(i)
	require.NoError(t, w.methodDue(w.ctx(), a, job.Meta{}))
	require.Len(t, w.all(), 1)
}

func TestHooksThatAnswerBadly(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]string{200: stateSent, 204: stateSent, 302: stateFailed, 400: stateFailed, 404: stateFailed, 408: stateQueued, 429: stateQueued, 500: stateQueued} {
		w := build(t)
		var other atomic.Int32
		target := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { other.Add(1) }))
		srv := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
			rw.Header().Set("Location", target.URL)
			rw.WriteHeader(status)
		}))
		w.channel("hook", hook(srv.URL))
		w.notify(respond.Target{Channel: "hook"}, respond.ReasonProblem, "k")
		w.run()
		require.Equal(t, want, w.all()[0].State, "status %d: %s", status, w.all()[0].LastError)
		require.Zero(t, other.Load(), "a redirect was followed")
		srv.Close()
		target.Close()
	}
}

func TestServersThatStreamGarbage(t *testing.T) {
	t.Parallel()
	w := build(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = l.Close() }()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = c.Close() }()
				junk := []byte(strings.Repeat("250-garbage\r\n", 1000))
				for {
					if _, err := c.Write(junk); err != nil {
						return
					}
				}
			}()
		}
	}()
	w.smtp(respond.MailServer{Host: "127.0.0.1", Port: l.Addr().(*net.TCPAddr).Port, From: "m@example.org"})
	w.notify(respond.Target{AccountID: w.acc.ID}, respond.ReasonProblem, "k")
	w.channel("hook", hook("http://"+l.Addr().String()+"/"))
	w.notify(respond.Target{Channel: "hook"}, respond.ReasonProblem, "k")
	start := time.Now()
	w.run()
	require.Less(t, time.Since(start), tryTimeout)
	for _, n := range w.all() {
		require.NotEqual(t, stateSent, n.State)
		require.NotEmpty(t, n.LastError)
	}
}

func TestAHungServerEndsWithItsContext(t *testing.T) {
	t.Parallel()
	w := build(t)
	l, err := net.Listen("tcp", "127.0.0.1:0") // accepts into its backlog and says nothing
	require.NoError(t, err)
	defer func() { _ = l.Close() }()
	ctx, cancel := context.WithTimeout(w.ctx(), 50*time.Millisecond)
	defer cancel()
	mailType, _ := respond.ChannelTypeByName("email")
	err = mailType.Mail(ctx, respond.MailServer{Host: "127.0.0.1", Port: l.Addr().(*net.TCPAddr).Port, From: "m@example.org"}, "a@example.org", respond.Notice{ID: "n", Subject: "s"})
	require.Error(t, err)
	require.Equal(t, "There was no answer within 10s.", explain(err))
	require.False(t, respond.IsPermanent(err))
	require.Error(t, w.post(ctx, respond.Post{URL: "http://" + l.Addr().String()}))
}

func TestASlowChannelHoldsUpNobodyElse(t *testing.T) {
	t.Parallel()
	w := build(t)
	release := make(chan struct{})
	inside := make(chan struct{}, 10)
	slow := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { inside <- struct{}{}; <-release }))
	defer slow.Close()
	fast := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer fast.Close()
	w.channel("slow", hook(slow.URL))
	w.channel("fast", hook(fast.URL))
	for _, k := range []string{"a", "b", "c"} {
		w.notify(respond.Target{Channel: "slow"}, respond.ReasonProblem, "slow"+k)
	}
	w.notify(respond.Target{Channel: "fast"}, respond.ReasonProblem, "fast")
	ns := w.all()
	var wg sync.WaitGroup
	for _, n := range ns[:2] {
		wg.Add(1)
		go func() { defer wg.Done(); _ = w.send(w.ctx(), sendArgs{ID: n.ID}, job.Meta{}) }()
	}
	<-inside
	<-inside
	require.Equal(t, job.Later(laneWait), w.send(w.ctx(), sendArgs{ID: ns[2].ID}, job.Meta{}))
	require.NoError(t, w.send(w.ctx(), sendArgs{ID: ns[3].ID}, job.Meta{}))
	close(release)
	wg.Wait()
	require.NoError(t, w.send(w.ctx(), sendArgs{ID: ns[2].ID}, job.Meta{}))
	for _, n := range w.all() {
		require.Equal(t, stateSent, n.State)
	}
}

func TestTheBrakeSumsUp(t *testing.T) {
	t.Parallel()
	w := build(t)
	var count atomic.Int32
	last := make(chan string, 100)
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		count.Add(1)
		last <- string(b)
	}))
	defer srv.Close()
	w.channel("hook", hook(srv.URL))
	for i := range perMinute + 5 {
		w.notify(respond.Target{Channel: "hook"}, respond.ReasonProblem, "k"+string(rune('A'+i)))
	}
	w.run()
	require.EqualValues(t, perMinute, count.Load())
	w.run()
	require.EqualValues(t, perMinute, count.Load(), "held messages wait for the summary")
	require.NoError(t, w.summarize(w.ctx(), summaryArgs{Channel: "hook", To: strings.TrimPrefix(srv.URL, "http://")}, job.Meta{}))
	w.run()
	require.EqualValues(t, perMinute+1, count.Load())
	var text string
	for range perMinute + 1 {
		text = <-last
	}
	require.Equal(t, 5, strings.Count(text, "[P1] INC-1"))
	for _, n := range w.all() {
		require.Equal(t, stateSent, n.State)
	}
	require.Equal(t, perMinute+5, w.facts())
}

func TestNothingGoesToTheMetadataAddress(t *testing.T) {
	t.Parallel()
	w := build(t)
	w.channel("hook", hook("http://169.254.169.254/latest/meta-data"))
	w.notify(respond.Target{Channel: "hook"}, respond.ReasonProblem, "k")
	w.run()
	n := w.all()[0]
	require.Equal(t, stateFailed, n.State)
	require.Contains(t, n.LastError, "metadata")
}

func TestAMissingChannelIsShown(t *testing.T) {
	t.Parallel()
	w := build(t)
	w.notify(respond.Target{Channel: "gone"}, respond.ReasonProblem, "k")
	n := w.all()[0]
	require.Equal(t, []any{stateFailed, "There is no channel gone."}, []any{n.State, n.LastError})
	require.Equal(t, 1, w.facts())
}
