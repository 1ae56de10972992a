package discovery

import (
	"context"
	"slices"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/job"
	"github.com/mainstay-ops/mainstay/internal/estate"
	"github.com/mainstay-ops/mainstay/internal/estate/discovery/sweep"
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
	rd           *reading
	address, mac string
	second       bool
}

// placeHost puts a host on the map with all that goes with it.
func (s *Service) placeHost(ctx context.Context, tx *db.Tx, in estate.NewItem, p placed) (estate.Item, error) {
	it, err := s.items.Observed(ctx, tx, in)
	if err != nil {
		return it, err
	}
	if p.host != nil {
		if err := s.Propose(ctx, tx, it, proposeFor(it.Name, p.host)); err != nil {
			return it, err
		}
	}
	rd := p.rd
	if rd == nil {
		return it, s.swept(ctx, tx, it, p.address, p.mac)
	}
	if err := keepReading(ctx, tx, it.ID, rd.credential, rd.address, tx.Now(), p.second); err != nil {
		return it, err
	}
	return it, s.report(ctx, tx, it.ID, rd)
}

func (s *Service) report(ctx context.Context, tx *db.Tx, itemID string, rd *reading) error {
	if s.network == nil {
		return nil
	}
	// The reading says more than a sweep did.
	if err := s.network.Report(ctx, tx, sweptView(itemID, nil, "", tx.Now())); err != nil {
		return err
	}
	return s.network.Report(ctx, tx, networkOf(itemID, rd.device, tx.Now()))
}

// swept reports at which addresses an item answers that nobody could read.
func (s *Service) swept(ctx context.Context, tx *db.Tx, it estate.Item, addr, mac string) error {
	if s.network == nil {
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

// keepReading notes how an item was read. A second address is noted only where there
// is no first.
func keepReading(ctx context.Context, tx *db.Tx, itemID, credential, address string, at time.Time, second bool) error {
	conflict := "UPDATE SET credential = excluded.credential, address = excluded.address, read_at = excluded.read_at"
	if second {
		conflict = "NOTHING"
	}
	_, err := tx.NewRaw("INSERT INTO discovery_readings (item_id, credential, address, read_at) VALUES (?, ?, ?, ?) ON CONFLICT (item_id) DO "+conflict, itemID, credential, address, at).Exec(ctx)
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
	t := c.target(in.Address)
	t.Timeout, t.Retries = snmpTimeout, 1
	rd, err := (&active{r: s.runs}).readWith(ctx, t, c.Name)
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
