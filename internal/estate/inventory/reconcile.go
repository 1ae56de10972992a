package inventory

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/id"
	"github.com/mainstay-ops/mainstay/internal/estate"
	"github.com/mainstay-ops/mainstay/internal/estate/inventory/match"
)

const (
	// seenStep is how old the moment of the last sight may be before it is written
	// again: a source that looks each minute must not write each minute.
	seenStep = time.Hour
	// maxCandidates bounds the items that one observation is compared with.
	maxCandidates = 100
)

// doubt is a pair that a person must decide on.
type doubt struct {
	otherID string
	reason  string
	c       match.Compared
}

// found is what reconcile says of an observation.
type found struct {
	// item is nil when the thing is new; then name is what it is to be called.
	item *Item
	name string
	// doubts are those that it may be too.
	doubts   []doubt
	identity match.Identity
}

// reconcile finds the item that an observation means. A strong key finds it under
// any name; then the name, unless a strong key says that it is another thing.
func (s *Service) reconcile(ctx context.Context, tx *db.Tx, in estate.NewItem) (found, error) {
	out := found{name: in.Name, identity: match.Clean(in.Identity)}
	named, err := byName(ctx, tx, in.Name)
	if err != nil && !errs.Is(err, errs.NotFound) {
		return out, err
	}
	if len(out.identity) == 0 {
		out.item = named
		return out, nil
	}
	if tx.Kind() == db.Postgres {
		// Two sources that see one new thing at the same moment take turns.
		if _, err := tx.ExecContext(ctx, "SELECT pg_advisory_xact_lock(7215012)"); err != nil {
			return out, err
		}
	}
	kind := in.Kind
	if kind == "" && named != nil {
		kind = named.Kind
	}
	rule, err := s.ruleFor(ctx, tx, kind)
	if err != nil {
		return out, err
	}
	ids, err := candidates(ctx, tx, out.identity)
	if err != nil {
		return out, err
	}
	if named != nil && !slices.Contains(ids, named.ID) {
		ids = append(ids, named.ID)
	}
	has, err := identitiesOf(ctx, tx, ids)
	if err != nil {
		return out, err
	}
	slices.Sort(ids)
	best, bestRank := "", 0
	all := map[string]match.Compared{}
	for _, c := range ids {
		v := rule.Compare(out.identity, has[c])
		all[c] = v
		better := best == "" || v.Rank < bestRank || v.Rank == bestRank && named != nil && c == named.ID
		if v.Verdict == match.Same && better {
			best, bestRank = c, v.Rank
		}
	}
	if best == "" && named != nil {
		if k := rule.Contradicts(out.identity, has[named.ID]); k == "" {
			best = named.ID
		} else if out.name, err = freeName(ctx, tx, in.Name, out.identity[k][0]); err != nil {
			return out, err
		}
	}
	for _, c := range ids {
		switch v := all[c]; {
		case c == best:
		case v.Verdict == match.Same:
			out.doubts = append(out.doubts, doubt{c, "The keys of one observation point to both.", v})
		case v.Verdict == match.Doubtful:
			out.doubts = append(out.doubts, doubt{c, "Some keys agree and others contradict, as after cloning or a repair.", v})
		case named != nil && c == named.ID:
			v.Agree = append(v.Agree, "name "+named.Name)
			out.doubts = append(out.doubts, doubt{c, "Both go by one name.", v})
		}
	}
	if best == "" {
		return out, nil
	}
	is, err := byIDs(ctx, tx, []string{best})
	if err != nil || len(is) == 0 {
		return out, err
	}
	out.item = &is[0]
	return out, nil
}

// freeName makes a name for a thing whose own is that of another thing.
func freeName(ctx context.Context, q bun.IDB, name, value string) (string, error) {
	clean := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || strings.ContainsRune("._:-", r) {
			return r
		}
		return -1
	}, value)
	base := name + "@" + clean[max(0, len(clean)-40):]
	if len(base) > 200 {
		base = base[len(base)-200:]
	}
	_, err := byName(ctx, q, base)
	if errs.Is(err, errs.NotFound) {
		return base, nil
	}
	if err == nil {
		base += "-" + id.New()[:8]
	}
	return base, err
}

// candidates are the items that share a value of any key.
func candidates(ctx context.Context, q bun.IDB, identity match.Identity) ([]string, error) {
	var ids []string
	for _, k := range match.Keys() {
		if len(identity[k]) == 0 {
			continue
		}
		var some []string
		if err := q.NewRaw("SELECT DISTINCT item_id FROM item_identities WHERE key = ? AND value IN (?) ORDER BY item_id LIMIT ?", k, bun.In(identity[k]), maxCandidates).Scan(ctx, &some); err != nil {
			return nil, err
		}
		for _, c := range some {
			if !slices.Contains(ids, c) && len(ids) < maxCandidates {
				ids = append(ids, c)
			}
		}
	}
	return ids, nil
}

