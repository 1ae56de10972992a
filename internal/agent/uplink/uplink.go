package uplink

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"github.com/mainstay-ops/mainstay/internal/agent/identity"
	"github.com/mainstay-ops/mainstay/internal/agent/spool"
	"github.com/mainstay-ops/mainstay/internal/core/agentwire"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
)

const (
	firstPause = time.Second
	maxPause   = time.Minute
	// refusedPause follows an answer that another try will not change soon.
	refusedPause = 10 * time.Minute
	// pace keeps an agent that was away below the 600 batches a minute that the
	// server takes.
	pace        = 120 * time.Millisecond
	renewRetry  = 10 * time.Minute
	sendTimeout = 60 * time.Second
	skewTold    = 2 * time.Second
)

// Uplink delivers. Make it with New.
type Uplink struct {
	dir    string
	spool  *spool.Spool
	logger *slog.Logger
	now    func() time.Time
	// heard hears each answer, say gives what the agent says of itself.
	heard func(agentwire.Answer)
	say   func() agentwire.State

	mu sync.Mutex
	id *identity.Identity
	st State

	client  *http.Client
	renewAt time.Time
}

// State is how the delivery goes.
type State struct {
	// Delivered is the time of the last answer; zero when there was none yet.
	Delivered time.Time
	// Skew is how far the host's clock is ahead of the server's.
	Skew time.Duration
	// Refused counts batches that the server will never take.
	Refused int64
	// Failures counts requests without a good answer.
	Failures int64
}

// New prepares the delivery for the identity stored in dir.
func New(dir string, id *identity.Identity, s *spool.Spool, logger *slog.Logger, now func() time.Time, heard func(agentwire.Answer), say func() agentwire.State) *Uplink {
	u := &Uplink{dir: dir, spool: s, logger: logger, now: now, heard: heard, say: say}
	u.use(id)
	return u
}

func (u *Uplink) use(id *identity.Identity) {
	if u.client != nil {
		u.client.CloseIdleConnections()
	}
	u.mu.Lock()
	u.id, u.renewAt = id, id.RenewAt()
	u.mu.Unlock()
	u.client = &http.Client{Timeout: sendTimeout, Transport: &http.Transport{
		TLSClientConfig: id.TLS(), ForceAttemptHTTP2: true, Proxy: http.ProxyFromEnvironment,
		MaxIdleConns: 1, IdleConnTimeout: 2 * time.Minute, TLSHandshakeTimeout: 15 * time.Second,
	}}
}

// State tells how the delivery goes.
func (u *Uplink) State() State {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.st
}

// Identity is the one in use.
func (u *Uplink) Identity() *identity.Identity {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.id
}

// Run delivers until ctx ends.
func (u *Uplink) Run(ctx context.Context) {
	defer func() { u.client.CloseIdleConnections() }()
	pause, said := firstPause, ""
	for ctx.Err() == nil {
		u.renew(ctx)
		rec, ok, err := u.spool.Peek()
		if err == nil && !ok {
			select {
			case <-ctx.Done():
			case <-u.spool.Added():
			case <-time.After(u.untilRenewal()):
			}
			continue
		}
		if err == nil {
			err = u.send(ctx, rec)
		}
		if err == nil {
			if said != "" {
				u.logger.Info("the server takes batches again", "waiting", u.spool.Stats().Pending)
			}
			pause, said = firstPause, ""
			if err := u.spool.Ack(rec); err != nil {
				u.logger.Error("a delivery cannot be noted", "error", err)
			}
			if u.spool.Stats().Pending > 1 {
				wait(ctx, pace)
			}
			continue
		}
		if ctx.Err() != nil {
			return
		}
		u.count(func(s *State) { s.Failures++ })
		if lost(err) {
			// The same bytes will be refused again; they must not stop what follows.
			u.logger.Error("the server refuses a batch, which is dropped", "error", err)
			u.count(func(s *State) { s.Refused++ })
			if err := u.spool.Ack(rec); err != nil {
				u.logger.Error("a delivery cannot be noted", "error", err)
			}
			continue
		}
		if m := errs.Message(err); m != said {
			u.logger.Warn("the server does not take batches; they are kept", "reason", m, "error", err)
			said = m
		}
		d := pause
		pause = min(2*pause, maxPause)
		var r *identity.Refused
		switch {
		case errors.As(err, &r) && r.RetryAfter > 0:
			d = r.RetryAfter
		case errs.Is(err, errs.Forbidden), errs.Is(err, errs.Unauthorized):
			d = refusedPause
		}
		// Many agents that lost one server must not come back at one moment.
		wait(ctx, d/2+rand.N(d/2+1))
	}
}

