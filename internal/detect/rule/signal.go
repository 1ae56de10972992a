package rule

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"net"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/id"
	"github.com/mainstay-ops/mainstay/internal/core/live"
	"github.com/mainstay-ops/mainstay/internal/detect"
	"github.com/mainstay-ops/mainstay/internal/detect/rule/eval"
	"github.com/mainstay-ops/mainstay/internal/estate"
)

// keyID is the key of an instance as it is stored: keys can be long.
func keyID(key string) string {
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:12])
}

// fingerprint tells a signal apart from all others.
func fingerprint(rule, key string) string { return "rule:" + rule + ":" + keyID(key) }

// keep writes what changed and tells the wing, in one transaction.
func (s *Service) keep(ctx context.Context, tx *db.Tx, r Rule, teamID string, changes []eval.Change) error {
	for _, c := range changes {
		var err error
		switch c.To {
		case eval.Inactive:
			err = s.ended(ctx, tx, r, c)
		case eval.Pending:
			err = s.saved(ctx, tx, r, c, "", "")
		default:
			err = s.fired(ctx, tx, r, teamID, c)
		}
		if err != nil {
			return err
		}
	}
	if len(changes) > 0 {
		tx.AfterCommit(func() { s.live.Send(live.Note{Topic: "rules", Kind: "changed", ID: r.Name}) })
	}
	return nil
}

func (s *Service) saved(ctx context.Context, tx *db.Tx, r Rule, c eval.Change, title, item string) error {
	b, err := json.Marshal(c.Instance)
	if err != nil {
		return err
	}
	out := instanceRow{
		Rule: r.Name, ID: keyID(c.Instance.Key), Instance: string(b), State: string(c.To), Fingerprint: fingerprint(r.Name, c.Instance.Key),
		Title: title, Item: item, ActiveAt: c.Instance.ActiveAt.UTC(),
	}
	if !c.Instance.FiredAt.IsZero() {
		t := c.Instance.FiredAt.UTC()
		out.FiredAt = &t
	}
	return saveInstance(ctx, tx, out)
}

func (s *Service) fired(ctx context.Context, tx *db.Tx, r Rule, teamID string, c eval.Change) error {
	labels, title, text := s.words(ctx, r, c)
	item, err := s.itemFor(ctx, tx, r, labels)
	if err != nil {
		return err
	}
	if item.OwnerTeamID != "" {
		teamID = item.OwnerTeamID
	}
	if err := s.saved(ctx, tx, r, c, title, item.Name); err != nil {
		return err
	}
	b, err := json.Marshal(labels)
	if err != nil {
		return err
	}
	h := historyRow{
		ID: id.New(), Rule: r.Name, Instance: keyID(c.Instance.Key), Labels: string(b), Title: title, Item: item.Name, StartedAt: c.Instance.ActiveAt.UTC(), FiredAt: c.At.UTC(), Value: finite(c.Instance.Value),
	}
	if _, err := tx.NewInsert().Model(&h).Exec(ctx); err != nil {
		return err
	}
	if r.severity() == Info {
		return nil
	}
	return s.events.Append(ctx, tx, detect.SignalRaised{
		Fingerprint: fingerprint(r.Name, c.Instance.Key), Rule: r.Name, Severity: r.severity(), Title: title, Output: text, ItemID: item.ID, TeamID: teamID,
		Labels: labels, StartedAt: c.Instance.ActiveAt.UTC(), DetectedAt: c.At.UTC(),
	})
}

func (s *Service) ended(ctx context.Context, tx *db.Tx, r Rule, c eval.Change) error {
	if err := dropInstance(ctx, tx, r.Name, keyID(c.Instance.Key)); err != nil || c.From != eval.Firing {
		return err
	}
	_, err := tx.NewRaw("UPDATE rule_history SET ended_at = ?, reason = ? WHERE rule = ? AND instance = ? AND ended_at IS NULL",
		c.At.UTC(), c.Why, r.Name, keyID(c.Instance.Key)).Exec(ctx)
	if err != nil {
		return err
	}
	return s.events.Append(ctx, tx, detect.SignalCleared{Fingerprint: fingerprint(r.Name, c.Instance.Key), Rule: r.Name, At: c.At.UTC(), Reason: c.Why})
}

// labelsOf gives the labels of the alert: those of the series, those of the rule and
// the name of the alert, as in Prometheus.
func (s *Service) labelsOf(ctx context.Context, r Rule, c eval.Change) map[string]string {
	out := maps.Clone(c.Instance.Labels)
	if out == nil {
		out = map[string]string{}
	}
	// A template may hold the value; the labels must stay the same for the whole time.
	maps.Copy(out, s.render.Render(ctx, r.Labels, c.Instance.Labels, 0, c.Instance.ActiveAt))
	out["alertname"] = r.alertName()
	return out
}

func (s *Service) words(ctx context.Context, r Rule, c eval.Change) (labels map[string]string, title, text string) {
	labels = s.labelsOf(ctx, r, c)
	if c.Instance.NoData {
		return labels, r.alertName() + ": no data", "The data that this rule is about is gone since " + c.Instance.ActiveAt.UTC().Format(time.RFC3339) + "."
	}
	a := s.render.Render(ctx, r.Annotations, labels, c.Instance.Value, c.At)
	if title = strings.TrimSpace(a["summary"]); title == "" {
		title = r.alertName()
		if on := firstOf(labels, "item", "instance", "host", "device", "service"); on != "" {
			title += ": " + on
		}
	}
	text = strings.TrimSpace(a["description"])
	if text == "" {
		text = strings.TrimSpace(a["message"])
	}
	if u := a["runbook_url"]; u != "" {
		text = strings.TrimSpace(text + "\nRunbook: " + u)
	}
	return labels, title, text
}

func firstOf(labels map[string]string, names ...string) string {
	for _, n := range names {
		if v := labels[n]; v != "" {
			return v
		}
	}
	return ""
}

// itemFor finds what a signal is about; the zero item when nothing is found.
func (s *Service) itemFor(ctx context.Context, q bun.IDB, r Rule, labels map[string]string) (estate.Item, error) {
	var names []string
	for _, v := range []string{r.Item, labels["item"], labels["instance"], labels["host"], labels["node"]} {
		if v == "" {
			continue
		}
		names = append(names, v)
		if host, _, err := net.SplitHostPort(v); err == nil {
			names = append(names, host)
			v = host
		}
		if short, _, ok := strings.Cut(v, "."); ok && net.ParseIP(v) == nil {
			names = append(names, short)
		}
	}
	for _, n := range names {
		item, err := s.items.ByName(ctx, q, n)
		if err == nil {
			return item, nil
		}
		if !errs.Is(err, errs.NotFound) {
			return estate.Item{}, err
		}
	}
	return estate.Item{}, nil
}

// finite keeps what a database can store.
func finite(v float64) float64 {
	if v != v || v > 1e300 || v < -1e300 {
		return 0
	}
	return v
}
