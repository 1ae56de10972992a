package inventory

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/estate"
	"github.com/mainstay-ops/mainstay/internal/estate/inventory/kind"
)

// The lists of the inventory's health.
const (
	listOrphans     = "orphans"
	listStale       = "stale"
	listDuplicates  = "duplicates"
	listNoOwner     = "no-owner"
	listUnmonitored = "unmonitored"
	listNoBackup    = "no-backup"
)

const (
	// healthEvery is how old the lists may be before they are made again.
	healthEvery = time.Minute
	// healthTime bounds one computation.
	healthTime = 2 * time.Minute
)

// checkless are kinds of which nobody expects a check of their own.
func checkless() []string { return []string{"interface", "process", "license", "location"} }

// backedUp are kinds that hold data of which somebody would want a backup.
func backedUp() []string { return []string{"database", "storage", "virtual_machine", "host"} }

// healthItem is an item as the lists need it.
type healthItem struct {
	ID          string
	Name        string
	Title       string
	Kind        string
	OwnerTeamID string
	Criticality estate.Criticality
	Lifecycle   string

	// watched tells that its kind is one that is expected to have a check.
	watched bool
	// seen is zero when no source has ever seen it.
	seen time.Time
	// in holds why it is in a list; stale is decided when somebody asks.
	in map[string]string
}

// health is the last computation; it is replaced as a whole.
type health struct {
	mu      sync.Mutex
	at      time.Time
	items   []*healthItem
	backup  bool
	checks  bool
	running chan struct{}
	failed  error
	dirty   bool
}

// snapshot is what a request works on.
type snapshot struct {
	at             time.Time
	items          []*healthItem
	backup, checks bool
	// model is there only while the lists are made.
	model *kind.Model
}

