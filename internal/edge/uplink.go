package edge

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/mainstay-ops/mainstay/internal/agent/spool"
	"github.com/mainstay-ops/mainstay/internal/core/agentwire"
	"github.com/mainstay-ops/mainstay/internal/core/edgewire"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
)

const (
	firstPause = time.Second
	maxPause   = 30 * time.Second
	// refusedPause follows an answer that another try will not change soon.
	refusedPause = 5 * time.Minute
	renewRetry   = 10 * time.Minute
	// behind is the age of what waits from which the server counts the edge as away; a
	// hello follows as soon as it is delivered.
	behind = 30 * time.Second
	glance = 250 * time.Millisecond
)

// uplink says hello, asks for the checks and delivers, all one after the other.
type uplink struct {
	e        *edge
	link     *link
	revision string
	renewAt  time.Time

	hints   chan struct{} // the server said that checks changed
	greeted bool          // a hello was answered on this connection
	late    bool          // something old was delivered since the last hello
	nextAt  time.Time     // of the next hello
	pause   time.Duration
	said    string
}

func newUplink(e *edge, revision string) *uplink {
	return &uplink{e: e, revision: revision, renewAt: e.who.RenewAt(), hints: make(chan struct{}, 1), pause: firstPause}
}

// told hears the server.
func (u *uplink) told(word string, body []byte) {
	switch word {
	case edgewire.ToldConfig:
		select {
		case u.hints <- struct{}{}:
		default:
		}
	case edgewire.ToldSweep:
		u.e.sweeps.start(u.e.ctx, body)
	case edgewire.ToldCapture:
		u.e.captures.start(u.e.ctx, body)
	case edgewire.ToldCaptureEnd:
		u.e.captures.end(string(body))
	case edgewire.ToldRun:
		var ids []string
		if json.Unmarshal(body, &ids) == nil {
			for _, id := range ids {
				u.e.run.now(id)
			}
		}
	}
}

// work delivers until ctx ends.
func (u *uplink) work(ctx context.Context) {
	defer func() {
		if u.link != nil {
			u.drop()
		}
	}()
	for ctx.Err() == nil {
		err := u.turn(ctx)
		if ctx.Err() != nil {
			return
		}
		if err == nil {
			if u.said != "" {
				u.e.o.Logger.Info("the server takes results again", "waiting", u.e.spool.Stats().Pending)
			}
			u.pause, u.said = firstPause, ""
			continue
		}
		u.greeted = false
		if m := errs.Message(err); m != u.said {
			u.e.o.Logger.Warn("the server does not take results; they are kept", "reason", m, "error", err)
			u.said = m
		}
		d := u.pause
		u.pause = min(2*u.pause, maxPause)
		if errs.Is(err, errs.Forbidden) && u.link != nil {
			u.drop() // else it would go on asking
			d = refusedPause
		}
		// Many edges that lost one server must not come back at one moment.
		u.rest(ctx, d/2+rand.N(d/2+1))
	}
}

// rest waits, and ends early when the connection comes back.
func (u *uplink) rest(ctx context.Context, d time.Duration) {
	up := u.link != nil && u.link.connected()
	end := time.After(d)
	t := time.NewTicker(glance)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-end:
			return
		case <-t.C:
			if now := u.link != nil && u.link.connected(); now && !up {
				return
			}
		}
	}
}

// turn does the next thing there is to do, or waits for one.
func (u *uplink) turn(ctx context.Context) error {
	if u.link == nil {
		l, err := openLink(u.e.who, u.e.o.Logger, u.told)
		if err != nil {
			return err
		}
		u.link, u.greeted = l, false
		u.e.current.Store(l)
	}
	if !u.link.connected() {
		u.greeted = false
		if err := u.link.settled(ctx); err != nil {
			return err
		}
	}
	if !u.greeted || !time.Now().Before(u.nextAt) {
		return u.hello(ctx)
	}
	if !time.Now().Before(u.renewAt) {
		u.renew(ctx)
		return nil
	}
	rec, ok, err := u.e.spool.Peek()
	if err != nil {
		return err
	}
	if ok {
		return u.send(ctx, rec)
	}
	if u.late {
		return u.hello(ctx)
	}
	t := time.NewTimer(min(time.Until(u.nextAt), 2*time.Second))
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-u.e.spool.Added():
	case <-u.hints:
		return u.hello(ctx)
	case <-t.C:
	}
	return nil
}

