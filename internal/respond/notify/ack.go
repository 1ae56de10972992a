package notify

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"time"

	"github.com/google/uuid"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/account"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/respond"
)

// A token is 16 bytes of notification id, 8 bytes of expiry (Unix seconds, big
// endian) and the HMAC-SHA256 of both.
const tokenBytes = 16 + 8 + sha256.Size

// token signs the acknowledge link of a notification. It comes out the same each
// time, so a repeated message carries the same link.
func (s *Service) token(n *Notification) string {
	u, err := uuid.Parse(n.ID)
	if err != nil {
		return ""
	}
	b := make([]byte, 0, tokenBytes)
	b = append(b, u[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(n.CreatedAt.Add(linkLife).Unix())) //nolint:gosec // after 1970
	return base64.RawURLEncoding.EncodeToString(append(b, s.mac(b)...))
}

func (s *Service) mac(b []byte) []byte {
	m := hmac.New(sha256.New, s.ackKey)
	m.Write([]byte("acknowledge\x00"))
	m.Write(b)
	return m.Sum(nil)
}

// readToken gives the notification that a token is for.
func (s *Service) readToken(token string, now time.Time) (string, error) {
	if len(token) != base64.RawURLEncoding.EncodedLen(tokenBytes) {
		return "", errs.New(errs.NotFound, "This link is not complete. Copy all of it from the message.")
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil || !hmac.Equal(b[24:], s.mac(b[:24])) {
		return "", errs.New(errs.NotFound, "This link is not valid. Copy all of it from the message.")
	}
	if now.Unix() >= int64(binary.BigEndian.Uint64(b[16:24])) { //nolint:gosec // signed by us
		return "", errs.New(errs.NotFound, "This link is older than 7 days and has expired. Sign in to work on the incident.")
	}
	return uuid.UUID(b[:16]).String(), nil
}

// ackResult is what became of a link.
type ackResult struct {
	Incident string `json:"incident" doc:"Number of the incident."`
	Title    string `json:"title"`
	State    string `json:"state"`
	Result   string `json:"result" enum:"ready,acknowledged,already,used"`
	Message  string `json:"message"`
	priority int
	url      string
	items    []string
}

// look tells what a link would do, and does nothing.
func (s *Service) look(ctx context.Context, token string) (ackResult, error) {
	nid, err := s.readToken(token, s.db.Clock().Now())
	if err != nil {
		return ackResult{}, err
	}
	n, err := byID(ctx, s.db.Reader(), nid)
	if err != nil {
		return ackResult{}, errs.New(errs.NotFound, "The message that this link came with is not kept any more.")
	}
	inc, err := s.incidents.ByID(ctx, s.db.Reader(), n.IncidentID)
	if err != nil {
		return ackResult{}, err
	}
	return s.result(n, inc), nil
}

func (s *Service) result(n *Notification, inc respond.Incident) ackResult {
	r := ackResult{Incident: inc.Number, Title: inc.Title, State: inc.State, Result: "ready", priority: inc.Priority, items: inc.Items, url: s.publicURL + respond.IncidentPath + inc.Number}
	switch {
	case n.AckUsedAt != nil:
		r.Result, r.Message = "used", "This link was used on "+n.AckUsedAt.UTC().Format("2006-01-02 15:04 UTC")+". The incident is "+inc.State+"."
	case inc.State == "acknowledged":
		r.Result, r.Message = "already", "Somebody has acknowledged this incident already."
	case inc.State != "new":
		r.Result, r.Message = "already", "This incident is "+inc.State+"; there is nothing to acknowledge."
	}
	return r
}

// acknowledge uses a link, once.
func (s *Service) acknowledge(ctx context.Context, token string) (ackResult, error) {
	nid, err := s.readToken(token, s.db.Clock().Now())
	if err != nil {
		return ackResult{}, err
	}
	var out ackResult
	err = s.db.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		n, err := byID(ctx, tx, nid)
		if err != nil {
			return errs.New(errs.NotFound, "The message that this link came with is not kept any more.")
		}
		who := &access.Principal{Kind: access.Link, Name: "Link to " + n.To, Role: access.Responder, Scopes: []string{respond.WriteIncidents.Name, respond.ReadIncidents.Name}}
		if n.AccountID != "" {
			a, err := account.ByID(ctx, tx, n.AccountID)
			if err != nil {
				return err
			}
			if a.Disabled {
				return errs.New(errs.Forbidden, "This account is disabled.")
			}
			who.ID, who.Name, who.Email = a.ID, a.Name, a.Email
		}
		res, err := tx.NewRaw("UPDATE notifications SET ack_used_at = ? WHERE id = ? AND ack_used_at IS NULL", tx.Now(), n.ID).Exec(ctx)
		if err != nil {
			return err
		}
		k, err := res.RowsAffected()
		if err != nil {
			return err
		}
		done := false
		if k > 0 {
			if done, err = s.incidents.Acknowledge(access.With(ctx, who), tx, n.IncidentID, n.Channel); err != nil {
				return err
			}
			s.announce(tx, n, "changed")
		}
		inc, err := s.incidents.ByID(ctx, tx, n.IncidentID)
		if err != nil {
			return err
		}
		out = s.result(n, inc)
		if done {
			out.Result, out.Message = "acknowledged", "You have it. Nobody else will be told to answer."
		}
		return nil
	})
	return out, err
}