// current gives the lists, at most a minute old unless making them takes longer: a
// request waits only for the first computation of the program.
func (s *Service) current(ctx context.Context) (snapshot, error) {
	h := &s.health
	h.mu.Lock()
	if (h.dirty || s.db.Clock().Now().Sub(h.at) >= healthEvery) && h.running == nil {
		h.running, h.dirty = make(chan struct{}), false
		go s.compute(context.WithoutCancel(ctx))
	}
	wait := h.running
	if !h.at.IsZero() {
		defer h.mu.Unlock()
		return h.snapshot(), nil
	}
	h.mu.Unlock()
	select {
	case <-wait:
	case <-ctx.Done():
		return snapshot{}, ctx.Err()
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.snapshot(), h.failed
}

func (h *health) snapshot() snapshot {
	return snapshot{at: h.at, items: h.items, backup: h.backup, checks: h.checks}
}

func (s *Service) compute(ctx context.Context) {
	ctx, cancel := context.WithTimeout(access.AsSystem(ctx), healthTime)
	defer cancel()
	at := s.db.Clock().Now().UTC()
	sn, err := s.healthNow(ctx)
	h := &s.health
	h.mu.Lock()
	defer h.mu.Unlock()
	close(h.running)
	h.running = nil
	if h.failed = err; err == nil {
		h.at, h.items, h.backup, h.checks = at, sn.items, sn.backup, sn.checks
	}
}

// stir makes the next request begin a new computation.
func (s *Service) stir() {
	s.health.mu.Lock()
	defer s.health.mu.Unlock()
	s.health.dirty = true
}

// healthNow reads everything. Retired items are in no list.
func (s *Service) healthNow(ctx context.Context) (snapshot, error) {
	q := s.db.Reader()
	var sn snapshot
	m, err := s.model(ctx, q)
	if err != nil {
		return sn, err
	}
	sn.model = m
	if err := q.NewRaw("SELECT id, name, title, kind, owner_team_id, criticality, lifecycle FROM items WHERE lifecycle <> ?", retired).Scan(ctx, &sn.items); err != nil {
		return sn, err
	}
	// In the order of Go, in which pages go on; a database may sort by its locale.
	slices.SortFunc(sn.items, func(a, b *healthItem) int { return strings.Compare(a.Name, b.Name) })
	by := make(map[string]*healthItem, len(sn.items))
	for _, i := range sn.items {
		by[i.ID] = i
		i.watched = !m.Is(i.Kind, checkless())
		i.in = map[string]string{}
		if i.OwnerTeamID == "" {
			i.in[listNoOwner] = "No team owns it."
		}
	}
	for _, step := range []func(context.Context, bun.IDB, *snapshot, map[string]*healthItem) error{s.orphans, s.sightings, s.duplicates, s.unmonitored, s.unsaved} {
		if err := step(ctx, q, &sn, by); err != nil {
			return sn, err
		}
	}
	return sn, nil
}

func (s *Service) orphans(ctx context.Context, q bun.IDB, sn *snapshot, _ map[string]*healthItem) error {
	var ids []string
	if err := q.NewRaw("SELECT from_id FROM item_relations UNION SELECT to_id FROM item_relations").Scan(ctx, &ids); err != nil {
		return err
	}
	related := make(map[string]bool, len(ids))
	for _, i := range ids {
		related[i] = true
	}
	for _, i := range sn.items {
		if !related[i.ID] {
			i.in[listOrphans] = "It has no relation to anything."
		}
	}
	return nil
}

func (s *Service) sightings(ctx context.Context, q bun.IDB, _ *snapshot, by map[string]*healthItem) error {
	var rows []struct {
		ItemID string
		At     time.Time
	}
	if err := q.NewRaw("SELECT item_id, at FROM item_seen").Scan(ctx, &rows); err != nil {
		return err
	}
	for _, r := range rows {
		if i := by[r.ItemID]; i != nil {
			i.seen = r.At.UTC()
		}
	}
	return nil
}

// duplicates are items that share a serial, MAC or FQDN, or whose names differ only
// in case or domain.
func (s *Service) duplicates(ctx context.Context, q bun.IDB, sn *snapshot, by map[string]*healthItem) error {
	var rows []struct{ Key, Value, ItemID string }
	err := q.NewRaw(`SELECT x.key, x.value, x.item_id FROM item_identities x
JOIN (SELECT key, value FROM item_identities WHERE key IN ('serial', 'mac', 'fqdn') GROUP BY key, value HAVING COUNT(*) > 1) d ON d.key = x.key AND d.value = x.value
ORDER BY x.key, x.value`).Scan(ctx, &rows)
	if err != nil {
		return err
	}
	groups := map[string][]*healthItem{}
	for _, r := range rows {
		if i := by[r.ItemID]; i != nil {
			groups["the "+r.Key+" "+r.Value] = append(groups["the "+r.Key+" "+r.Value], i)
		}
	}
	for _, i := range sn.items {
		// A domain is letters; 10.0.0.1 and 10.0.0.2 are not one machine.
		host, domain, has := strings.Cut(strings.ToLower(i.Name), ".")
		if has && (!strings.ContainsAny(domain, "abcdefghijklmnopqrstuvwxyz") || strings.ContainsAny(i.Name, "/@: ")) {
			host = strings.ToLower(i.Name)
		}
		k := "the name " + host + " but for case or domain"
		groups[k] = append(groups[k], i)
	}
	for _, k := range sortedKeys(groups) {
		g := groups[k]
		if len(g) < 2 || strings.HasPrefix(k, "the name") && !oneKind(g) {
			continue
		}
		for _, i := range g {
			o := g[0]
			if o == i {
				o = g[1]
			}
			if i.in[listDuplicates] == "" {
				i.in[listDuplicates] = fmt.Sprintf("Shares %s with %s.", k, o.Name)
			}
		}
	}
	return nil
}

// oneKind: shop.example.com, a certificate, and shop, a service, are two things; and
// web.a.com and web.b.com have different domains on purpose.
func oneKind(g []*healthItem) bool {
	full := map[string]bool{}
	for _, i := range g {
		if i.Kind != g[0].Kind {
			return false
		}
		if strings.Contains(i.Name, ".") {
			full[strings.ToLower(i.Name)] = true
		}
	}
	return len(full) <= 1
}

func (s *Service) unmonitored(ctx context.Context, q bun.IDB, sn *snapshot, _ map[string]*healthItem) error {
	if s.checks == nil {
		return nil
	}
	sn.checks = true
	for part := range slices.Chunk(sn.items, chunk) {
		ids := make([]string, len(part))
		for n, i := range part {
			ids[n] = i.ID
		}
		has, err := s.checks.HasCheckFor(ctx, q, ids)
		if err != nil {
			return err
		}
		for _, i := range part {
			if !has[i.ID] && i.watched {
				i.in[listUnmonitored] = "No check watches it."
			}
		}
	}
	return nil
}

// unsaved asks only when any item says something of a backup: without it the answer
// would be that nothing is backed up, which nobody has said.
func (s *Service) unsaved(ctx context.Context, q bun.IDB, sn *snapshot, by map[string]*healthItem) error {
	var rows []struct{ ID, Attributes string }
	if err := q.NewRaw(`SELECT id, attributes FROM items WHERE attributes LIKE '%"backup"%' OR attributes LIKE '%"backed_up_by"%'`).Scan(ctx, &rows); err != nil {
		return err
	}
	saved := map[string]bool{}
	for _, r := range rows {
		var a map[string]any
		if json.Unmarshal([]byte(r.Attributes), &a) != nil {
			continue
		}
		for _, k := range []string{"backup", "backed_up_by"} {
			v, ok := a[k]
			if !ok {
				continue
			}
			sn.backup = true
			if said := strings.ToLower(fmt.Sprint(v)); v != nil && v != false && !slices.Contains([]string{"", "no", "none", "false", "[]", "map[]"}, said) {
				saved[r.ID] = true
			}
		}
	}
	if !sn.backup {
		return nil
	}
	for itemID, i := range by {
		if sn.model.Is(i.Kind, backedUp()) && !saved[itemID] {
			i.in[listNoBackup] = "Nothing says that it is backed up."
		}
	}
	return nil
}

// why tells whether an item is in a list and why.
func (i *healthItem) why(list string, now time.Time, days int) string {
	if list != listStale {
		return i.in[list]
	}
	if i.seen.IsZero() || now.Sub(i.seen) < time.Duration(days)*24*time.Hour {
		return ""
	}
	return fmt.Sprintf("No source has seen it for %d days.", int(now.Sub(i.seen).Hours()/24))
}
