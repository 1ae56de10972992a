package topology

import (
	"context"
	"reflect"
	"slices"
	"time"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/event"
	"github.com/mainstay-ops/mainstay/internal/core/id"
	"github.com/mainstay-ops/mainstay/internal/core/job"
	"github.com/mainstay-ops/mainstay/internal/core/live"
	"github.com/mainstay-ops/mainstay/internal/estate"
	"github.com/mainstay-ops/mainstay/internal/estate/topology/link"
)

// joinDelay gathers the views of a sweep into one joining.
const joinDelay = 3 * time.Second

type joinArgs struct{}

// Kind implements job.Args.
func (joinArgs) Kind() string { return "estate.topology.join" }

// Subscribe implements module.HasEvents.
func (s *Service) Subscribe(r *event.Router) {
	event.On(r, func(ctx context.Context, tx *db.Tx, _ estate.NetworkSeen, _ event.Meta) error {
		return s.d.Jobs.Insert(ctx, tx, joinArgs{}, job.Options{At: tx.Now().Add(joinDelay), Unique: true})
	})
	event.On(r, s.itemMerged)
	event.On(r, func(ctx context.Context, tx *db.Tx, f estate.ItemChanged, _ event.Meta) error {
		if !f.Removed {
			return nil
		}
		for _, t := range []string{"network_views", "network_interfaces", "network_addresses", "network_vlans", "network_evidence"} {
			if _, err := tx.NewRaw("DELETE FROM ? WHERE item_id = ?", bun.Ident(t), f.ItemID).Exec(ctx); err != nil {
				return err
			}
		}
		_, err := tx.NewRaw("DELETE FROM links WHERE a_item = ? OR b_item = ?", f.ItemID, f.ItemID).Exec(ctx)
		return err
	})
}

// itemMerged gives what sources saw of an item that turned out to be another one to
// that one, where the source has not seen that one itself. Links are joined anew.
func (s *Service) itemMerged(ctx context.Context, tx *db.Tx, f estate.ItemMerged, _ event.Meta) error {
	for _, t := range []string{"network_interfaces", "network_addresses", "network_vlans", "network_evidence", "network_views"} {
		if _, err := tx.NewRaw("UPDATE ? SET item_id = ? WHERE item_id = ? AND source NOT IN (SELECT v.source FROM network_views v WHERE v.item_id = ?)", bun.Ident(t), f.ItemID, f.GoneID, f.ItemID).Exec(ctx); err != nil {
			return err
		}
	}
	return s.d.Jobs.Insert(ctx, tx, joinArgs{}, job.Options{At: tx.Now().Add(joinDelay)})
}

// Jobs implements module.HasJobs.
func (s *Service) Jobs(r *job.Runner) {
	job.Handle(r, func(ctx context.Context, _ joinArgs, _ job.Meta) error {
		again, err := s.join(access.AsSystem(ctx))
		if err == nil && again {
			return job.Later(joinDelay)
		}
		return err
	})
	// Links age also when nobody reports.
	job.Every(r, 15*time.Minute, false, joinArgs{})
}

// join works out all links again and writes what differs. It tells whether a view
// came in while it was reading.
func (s *Service) join(ctx context.Context) (again bool, err error) {
	q, now := s.d.DB.Reader(), s.d.DB.Clock().Now().UTC()
	set, err := settings(ctx, q)
	if err != nil {
		return false, err
	}
	devices, sightings, newest, err := s.sightings(ctx, q, now.Add(-set.remove()))
	if err != nil {
		return false, err
	}
	links := link.Join(devices, sightings, now.Add(-set.stale()))
	changed := 0
	err = s.d.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		if _, err := tx.NewRaw("DELETE FROM network_evidence WHERE gone_at < ?", now.Add(-set.remove())).Exec(ctx); err != nil {
			return err
		}
		if changed, err = writeLinks(ctx, tx, links); err != nil {
			return err
		}
		var last struct{ At *time.Time }
		if err := tx.NewRaw("SELECT changed_at AS at FROM network_views ORDER BY changed_at DESC LIMIT 1").Scan(ctx, &last); err == nil && last.At != nil {
			again = last.At.After(newest)
		}
		return nil
	})
	if err == nil && changed > 0 {
		s.d.Live.Send(live.Note{Topic: "topology", Kind: "changed", ID: "links"})
	}
	return again, err
}