// lost tells whether the server will never take this batch.
func lost(err error) bool {
	var r *identity.Refused
	return errors.As(err, &r) && r.Final
}

func wait(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

func (u *Uplink) count(f func(*State)) {
	u.mu.Lock()
	defer u.mu.Unlock()
	f(&u.st)
}

func (u *Uplink) untilRenewal() time.Duration {
	return min(max(u.renewAt.Sub(u.now()), time.Second), time.Hour)
}

func (u *Uplink) renew(ctx context.Context) {
	if u.now().Before(u.renewAt) {
		return
	}
	n, err := u.id.Renew(ctx, u.dir, u.client)
	if err != nil {
		u.renewAt = u.now().Add(renewRetry)
		if ctx.Err() == nil {
			u.logger.Warn("the certificate was not renewed; it is tried again", "not_after", u.id.NotAfter(), "reason", errs.Message(err), "error", err)
		}
		return
	}
	u.logger.Info("the certificate was renewed", "not_after", n.NotAfter())
	u.use(n)
}

func (u *Uplink) send(ctx context.Context, rec spool.Record) error {
	body, err := u.body(rec)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, u.id.URL+agentwire.BatchPath, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Content-Encoding", "gzip")
	var out agentwire.Answer
	skew, err := identity.Do(u.client, req, &out)
	if err != nil {
		return err
	}
	if out.Boot != rec.Boot || out.Seq != rec.Seq {
		return errs.New(errs.Unavailable, "The server answered for another batch.")
	}
	if skew.Abs() > skewTold && u.State().Skew == 0 {
		u.logger.Warn("the clock of this host differs from the server's", "ahead", skew.Round(time.Second))
	}
	u.count(func(s *State) { s.Delivered, s.Skew = u.now(), skew })
	u.heard(out)
	return nil
}

// body puts the number of the record and the time of sending into the batch.
func (u *Uplink) body(rec spool.Record) ([]byte, error) {
	b, err := Unpack(rec.Payload)
	if err != nil {
		return nil, &identity.Refused{Reason: errs.Wrap(errs.Invalid, err, "A batch in the buffer cannot be read."), Final: true}
	}
	b.Boot, b.Seq, b.SentAt, b.State = rec.Boot, rec.Seq, u.now().UTC(), u.say()
	return Pack(b)
}

// Pack writes a batch as it is kept and sent: JSON with gzip.
func Pack(b *agentwire.Batch) ([]byte, error) {
	var buf bytes.Buffer
	z, err := gzip.NewWriterLevel(&buf, gzip.BestSpeed)
	if err != nil {
		return nil, err
	}
	if err := json.NewEncoder(z).Encode(b); err != nil {
		return nil, err
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	return buf.Bytes(), nil
}

// Unpack reads what Pack wrote.
func Unpack(p []byte) (*agentwire.Batch, error) {
	z, err := gzip.NewReader(bytes.NewReader(p))
	if err != nil {
		return nil, err
	}
	raw, err := io.ReadAll(io.LimitReader(z, agentwire.MaxBody))
	if err != nil {
		return nil, err
	}
	var b agentwire.Batch
	return &b, json.Unmarshal(raw, &b)
}
