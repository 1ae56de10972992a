package notify

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/account"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/id"
	"github.com/mainstay-ops/mainstay/internal/core/job"
	"github.com/mainstay-ops/mainstay/internal/core/netguard"
	"github.com/mainstay-ops/mainstay/internal/respond"
)

// sendArgs is the delivery of one notification.
type sendArgs struct {
	ID string `json:"id"`
}

// Kind implements job.Args.
func (sendArgs) Kind() string { return "notify.send" }

func byID(ctx context.Context, q bun.IDB, notificationID string) (*Notification, error) {
	var n Notification
	err := q.NewSelect().Model(&n).Where("id = ?", notificationID).Scan(ctx)
	return &n, db.NotFound(err, "There is no such notification.")
}

// send is the job: it makes one attempt and asks to be run again after a pause
// when that failed. The pauses are our own, not the queue's, so that the
// attempts that people see are the ones that were made.
func (s *Service) send(ctx context.Context, a sendArgs, _ job.Meta) error {
	ctx = access.AsSystem(ctx)
	n, err := byID(ctx, s.db.Reader(), a.ID)
	if errs.Is(err, errs.NotFound) {
		return nil
	}
	if err != nil || n.State != stateQueued || n.Held {
		return err
	}
	if !s.lanes.enter(n.lane()) {
		return job.Later(laneWait)
	}
	defer s.lanes.leave(n.lane())
	again, err := s.attempt(ctx, n)
	if err != nil || again == 0 {
		return err
	}
	return job.Later(again)
}

// attempt tries once and records it, also when the program is killed in between:
// the attempt is written down before it is made. It returns the pause before the
// next one, 0 when the notification is done.
func (s *Service) attempt(ctx context.Context, n *Notification) (time.Duration, error) {
	try := &Attempt{ID: id.New(), NotificationID: n.ID, Error: "The attempt was interrupted."}
	held := false
	err := s.db.InTx(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
		if held, err = s.brake(ctx, tx, n); err != nil || held {
			return err
		}
		try.At = tx.Now()
		res, err := tx.NewRaw("UPDATE notifications SET attempts = attempts + 1 WHERE id = ? AND state = ?", n.ID, stateQueued).Exec(ctx)
		if err != nil {
			return err
		}
		if k, err := res.RowsAffected(); err != nil || k == 0 {
			held = err == nil
			return err
		}
		n.Attempts++
		_, err = tx.NewInsert().Model(try).Exec(ctx)
		return err
	})
	if err != nil || held {
		return 0, err
	}
	start := time.Now()
	sendErr := s.transmit(ctx, n)
	try.DurationMS = time.Since(start).Milliseconds()
	try.OK, try.Error = sendErr == nil, explain(sendErr)
	// What was sent must be written down even when the program is asked to stop.
	return s.conclude(context.WithoutCancel(ctx), n, try, sendErr)
}

func (s *Service) conclude(ctx context.Context, n *Notification, try *Attempt, sendErr error) (pause time.Duration, err error) {
	err = s.db.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		now := tx.Now()
		pause = 0
		n.LastError, n.NextAttemptAt = try.Error, nil
		switch {
		case sendErr == nil:
			n.State, n.SentAt = stateSent, &now
		case respond.IsPermanent(sendErr) || n.Attempts >= n.MaxAttempts:
			n.State = stateFailed
		default:
			pause = job.Pause((n.Attempts-1)%maxAttempts + 1)
			next := now.Add(pause)
			n.NextAttemptAt = &next
		}
		if _, err := tx.NewUpdate().Model(try).Column("ok", "error", "duration_ms").WherePK().Exec(ctx); err != nil {
			return err
		}
		if _, err := tx.NewUpdate().Model(n).Column("state", "sent_at", "next_attempt_at", "last_error").WherePK().Exec(ctx); err != nil {
			return err
		}
		s.announce(tx, n, "changed")
		if n.State == stateQueued {
			return nil
		}
		if err := s.closeSummary(ctx, tx, n); err != nil {
			return err
		}
		if n.State == stateFailed {
			if err := s.fallBack(ctx, tx, n); err != nil {
				return err
			}
		}
		return s.done(ctx, tx, n)
	})
	return pause, err
}

// fallBack tells a person by the next method when this one has failed.
func (s *Service) fallBack(ctx context.Context, tx *db.Tx, n *Notification) error {
	if n.AccountID == "" || n.IncidentID == "" {
		return nil
	}
	inc, err := s.incidents.ByID(ctx, tx, n.IncidentID)
	if err != nil {
		return err
	}
	return s.queueMethod(ctx, tx, methodArgs{AccountID: n.AccountID, Position: n.Position + 1, Reason: n.Reason, Key: n.BaseKey, Ack: n.Ack}, inc)
}

