package notify

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/apply"
	"github.com/mainstay-ops/mainstay/internal/core/audit"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/entity"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/observe"
)

const heartbeatSetting = "heartbeat"

// heartbeat is a dead-man check of Mainstay itself: a service outside is called
// at an interval and raises the alarm when the calls stay away.
type heartbeat struct {
	URL   string           `yaml:"url" json:"url" required:"true" secret:"true"`
	Every observe.Duration `yaml:"every,omitempty" json:"every,omitempty"`
}

// heart is the beating of one server.
type heart struct {
	mu          sync.Mutex
	wake        chan struct{}
	cancel      context.CancelFunc
	ended       chan struct{}
	lastSuccess *time.Time
	lastError   string
}

func checkHeartbeat(h heartbeat) error {
	var bad []errs.Field
	if u, err := url.Parse(h.URL); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || len(h.URL) > 2000 {
		bad = append(bad, errs.Field{Path: "url", Message: "must be an address such as https://example.org/ping"})
	}
	if h.Every.D() < 10*time.Second || h.Every.D() > 24*time.Hour {
		bad = append(bad, errs.Field{Path: "every", Value: h.Every.String(), Message: "must be between 10s and 24h"})
	}
	return errs.Fields(bad...)
}

func (s *Service) saveHeartbeat(ctx context.Context, tx *db.Tx, h heartbeat) (apply.Outcome, error) {
	if h.Every == 0 {
		h.Every = observe.Duration(time.Minute)
	}
	if err := checkHeartbeat(h); err != nil {
		return "", err
	}
	var old heartbeat
	_, found, err := s.setting(ctx, tx, heartbeatSetting, &old)
	if err != nil {
		return "", err
	}
	if found && h == old {
		return apply.Unchanged, nil
	}
	if err := s.putSetting(ctx, tx, heartbeatSetting, h); err != nil {
		return "", err
	}
	tx.AfterCommit(s.heart.again)
	ch := audit.Change{Action: "heartbeat.update", Ref: entity.Ref{Kind: "setting", ID: heartbeatSetting}, Name: heartbeatSetting, After: heartbeatName(h)}
	if !found {
		return apply.Created, audit.Write(ctx, tx, ch)
	}
	ch.Before = heartbeatName(old)
	if ch.Before == ch.After {
		ch.After = "the address below " + hostOf(h.URL) + " changed"
	}
	return apply.Updated, audit.Write(ctx, tx, ch)
}

// heartbeatName leaves the path out: it is usually the key of the service.
func heartbeatName(h heartbeat) string { return fmt.Sprintf("%s every %s", hostOf(h.URL), h.Every) }

func (s *Service) deleteHeartbeat(ctx context.Context, tx *db.Tx) error {
	var old heartbeat
	_, found, err := s.setting(ctx, tx, heartbeatSetting, &old)
	if err != nil || !found {
		return err
	}
	if _, err := tx.NewRaw("DELETE FROM notify_settings WHERE name = ?", heartbeatSetting).Exec(ctx); err != nil {
		return err
	}
	tx.AfterCommit(s.heart.again)
	return audit.Write(ctx, tx, audit.Change{Action: "heartbeat.delete", Ref: entity.Ref{Kind: "setting", ID: heartbeatSetting}, Name: heartbeatSetting, Before: heartbeatName(old)})
}

// again makes the loop read its settings anew.
func (h *heart) again() {
	select {
	case h.wake <- struct{}{}:
	default:
	}
}

func (s *Service) beatLoop(ctx context.Context) {
	defer close(s.heart.ended)
	for {
		wait := time.Minute
		var h heartbeat
		_, found, err := s.setting(ctx, s.db.Reader(), heartbeatSetting, &h)
		if err != nil && ctx.Err() == nil {
			s.logger.Error("cannot read the heartbeat settings", "error", err)
		}
		var tick <-chan time.Time
		if found && err == nil {
			wait = h.Every.D()
			s.beat(ctx, h)
		}
		t := time.NewTimer(wait)
		if found || err != nil {
			tick = t.C
		}
		select {
		case <-ctx.Done():
			t.Stop()
			return
		case <-s.heart.wake:
			t.Stop()
		case <-tick:
		}
	}
}

// beat calls the service once, if nothing is wrong with Mainstay itself.
func (s *Service) beat(ctx context.Context, h heartbeat) {
	err := s.callHome(ctx, h.URL)
	s.heart.mu.Lock()
	defer s.heart.mu.Unlock()
	if err != nil {
		s.heart.lastError = explain(err)
		return
	}
	now := s.db.Clock().Now().UTC()
	s.heart.lastSuccess, s.heart.lastError = &now, ""
}

func (s *Service) callHome(ctx context.Context, address string) error {
	if ps := s.health.Problems(); len(ps) > 0 {
		return fmt.Errorf("held back, because something is wrong with Mainstay itself: %s", ps[0].Name)
	}
	ctx, cancel := context.WithTimeout(ctx, tryTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	req.Header.Set("User-Agent", "Mainstay")
	res, err := s.http.Do(req)
	if err != nil {
		return hookError(err)
	}
	defer func() { _ = res.Body.Close() }()
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, maxAnswer))
	if res.StatusCode < 200 || res.StatusCode > 299 {
		return fmt.Errorf("the server answered %d %s", res.StatusCode, http.StatusText(res.StatusCode))
	}
	return nil
}
