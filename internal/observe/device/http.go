package device

import (
	"context"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/httpapi"
	"github.com/mainstay-ops/mainstay/internal/estate"
	"github.com/mainstay-ops/mainstay/internal/observe"
)

// NameIn names the item of a device.
type NameIn struct {
	Name string `path:"name" maxLength:"1000" doc:"Name of the item; a slash is written %2F."`
}

type pollingIn struct {
	NameIn
	Body Polling
}

// Routes implements module.HasRoutes.
func (s *Service) Routes(api *httpapi.API) {
	const tag, base = "devices", "/api/v1/devices/{name}"
	httpapi.Handle(api, httpapi.Op{ID: "get-device", Method: "GET", Path: base, Need: observe.ReadMetrics, Tag: tag, Summary: "A device as SNMP told at the last poll: interfaces, processors, memory, storage, sensors, routing neighbors"},
		func(ctx context.Context, in *NameIn) (*httpapi.Body[*View], error) {
			it, err := s.items.ByName(ctx, s.d.DB.Reader(), in.Name)
			if err != nil {
				return nil, err
			}
			if err := access.Check(ctx, estate.ReadItems, it.OwnerTeamID); err != nil {
				return nil, err
			}
			s.mu.Lock()
			d := s.devices[it.ID]
			s.mu.Unlock()
			if d == nil {
				return nil, errs.New(errs.NotFound, "%s is not polled by SNMP. Discovery must have read it with a credential first, and polling must not be off.", it.Name)
			}
			return &httpapi.Body[*View]{Body: d.look()}, nil
		})
	httpapi.Handle(api, httpapi.Op{ID: "set-device-polling", Method: "PUT", Path: base + "/polling", Need: observe.WriteChecks, Tag: tag, Summary: "Set how often a device is polled"},
		func(ctx context.Context, in *pollingIn) (*httpapi.Body[Polling], error) {
			p, err := s.SetPolling(ctx, in.Name, in.Body)
			return &httpapi.Body[Polling]{Body: p}, err
		})
}
