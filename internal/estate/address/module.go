package address

import (
	"context"
	"embed"
	"sync"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/entity"
	"github.com/mainstay-ops/mainstay/internal/core/module"
	"github.com/mainstay-ops/mainstay/internal/estate"
)

//go:embed migrations/*.sql
var migrations embed.FS

const (
	prefixKind  = "prefix"
	addressKind = "address"
	vlanKind    = "vlan"
	topic       = "addresses"
)

// Permissions on addresses.
var (
	ReadAddresses  = access.Permission{Name: "address.read", Title: "See prefixes, addresses and VLANs", Least: access.Viewer}
	WriteAddresses = access.Permission{Name: "address.write", Title: "Change prefixes, addresses and VLANs", Least: access.Operator}
)

// Module declares the room.
func Module() module.Module {
	return module.Module{
		ID: "estate.address", Migrations: migrations,
		Permissions: []access.Permission{ReadAddresses, WriteAddresses},
		New: func(d module.Deps) (module.Instance, error) {
			s := &Service{d: d, dns: newResolver(d.Config.Addresses.Resolver)}
			module.Need(d, &s.items)
			module.Want(d, &s.network)
			module.Provide[estate.Prefixes](d, s)
			d.Live.Topic(topic, ReadAddresses)
			d.Entities.Register(prefixKind, resolvePrefixes)
			d.Entities.Register(addressKind, resolveAddresses)
			return s, nil
		},
	}
}

// Service has the use cases on addresses.
type Service struct {
	d     module.Deps
	items estate.Items
	// network is nil when nothing sees the network.
	network estate.Network
	dns     resolver

	cancel context.CancelFunc
	wg     sync.WaitGroup
}

// Start implements module.Starter.
func (s *Service) Start(context.Context) error {
	if !s.d.Config.Addresses.DNS {
		return nil
	}
	ctx, cancel := context.WithCancel(context.Background())
	s.cancel = cancel
	s.wg.Add(1)
	go func() {
		defer s.wg.Done()
		s.watchDNS(ctx)
	}()
	return nil
}

// Stop implements module.Starter.
func (s *Service) Stop(context.Context) {
	if s.cancel != nil {
		s.cancel()
	}
	s.wg.Wait()
}

// change is for those who may change addresses everywhere: an address is not owned
// by a team.
func (s *Service) change(ctx context.Context, fn func(context.Context, *db.Tx) error) error {
	if err := access.Check(ctx, WriteAddresses, ""); err != nil {
		return err
	}
	return s.d.DB.InTx(ctx, fn)
}

func resolvePrefixes(ctx context.Context, q bun.IDB, ids []string) ([]entity.Summary, error) {
	var rows []prefixRow
	if err := q.NewSelect().Model(&rows).Where("id IN (?)", bun.In(ids)).Scan(ctx); err != nil {
		return nil, err
	}
	out := make([]entity.Summary, len(rows))
	for i, r := range rows {
		out[i] = entity.Summary{Ref: prefixRef(r.ID), Name: nameOf(r.VRF, r.Prefix), Title: r.Description, State: r.Status, URL: "/estate/prefixes/" + r.ID}
	}
	return out, nil
}

func resolveAddresses(ctx context.Context, q bun.IDB, ids []string) ([]entity.Summary, error) {
	var rows []addrRow
	if err := q.NewSelect().Model(&rows).Where("id IN (?)", bun.In(ids)).Scan(ctx); err != nil {
		return nil, err
	}
	out := make([]entity.Summary, len(rows))
	for i, r := range rows {
		out[i] = entity.Summary{Ref: addrRef(r.ID), Name: nameOf(r.VRF, r.Address), Title: r.Description, State: r.Status, URL: "/estate/addresses?q=" + r.Address}
	}
	return out, nil
}
