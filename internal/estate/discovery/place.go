package discovery

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"time"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/job"
	"github.com/mainstay-ops/mainstay/internal/core/snmp/visit"
	"github.com/mainstay-ops/mainstay/internal/core/sweep"
	"github.com/mainstay-ops/mainstay/internal/estate"
)

// secondary tells whether the item answers at another address too, which is the one
// that its attributes tell: else they would change with each address of each run.
func (a *active) secondary(ctx context.Context, tx *db.Tx, itemID, addr string, f facts) (bool, error) {
	if dev := f.device(); dev != "" {
		if first, ok := a.first[dev]; ok && first != addr {
			return true, nil
		}
		a.first[dev] = addr
	}
	if itemID == "" {
		return false, nil
	}
	var first []string
	err := tx.NewRaw("SELECT address FROM discovery_hosts WHERE job_id = ? AND item_id = ? AND missed < ? ORDER BY first_seen, address LIMIT 1", a.run.jobID, itemID, a.spec.VanishedAfter).Scan(ctx, &first)
	if err != nil || len(first) == 0 || first[0] == addr {
		return false, err
	}
	if dev := f.device(); dev != "" {
		a.first[dev] = first[0]
	}
	return true, nil
}

// placed is how a host was found: host and rd are nil when a person accepted it.
type placed struct {
	host         *sweep.Host
	rd           *visit.Reading
	address, mac string
	second       bool
	// place is the edge that found it; empty is the server.
	place string
}

// placeHost puts a host on the map with all that goes with it.
func (s *Service) placeHost(ctx context.Context, tx *db.Tx, in estate.NewItem, p placed) (estate.Item, error) {
	it, err := s.items.Observed(ctx, tx, in)
	if err != nil {
		return it, err
	}
	if p.host != nil {
		if err := s.Propose(ctx, tx, it, from(p.place, proposeFor(it.Name, p.host))); err != nil {
			return it, err
		}
	}
	rd := p.rd
	if rd == nil {
		return it, s.swept(ctx, tx, it, p.address, p.mac)
	}
	if err := keepReading(ctx, tx, it.ID, rd.Credential, rd.Address, p.place, tx.Now(), p.second); err != nil {
		return it, err
	}
	return it, s.report(ctx, tx, it.ID, rd)
}

func (s *Service) report(ctx context.Context, tx *db.Tx, itemID string, rd *visit.Reading) error {
	if s.network == nil {
		return nil
	}
	// The reading says more than a sweep did.
	if err := s.network.Report(ctx, tx, sweptView(itemID, nil, "", tx.Now())); err != nil {
		return err
	}
	return s.network.Report(ctx, tx, networkOf(itemID, rd.Device, tx.Now()))
}

// swept reports at which addresses an item answers that nobody could read.
func (s *Service) swept(ctx context.Context, tx *db.Tx, it estate.Item, addr, mac string) error {
	s.mu.RLock()
	itself := it.ID == s.hostItem
	s.mu.RUnlock()
	if s.network == nil || itself {
		return nil
	}
	var n int
	if err := tx.NewRaw("SELECT COUNT(*) FROM discovery_readings WHERE item_id = ?", it.ID).Scan(ctx, &n); err != nil || n > 0 {
		return err
	}
	addrs := []string{}
	if err := tx.NewRaw("SELECT DISTINCT address FROM discovery_hosts WHERE item_id = ? AND missed = 0 ORDER BY address LIMIT 1000", it.ID).Scan(ctx, &addrs); err != nil {
		return err
	}
	if !slices.Contains(addrs, addr) {
		addrs = append(addrs, addr)
		slices.Sort(addrs)
	}
	return s.network.Report(ctx, tx, sweptView(it.ID, addrs, mac, tx.Now()))
}

