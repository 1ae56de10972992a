package notify

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/respond"
)

// sealJSON encrypts v for a text column: settings hold passwords, signing keys
// and addresses that are credentials themselves.
func (s *Service) sealJSON(v any) (string, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return "", err
	}
	return s.secrets.Seal(string(b))
}

func (s *Service) openJSON(sealed string, v any) error {
	text, err := s.secrets.Open(sealed)
	if err != nil {
		return errs.Wrap(errs.Unavailable, err, "Stored settings cannot be read with the present key file. Restore secret.key from the backup.")
	}
	return json.Unmarshal([]byte(text), v)
}

// setting reads a single setting; found is false when there is none.
func (s *Service) setting(ctx context.Context, q bun.IDB, name string, v any) (version int64, found bool, err error) {
	var row struct {
		Value   string
		Version int64
	}
	err = q.NewRaw("SELECT value, version FROM notify_settings WHERE name = ?", name).Scan(ctx, &row)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, err
	}
	return row.Version, true, s.openJSON(row.Value, v)
}

func (s *Service) putSetting(ctx context.Context, tx *db.Tx, name string, v any) error {
	sealed, err := s.sealJSON(v)
	if err != nil {
		return err
	}
	_, err = tx.NewRaw("INSERT INTO notify_settings (name, value, updated_at, version) VALUES (?, ?, ?, 1) ON CONFLICT (name) DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at, version = notify_settings.version + 1", name, sealed, tx.Now()).Exec(ctx)
	return err
}

// checkSettings reports what is wrong with the settings of a channel or method.
func checkSettings(c respond.ChannelSettings) error {
	types := c.Types()
	if len(types) != 1 {
		return errs.Fields(errs.Field{Message: fmt.Sprintf("must have exactly one of email, webhook, slack and teams, not %d", len(types))})
	}
	t, ok := respond.ChannelTypeByName(types[0])
	if !ok {
		return errs.Fields(errs.Field{Path: types[0], Message: "is not part of this program"})
	}
	bad := t.Check(c)
	for i := range bad {
		bad[i].Path = types[0] + "." + bad[i].Path
	}
	return errs.Fields(bad...)
}

// keepSecrets fills what a caller left empty because it cannot read it. What goes
// to another host than before must be given anew, so that nobody can have a
// stored credential sent to a place of their own.
func keepSecrets(next, old respond.ChannelSettings) (respond.ChannelSettings, error) {
	if next.Webhook == nil {
		return next, nil
	}
	w := *next.Webhook
	same := old.Webhook != nil && sameHost(old.Webhook.URL, w.URL)
	if w.Secret == "" && same {
		w.Secret = old.Webhook.Secret
	}
	headers := make(map[string]string, len(w.Headers))
	for k, v := range w.Headers {
		if v == "" {
			if same {
				v = old.Webhook.Headers[k]
			}
			if v == "" {
				return next, errs.Fields(errs.Field{Path: "webhook.headers." + k, Message: "needs a value"})
			}
		}
		headers[k] = v
	}
	w.Headers = nil
	if len(headers) > 0 {
		w.Headers = headers
	}
	next.Webhook = &w
	return next, nil
}

func sameHost(a, b string) bool {
	x, err1 := url.Parse(a)
	y, err2 := url.Parse(b)
	return err1 == nil && err2 == nil && x.Scheme == y.Scheme && strings.EqualFold(x.Host, y.Host)
}

// shown is what may leave the program: no secret and no header value, and for
// those who may not change channels no address of a hook either.
func shown(c respond.ChannelSettings, full bool) respond.ChannelSettings {
	hide := func(h *respond.HookSettings) *respond.HookSettings {
		if h == nil || full {
			return h
		}
		return &respond.HookSettings{URL: hostOf(h.URL)}
	}
	c.Slack, c.Teams = hide(c.Slack), hide(c.Teams)
	if c.Webhook != nil {
		w := respond.WebhookSettings{URL: c.Webhook.URL}
		if !full {
			w.URL = hostOf(w.URL)
		}
		for k := range c.Webhook.Headers {
			if w.Headers == nil {
				w.Headers = map[string]string{}
			}
			w.Headers[k] = ""
		}
		c.Webhook = &w
	}
	return c
}

func hostOf(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return ""
	}
	return u.Host
}

// recipientOf tells in short where settings lead: never a credential.
func recipientOf(c respond.ChannelSettings) []string {
	switch {
	case c.Email != nil:
		return c.Email.To
	case c.Webhook != nil:
		return []string{hostOf(c.Webhook.URL)}
	case c.Slack != nil:
		return []string{hostOf(c.Slack.URL)}
	case c.Teams != nil:
		return []string{hostOf(c.Teams.URL)}
	}
	return nil
}