// hello is a sign of life. The answer names the revision of the checks.
func (u *uplink) hello(ctx context.Context) error {
	st := u.e.spool.Stats()
	h := edgewire.Hello{Version: u.e.o.Version, Revision: u.revision, Checks: u.e.run.count(), Devices: u.e.devices.poller.Len(), Waiting: st.Pending, WaitingBytes: st.Bytes, Dropped: u.e.dropped(), Ports: u.e.ports.states(), Sniffer: sniffer(), Missing: Missing()}
	rec, ok, err := u.e.spool.Peek()
	if err != nil {
		return err
	}
	if ok {
		if at, err := madeAt(rec.Payload); err == nil {
			h.Oldest = at
		}
	} else {
		h.WaitingBytes = 0
	}
	h.SentAt = time.Now().UTC()
	b, err := json.Marshal(h)
	if err != nil {
		return err
	}
	var w edgewire.Welcome
	if err := u.link.ask(ctx, edgewire.AskHello, nil, b, &w); err != nil {
		return err
	}
	u.greeted, u.late, u.nextAt = true, false, time.Now().Add(edgewire.HelloEvery)
	if w.Revision == u.revision {
		return nil
	}
	var c edgewire.Config
	if err := u.link.ask(ctx, edgewire.AskConfig, nil, nil, &c); err != nil {
		return err
	}
	if err := saveConfig(u.e.o.Dir, c); err != nil {
		// They run all the same; only a restart while cut off would not know them.
		u.e.o.Logger.Error("the checks cannot be kept", "reason", errs.Message(err), "error", err)
	}
	u.e.set(c)
	u.revision = c.Revision
	u.e.o.Logger.Info("the server gave checks", "checks", len(c.Checks), "devices", len(c.Devices), "revision", c.Revision)
	return nil
}

// send delivers one batch.
func (u *uplink) send(ctx context.Context, rec spool.Record) error {
	now := time.Now().UTC()
	head := nats.Header{}
	head.Set(edgewire.HeaderBoot, rec.Boot)
	head.Set(edgewire.HeaderSeq, strconv.FormatInt(rec.Seq, 10))
	head.Set(edgewire.HeaderSent, now.Format(time.RFC3339Nano))
	if at, err := madeAt(rec.Payload); err != nil || now.Sub(at) > behind {
		u.late = true
	}
	err := u.link.ask(ctx, edgewire.AskBatch, head, rec.Payload, nil)
	if errs.Is(err, errs.Invalid) {
		// The same bytes will be refused again; they must not stop what follows.
		u.e.o.Logger.Error("the server refuses a batch, which is dropped", "error", err)
		u.e.mu.Lock()
		u.e.lost++
		u.e.mu.Unlock()
		err = nil
	}
	if err != nil {
		return err
	}
	if err := u.e.spool.Ack(rec); err != nil {
		u.e.o.Logger.Error("a delivery cannot be noted", "error", err)
	}
	return nil
}

// renew gets a new certificate, and connects anew with it.
func (u *uplink) renew(ctx context.Context) {
	fail := func(err error) {
		u.renewAt = time.Now().Add(renewRetry)
		if ctx.Err() == nil {
			u.e.o.Logger.Warn("the certificate was not renewed; it is tried again", "not_after", u.e.who.NotAfter(), "reason", errs.Message(err), "error", err)
		}
	}
	key, csr, err := u.e.who.Request()
	if err != nil {
		fail(err)
		return
	}
	b, err := json.Marshal(agentwire.CertificateRequest{CSR: csr})
	if err != nil {
		fail(err)
		return
	}
	var out agentwire.CertificateResponse
	if err := u.link.ask(ctx, edgewire.AskCertificate, nil, b, &out); err != nil {
		fail(err)
		return
	}
	n, err := u.e.who.Replace(u.e.o.Dir, key, out)
	if err != nil {
		fail(err)
		return
	}
	u.e.o.Logger.Info("the certificate was renewed", "not_after", n.NotAfter())
	u.drop()
	u.e.who, u.renewAt = n, n.RenewAt()
}

// drop ends the connection.
func (u *uplink) drop() {
	u.e.current.Store(nil)
	u.link.close()
	u.link = nil
}
