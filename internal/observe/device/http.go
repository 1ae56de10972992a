package device

import (
	"context"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/httpapi"
	core "github.com/mainstay-ops/mainstay/internal/core/snmp/device"
	"github.com/mainstay-ops/mainstay/internal/estate"
	"github.com/mainstay-ops/mainstay/internal/observe"
)

// NameIn names the item of a device.
type NameIn struct {
	Name string `path:"name" maxLength:"1000" doc:"Name of the item; a slash is written %2F."`
}

type listIn struct {
	httpapi.Page
	Q     string   `query:"q" maxLength:"255" doc:"Part of a name or address."`
	State []string `query:"state" enum:"waiting,up,down,off"`
	Ports string   `query:"ports" enum:"down" doc:"down: only devices with an interface that should work and does not."`
}

type pollingIn struct {
	NameIn
	Body Polling
}

// Routes implements module.HasRoutes.
func (s *Service) Routes(api *httpapi.API) {
	const tag, base = "devices", "/api/v1/devices/{name}"
	httpapi.Handle(api, httpapi.Op{ID: "list-devices", Method: "GET", Path: "/api/v1/devices", Need: observe.ReadMetrics, Tag: tag, Summary: "Devices that SNMP was read from by discovery, by name"},
		func(ctx context.Context, in *listIn) (*httpapi.Body[httpapi.List[core.Brief]], error) {
			list, next, err := s.List(ctx, Filter{Text: in.Q, States: in.State, Ports: in.Ports}, in.Cursor, in.Limit)
			return httpapi.NewList(list, next), err
		})
	httpapi.Handle(api, httpapi.Op{ID: "get-device", Method: "GET", Path: base, Need: observe.ReadMetrics, Tag: tag, Summary: "A device as SNMP told at the last poll: interfaces, processors, memory, storage, sensors, routing neighbors"},
		func(ctx context.Context, in *NameIn) (*httpapi.Body[*core.View], error) {
			it, err := s.items.ByName(ctx, s.d.DB.Reader(), in.Name)
			if err != nil {
				return nil, err
			}
			if err := access.Check(ctx, estate.ReadItems, it.OwnerTeamID); err != nil {
				return nil, err
			}
			v, err := s.show(it.ID, it.Name)
			return &httpapi.Body[*core.View]{Body: v}, err
		})
	httpapi.Handle(api, httpapi.Op{ID: "set-device-polling", Method: "PUT", Path: base + "/polling", Need: observe.WriteChecks, Tag: tag, Summary: "Set how often a device is polled, and which interfaces have a check"},
		func(ctx context.Context, in *pollingIn) (*httpapi.Body[Polling], error) {
			p, err := s.SetPolling(ctx, in.Name, in.Body)
			return &httpapi.Body[Polling]{Body: p}, err
		})
}