// sightings reads what the engine needs. Last is when the source was heard, or
// when the sighting was gone.
func (s *Service) sightings(ctx context.Context, q bun.IDB, keepFrom time.Time) ([]link.Device, []link.Sighting, time.Time, error) {
	var newest time.Time
	views, err := read[viewRow](ctx, q, nil, "item_id, source")
	if err != nil {
		return nil, nil, newest, err
	}
	heard, ids := map[viewKey]time.Time{}, []string{}
	for _, v := range views {
		heard[viewKey{v.ItemID, v.Source}] = v.SeenAt.UTC()
		if v.ChangedAt.After(newest) {
			newest = v.ChangedAt
		}
		if len(ids) == 0 || ids[len(ids)-1] != v.ItemID {
			ids = append(ids, v.ItemID)
		}
	}
	items, err := s.items.ByIDs(ctx, q, ids)
	if err != nil {
		return nil, nil, newest, err
	}
	rows, err := read[interfaceRow](ctx, q, nil, "item_id, source, if_index")
	if err != nil {
		return nil, nil, newest, err
	}
	type portKey struct {
		viewKey
		index int64
	}
	names, byItem, bare := map[portKey]string{}, map[string][]link.Port{}, map[string][]string{}
	type itemPort struct{ item, key string }
	has, inside := map[itemPort]bool{}, map[portKey]bool{}
	for _, r := range believed(rows, ofInterface) {
		if r.nameless() {
			bare[r.ItemID] = append(bare[r.ItemID], r.MAC)
			continue
		}
		k := portKey{viewKey{r.ItemID, r.Source}, r.Index}
		names[k] = r.key()
		inside[k] = r.inner()
		if p := (itemPort{r.ItemID, r.key()}); !has[p] {
			has[p] = true
			byItem[r.ItemID] = append(byItem[r.ItemID], link.Port{Key: r.key(), Descr: r.Descr, Alias: r.Alias, MAC: r.MAC})
		}
	}
	nets, err := read[addressRow](ctx, q, nil, "item_id, address, source")
	if err != nil {
		return nil, nil, newest, err
	}
	addrs := map[string][]string{}
	for _, r := range believed(nets, ofAddress) {
		// Addresses of networks for containers are those of every host.
		if !inside[portKey{viewKey{r.ItemID, r.Source}, r.Index}] {
			addrs[r.ItemID] = append(addrs[r.ItemID], r.Address)
		}
	}
	devices := make([]link.Device, 0, len(items))
	for _, itemID := range ids {
		i, ok := items[itemID]
		if !ok {
			continue
		}
		d := link.Device{ID: itemID, Names: []string{i.Name}, Ports: byItem[itemID], MACs: bare[itemID], Addresses: addrs[itemID]}
		if i.Title != "" && i.Title != i.Name {
			d.Names = append(d.Names, i.Title)
		}
		devices = append(devices, d)
	}
	evs, err := read[evidenceRow](ctx, q, nil, "item_id, source, hash")
	if err != nil {
		return nil, nil, newest, err
	}
	out := make([]link.Sighting, 0, len(evs))
	for _, e := range evs {
		k := viewKey{e.ItemID, e.Source}
		last := heard[k]
		if e.GoneAt != nil {
			last = e.GoneAt.UTC()
		}
		if last.Before(keepFrom) {
			continue
		}
		out = append(out, link.Sighting{
			Device: e.ItemID, Port: names[portKey{k, e.Index}], Protocol: e.Evidence, RemoteName: e.RemoteName, RemotePort: e.RemotePort, RemotePortDescr: e.RemoteDescr, RemoteMAC: e.RemoteMAC,
			RemoteAddress: e.RemoteAddress, Process: e.Process, RemoteTCP: int(e.Port), VLAN: e.VLAN, First: e.FirstSeen.UTC(), Last: last, Gone: e.GoneAt != nil,
		})
	}
	return devices, out, newest, nil
}

type linkKey struct{ layer, a, ap, b, bu, bp string }

func (r linkRow) key() linkKey {
	return linkKey{r.Layer, r.AItem, r.APort, r.BItem, r.BUnknown, r.BPort}
}

// rowOf makes a row; an unknown neighbor is always on side B.
func rowOf(l link.Link) linkRow {
	a, b, ev := l.A, l.B, slices.Clone(l.Evidence)
	if a.Device == "" {
		a, b = b, a
		for i := range ev {
			ev[i].FromA, ev[i].FromB = ev[i].FromB, ev[i].FromA
		}
	}
	return linkRow{Layer: l.Layer, AItem: a.Device, APort: a.Port, BItem: b.Device, BPort: b.Port, BUnknown: b.Unknown, BLabel: b.Label, Evidence: ev, Confidence: l.Confidence, FirstSeen: l.First, LastSeen: l.Last}
}

// writeLinks makes the table equal to links; ids and decisions stay. It gives the
// number of differences.
func writeLinks(ctx context.Context, tx *db.Tx, links []link.Link) (int, error) {
	var have []linkRow
	if err := tx.NewSelect().Model(&have).Scan(ctx); err != nil {
		return 0, err
	}
	old := make(map[linkKey]linkRow, len(have))
	for _, r := range have {
		old[r.key()] = r
	}
	n := 0
	var fresh []linkRow
	for _, l := range links {
		r := rowOf(l)
		was, ok := old[r.key()]
		delete(old, r.key())
		if !ok {
			r.ID = id.New()
			fresh = append(fresh, r)
			n++
			continue
		}
		r.ID, r.Decided = was.ID, was.Decided
		if same(was, r) {
			continue
		}
		n++
		if _, err := tx.NewUpdate().Model(&r).WherePK().Exec(ctx); err != nil {
			return n, err
		}
	}
	for _, r := range old {
		n++
		if _, err := tx.NewRaw("DELETE FROM links WHERE id = ?", r.ID).Exec(ctx); err != nil {
			return n, err
		}
	}
	return n, insertAll(ctx, tx, fresh)
}

func same(a, b linkRow) bool {
	if a.Confidence != b.Confidence || a.BLabel != b.BLabel || !a.FirstSeen.Equal(b.FirstSeen) || !a.LastSeen.Equal(b.LastSeen) || len(a.Evidence) != len(b.Evidence) {
		return false
	}
	for i := range a.Evidence {
		x, y := a.Evidence[i], b.Evidence[i]
		if !x.First.Equal(y.First) || !x.Last.Equal(y.Last) {
			return false
		}
		x.First, x.Last, y.First, y.Last = time.Time{}, time.Time{}, time.Time{}, time.Time{}
		if len(x.Ports)+len(x.Processes)+len(y.Ports)+len(y.Processes) == 0 {
			x.Ports, x.Processes, y.Ports, y.Processes = nil, nil, nil, nil
		}
		if !reflect.DeepEqual(x, y) {
			return false
		}
	}
	return true
}