// transmit delivers within tryTimeout.
func (s *Service) transmit(ctx context.Context, n *Notification) error {
	ctx, cancel := context.WithTimeout(ctx, tryTimeout)
	defer cancel()
	t, ok := respond.ChannelTypeByName(n.Type)
	if !ok {
		return respond.Permanent(fmt.Errorf("this program has no channel of type %s", n.Type))
	}
	notice, err := s.notice(ctx, n)
	if err != nil {
		return err
	}
	if t.Mail != nil {
		var server respond.MailServer
		if _, found, err := s.setting(ctx, s.db.Reader(), smtpSetting, &server); err != nil {
			return err
		} else if !found {
			return errors.New("no mail server is set; add smtp to ops.yaml or set it under Settings")
		}
		return t.Mail(ctx, server, n.To, notice)
	}
	settings, err := s.settingsOf(ctx, n)
	if err != nil {
		return err
	}
	p, err := t.Post(settings, notice)
	if err != nil {
		return respond.Permanent(err)
	}
	return s.post(ctx, p)
}

// settingsOf finds the present settings of the channel or method.
func (s *Service) settingsOf(ctx context.Context, n *Notification) (respond.ChannelSettings, error) {
	r := s.db.Reader()
	var c respond.ChannelSettings
	if n.AccountID == "" {
		ch, err := s.channel(ctx, r, n.Channel)
		if errs.Is(err, errs.NotFound) {
			return c, respond.Permanent(err)
		}
		c = ch.ChannelSettings
		if err != nil {
			return c, err
		}
	} else {
		a, err := account.ByID(ctx, r, n.AccountID)
		if err != nil {
			return c, err
		}
		ms, err := s.methods(ctx, r, *a)
		if err != nil {
			return c, err
		}
		if n.Position < len(ms) {
			c = ms[n.Position].ChannelSettings
		}
	}
	if ts := c.Types(); len(ts) != 1 || ts[0] != n.Type {
		return c, respond.Permanent(errors.New("the way this was to be sent has been changed since"))
	}
	return c, nil
}

const maxAnswer = 64 << 10

// newClient makes the client of all hooks. It follows no redirect and uses no
// proxy, so the guard sees every address that is connected to.
func newClient(allowMetadata bool) *http.Client {
	d := netguard.Guard{AllowMetadata: allowMetadata}.Dialer(5 * time.Second)
	return &http.Client{
		Transport: &http.Transport{
			DialContext: d.DialContext, TLSHandshakeTimeout: 5 * time.Second, ResponseHeaderTimeout: tryTimeout,
			MaxResponseHeaderBytes: maxAnswer, MaxIdleConns: 32, MaxIdleConnsPerHost: perChannel, IdleConnTimeout: 30 * time.Second, ForceAttemptHTTP2: true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

func (s *Service) post(ctx context.Context, p respond.Post) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.URL, strings.NewReader(string(p.Body)))
	if err != nil {
		return respond.Permanent(errors.New("the address cannot be read"))
	}
	req.Header.Set("User-Agent", "Mainstay")
	for k, v := range p.Headers {
		req.Header.Set(k, v)
	}
	res, err := s.http.Do(req)
	if err != nil {
		return hookError(err)
	}
	defer func() { _ = res.Body.Close() }()
	// The rest is read so that the connection can be used again, but not for ever.
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, maxAnswer))
	switch c := res.StatusCode; {
	case c >= 200 && c < 300:
		return nil
	case c == http.StatusRequestTimeout, c == http.StatusTooManyRequests, c >= 500:
		return fmt.Errorf("the server answered %d %s", c, http.StatusText(c))
	case c >= 300 && c < 400:
		return respond.Permanent(fmt.Errorf("the server answered %d and wants to redirect; enter the final address", c))
	default:
		return respond.Permanent(fmt.Errorf("the server answered %d %s", c, http.StatusText(c)))
	}
}

// hookError takes the address out of err: it may be a credential.
func hookError(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	var refused *netguard.RefusedError
	if errors.As(err, &refused) {
		return respond.Permanent(err)
	}
	return err
}

// explain writes an error for the log of attempts.
func explain(err error) string {
	var ne net.Error
	switch {
	case err == nil:
		return ""
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &ne) && ne.Timeout():
		return fmt.Sprintf("There was no answer within %s.", tryTimeout)
	}
	var e *errs.Error
	if errors.As(err, &e) {
		return oneLine(e.Message, 500)
	}
	return oneLine(err.Error(), 500)
}