func identitiesOf(ctx context.Context, q bun.IDB, ids []string) (map[string]match.Identity, error) {
	out := map[string]match.Identity{}
	for part := range chunks(ids) {
		var rows []struct{ ItemID, Key, Value string }
		if err := q.NewRaw("SELECT item_id, key, value FROM item_identities WHERE item_id IN (?) ORDER BY key, value", bun.In(part)).Scan(ctx, &rows); err != nil {
			return nil, err
		}
		for _, r := range rows {
			if out[r.ItemID] == nil {
				out[r.ItemID] = match.Identity{}
			}
			out[r.ItemID][r.Key] = append(out[r.ItemID][r.Key], r.Value)
		}
	}
	return out, nil
}

// identified keeps what an observation says of an item: its identity, that it was
// seen, the name that the source has for it, and whom it may be confused with.
func (s *Service) identified(ctx context.Context, tx *db.Tx, i *Item, in estate.NewItem, f found, source string) error {
	if _, err := tx.NewRaw("INSERT INTO item_seen (item_id, source, at) VALUES (?, ?, ?) ON CONFLICT (item_id) DO UPDATE SET source = excluded.source, at = excluded.at WHERE item_seen.at < ?",
		i.ID, source, tx.Now(), tx.Now().Add(-seenStep)).Exec(ctx); err != nil {
		return err
	}
	for _, k := range match.Keys() {
		for _, v := range f.identity[k] {
			if _, err := tx.NewRaw("INSERT INTO item_identities (item_id, key, value, source, seen_at) VALUES (?, ?, ?, ?, ?) ON CONFLICT (item_id, key, value) DO UPDATE SET source = excluded.source, seen_at = excluded.seen_at WHERE item_identities.seen_at < ?",
				i.ID, k, v, source, tx.Now(), tx.Now().Add(-seenStep)).Exec(ctx); err != nil {
				return err
			}
		}
	}
	if in.Name != "" && in.Name != i.Name {
		// No alias where an item of that name lives: it would never be used.
		if _, err := tx.NewRaw("INSERT INTO item_aliases (id, item_id, name, reason, at) SELECT ?, ?, ?, ?, ? WHERE NOT EXISTS (SELECT 1 FROM items WHERE name = ?) ON CONFLICT DO NOTHING",
			id.New(), i.ID, in.Name, "name in "+source, tx.Now(), in.Name).Exec(ctx); err != nil {
			return err
		}
	}
	for _, d := range f.doubts {
		if err := doubtful(ctx, tx, i.ID, d, source); err != nil {
			return err
		}
	}
	return nil
}

// doubtful puts a pair into the queue, unless it was decided before.
func doubtful(ctx context.Context, tx *db.Tx, itemID string, d doubt, source string) error {
	a, b := itemID, d.otherID
	if a == b {
		return nil
	}
	if b < a {
		a, b = b, a
	}
	_, err := tx.NewRaw(`INSERT INTO item_matches (id, item_id, other_id, source, reason, agree, against, state, decided_by, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, 'open', '', ?, ?)
ON CONFLICT (item_id, other_id) DO UPDATE SET agree = excluded.agree, against = excluded.against, reason = excluded.reason, updated_at = excluded.updated_at
WHERE item_matches.state = 'open' AND (item_matches.agree <> excluded.agree OR item_matches.against <> excluded.against)`,
		id.New(), a, b, source, d.reason, strings.Join(d.c.Agree, "\n"), strings.Join(d.c.Against, "\n"), tx.Now(), tx.Now()).Exec(ctx)
	return err
}

// byAlias finds the item that has or had another name.
func byAlias(ctx context.Context, q bun.IDB, name string) (*Item, error) {
	var i Item
	if err := q.NewSelect().Model(&i).Join("JOIN item_aliases a ON a.item_id = i.id").Where("a.name = ?", name).Scan(ctx); err != nil {
		return nil, db.NotFound(err, "There is no item named %q.", short(name))
	}
	return &i, nil
}

// merged maps ids of items that were merged away to the ids of what they are now.
func merged(ctx context.Context, q bun.IDB, ids []string) (map[string]string, error) {
	out := map[string]string{}
	for part := range chunks(ids) {
		var rows []struct{ ID, ItemID string }
		if err := q.NewRaw("SELECT id, item_id FROM item_aliases WHERE id IN (?)", bun.In(part)).Scan(ctx, &rows); err != nil {
			return nil, err
		}
		for _, r := range rows {
			out[r.ID] = r.ItemID
		}
	}
	return out, nil
}
