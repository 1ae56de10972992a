package discovery

import (
	"context"
	"strconv"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
)

// Certificate is one that a service of this machine shows.
type Certificate struct {
	Item     string    `json:"item" doc:"Name of the service's item."`
	Subject  string    `json:"subject"`
	Issuer   string    `json:"issuer"`
	NotAfter time.Time `json:"not_after"`
	SeenAt   time.Time `json:"seen_at" doc:"When it was looked at last."`
}

// keepCertificate records what the item's service shows; nil forgets it.
func keepCertificate(ctx context.Context, tx *db.Tx, itemID, item string, c *certificate) error {
	if c == nil {
		_, err := tx.NewRaw("DELETE FROM discovery_certificates WHERE item_id = ?", itemID).Exec(ctx)
		return err
	}
	_, err := tx.NewRaw(`INSERT INTO discovery_certificates (item_id, item, subject, issuer, not_after, seen_at) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (item_id) DO UPDATE SET item = excluded.item, subject = excluded.subject, issuer = excluded.issuer, not_after = excluded.not_after, seen_at = excluded.seen_at`,
		itemID, item, c.Subject, c.Issuer, c.NotAfter, tx.Now()).Exec(ctx)
	return err
}

// certificates lists them, the next to expire first. The cursor is the expiry and
// the item of the last one seen.
func (s *Service) certificates(ctx context.Context, cursor string, limit int) ([]Certificate, string, error) {
	after, item := time.Unix(0, 0).UTC(), ""
	if cursor != "" {
		if len(cursor) < 18 || cursor[16] != '.' {
			return nil, "", errs.Fields(errs.Field{Path: "cursor", Value: cursor, Message: "must be the next of a page before"})
		}
		us, err := strconv.ParseInt(cursor[:16], 10, 64)
		if err != nil {
			return nil, "", errs.Fields(errs.Field{Path: "cursor", Value: cursor, Message: "must be the next of a page before"})
		}
		after, item = time.UnixMicro(us).UTC(), cursor[17:]
	}
	cs := []Certificate{}
	if err := s.d.DB.Reader().NewRaw("SELECT item, subject, issuer, not_after, seen_at FROM discovery_certificates WHERE not_after > ? OR not_after = ? AND item > ? ORDER BY not_after, item LIMIT ?", after, after, item, limit+1).Scan(ctx, &cs); err != nil {
		return nil, "", err
	}
	next := ""
	if len(cs) > limit {
		cs = cs[:limit]
		last := cs[limit-1]
		next = formatMicro(last.NotAfter) + "." + last.Item
	}
	return cs, next, nil
}

func formatMicro(t time.Time) string {
	s := strconv.FormatInt(t.UnixMicro(), 10)
	for len(s) < 16 {
		s = "0" + s
	}
	return s
}