// learnMACs gives hosts behind a router the hardware address that the address table of
// a device of this run has for them, so that another source recognizes them. One that
// stands for several addresses, or is that of a device, identifies nothing: a router
// may answer for others.
func (a *active) learnMACs(ctx context.Context) error {
	a.mu.Lock()
	macs, count := map[string]string{}, map[string]int{}
	for addr, c := range a.claims {
		macs[addr] = c.mac
		count[c.mac]++
	}
	for addr, m := range macs {
		if count[m] > 1 || a.devices[m] || !ownMAC(m) {
			delete(macs, addr)
		}
	}
	a.mu.Unlock()
	for part := range slices.Chunk(slices.Sorted(maps.Keys(macs)), 500) {
		err := a.r.s.d.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
			var rows []hostRow
			if err := tx.NewRaw("SELECT * FROM discovery_hosts WHERE job_id = ? AND last_run = ? AND address IN (?)", a.run.jobID, a.run.ID, bun.In(part)).Scan(ctx, &rows); err != nil {
				return err
			}
			for _, r := range rows {
				if err := a.learnMAC(ctx, tx, r, macs[r.Address]); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (a *active) learnMAC(ctx context.Context, tx *db.Tx, r hostRow, mac string) error {
	var f facts
	if err := json.Unmarshal([]byte(r.Facts), &f); err != nil || f["mac"] == mac || f[macsField] != "" {
		return err
	}
	f["mac"] = mac
	text, err := json.Marshal(f)
	if err != nil {
		return err
	}
	if _, err := tx.NewRaw("UPDATE discovery_hosts SET facts = ? WHERE job_id = ? AND address = ?", string(text), r.JobID, r.Address).Exec(ctx); err != nil || r.ItemID == "" {
		return err
	}
	it, err := a.r.s.placeHost(ctx, tx, f.item(r.Item, r.Address), placed{address: r.Address, mac: mac, place: a.spec.From})
	if err != nil || it.ID == r.ItemID {
		return err
	}
	// Another source knew it before.
	if _, err := tx.NewRaw("UPDATE discovery_hosts SET item_id = ?, item = ? WHERE job_id = ? AND address = ?", it.ID, it.Name, r.JobID, r.Address).Exec(ctx); err != nil {
		return err
	}
	_, err = tx.NewRaw("UPDATE discovery_findings SET item = ? WHERE run_id = ? AND address = ?", it.Name, a.run.ID, r.Address).Exec(ctx)
	return err
}

// keepReading notes how an item was read. A second address is noted only where there
// is no first.
func keepReading(ctx context.Context, tx *db.Tx, itemID, credential, address, place string, at time.Time, second bool) error {
	conflict := "UPDATE SET credential = excluded.credential, address = excluded.address, place = excluded.place, read_at = excluded.read_at"
	if second {
		conflict = "NOTHING"
	}
	_, err := tx.NewRaw("INSERT INTO discovery_readings (item_id, credential, address, place, read_at) VALUES (?, ?, ?, ?, ?) ON CONFLICT (item_id) DO "+conflict, itemID, credential, address, place, at).Exec(ctx)
	return err
}

// readArgs ask to read an item that a person put on the map, so that its network is
// known before the next run.
type readArgs struct {
	Item       string `json:"item"`
	Address    string `json:"address"`
	Credential string `json:"credential"`
}

// Kind implements job.Args.
func (readArgs) Kind() string { return "estate.discovery.read" }

// Jobs implements module.HasJobs.
func (s *Service) Jobs(r *job.Runner) { job.Handle(r, s.readItem) }

// readItem reads a device again and reports its network. A device that does not
// answer now is read by the next run.
func (s *Service) readItem(ctx context.Context, in readArgs, _ job.Meta) error {
	ctx = access.AsSystem(ctx)
	c, _, err := s.credential(ctx, s.d.DB.Reader(), in.Credential)
	if errs.Is(err, errs.NotFound) {
		return job.GiveUp(err)
	}
	if err != nil {
		return err
	}
	rd, err := visit.Read(ctx, c.target(in.Address))
	if err != nil {
		return err
	}
	return s.d.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		if is, err := s.catalog.ByIDs(ctx, tx, []string{in.Item}); err != nil || is[in.Item].ID == "" {
			return err
		}
		return s.report(ctx, tx, in.Item, rd)
	})
}
