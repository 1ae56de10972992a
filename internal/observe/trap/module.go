package trap

import (
	"context"
	"crypto/sha256"
	"embed"
	"path/filepath"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/event"
	"github.com/mainstay-ops/mainstay/internal/core/job"
	"github.com/mainstay-ops/mainstay/internal/core/module"
	"github.com/mainstay-ops/mainstay/internal/core/snmp/profile"
	"github.com/mainstay-ops/mainstay/internal/estate"
	"github.com/mainstay-ops/mainstay/internal/observe"
)

// Permissions on traps.
var (
	readTraps  = access.Permission{Name: "trap.read", Title: "See SNMP traps", Least: access.Viewer}
	writeTraps = access.Permission{Name: "trap.write", Title: "Change how SNMP traps are received", Least: access.Operator}
	writeKeys  = access.Permission{Name: "trap.credential", Title: "Change who may send SNMP traps", Least: access.Admin}
)

//go:embed migrations/*.sql
var migrations embed.FS

// Module declares observe.trap.
func Module() module.Module {
	return module.Module{
		ID: "observe.trap", Migrations: migrations,
		Permissions: []access.Permission{readTraps, writeTraps, writeKeys},
		New: func(d module.Deps) (module.Instance, error) {
			s := &Service{d: d, engine: engineID(d), queue: make(chan packet, maxQueue), placed: make(chan *delivery), ended: make(chan struct{}), senders: map[string]*sender{}, places: map[string]place{}, open: map[string]map[string]problem{}}
			s.stats = prometheus.NewCounterVec(prometheus.CounterOpts{Name: "mainstay_traps_total", Help: "SNMP traps and informs that came, by what became of them."}, []string{"result"})
			d.Metrics.MustRegister(s.stats)
			s.names = naming(d)
			module.Need(d, &s.items)
			module.Need(d, &s.checks)
			module.Need(d, &s.results)
			module.Want(d, &s.owners)
			module.Want(d, &s.creds)
			module.Want(d, &s.devices)
			module.Want(d, &s.edges)
			module.Provide[observe.PlacedTraps](d, s)
			d.Live.Topic("traps", readTraps)
			return s, nil
		},
	}
}

// naming reads the names. Mistakes in the user's profiles must not keep the server
// from starting: whoever wrote them hears of them from `mainstay profile check`.
func naming(d module.Deps) *profile.Naming {
	set, err := profile.Load(filepath.Join(d.Config.Data, "profiles"))
	if err != nil {
		d.Logger.Error("the device profiles of the data directory are left out for names of traps", "error", err)
		if set, err = profile.Shipped(); err != nil {
			panic(err) // the program was built with mistakes in it
		}
	}
	return set.Naming()
}

// engineID is the id of the engine (RFC 3411, SnmpEngineID): the enterprise number
// for examples of RFC 5612, format 5 (octets), and twelve octets out of the key file.
func engineID(d module.Deps) []byte {
	sum := sha256.Sum256(d.Secrets.Key("snmp engine id"))
	return append([]byte{0x80, 0x00, 0x7e, 0xd9, 0x05}, sum[:12]...)
}

// Subscribe implements module.HasEvents.
func (s *Service) Subscribe(r *event.Router) {
	event.On(r, func(ctx context.Context, tx *db.Tx, f estate.ItemChanged, _ event.Meta) error {
		tx.AfterCommit(func() { s.forgetPlaces() })
		if f.Removed {
			return nil
		}
		its, err := s.items.ByIDs(ctx, tx, []string{f.ItemID})
		if err != nil {
			return err
		}
		if it, ok := its[f.ItemID]; ok {
			_, err = tx.NewRaw("UPDATE trap_events SET team_id = ? WHERE item_id = ? AND team_id <> ?", it.OwnerTeamID, it.ID, it.OwnerTeamID).Exec(ctx)
		}
		return err
	})
	event.On(r, func(ctx context.Context, tx *db.Tx, f estate.ItemMerged, _ event.Meta) error {
		tx.AfterCommit(func() { s.itemMerged(f.GoneID, f.ItemID) })
		for _, q := range []string{"UPDATE trap_events SET item_id = ? WHERE item_id = ?", "UPDATE trap_sources SET item_id = ? WHERE item_id = ?"} {
			if _, err := tx.NewRaw(q, f.ItemID, f.GoneID).Exec(ctx); err != nil {
				return err
			}
		}
		return nil
	})
	event.On(r, func(_ context.Context, tx *db.Tx, _ estate.NetworkSeen, _ event.Meta) error {
		tx.AfterCommit(func() { s.forgetPlaces() })
		return nil
	})
}

type pruneArgs struct{}

// Kind implements job.Args.
func (pruneArgs) Kind() string { return "trap.prune" }

// Jobs implements module.HasJobs.
func (s *Service) Jobs(r *job.Runner) {
	job.Handle(r, func(ctx context.Context, _ pruneArgs, _ job.Meta) error { return s.prune(ctx) })
	job.Every(r, time.Hour, true, pruneArgs{})
}
