package iot

import (
	"context"
	"io"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/apply"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/httpapi"
)

const tag = "iot"

// DeviceIn is a device in the path.
type DeviceIn struct {
	ID string `path:"id" maxLength:"100"`
}

// NameIn is a name in the path.
type NameIn struct {
	Name string `path:"name" maxLength:"200"`
}

type listIn struct {
	httpapi.Page
	Q     string `query:"q" maxLength:"200" doc:"Part of the name, item, client, maker, model or room."`
	State string `query:"state" enum:"online,offline,silent"`
}

type changeIn struct {
	DeviceIn
	Body Change
}

type commandIn struct {
	DeviceIn
	Body struct {
		Command string `json:"command" maxLength:"200" doc:"Name of one of the commands of the device."`
		Value   string `json:"value" maxLength:"64" doc:"on or off, or a number."`
	}
}

type commandsIn struct {
	DeviceIn
	httpapi.Page
}

type pageIn struct{ httpapi.Page }

type clientIn struct{ Body Client }

type saveClientIn struct {
	NameIn
	Body Client
}

// Secret is a password that is shown once.
type Secret struct {
	Name     string `json:"name"`
	Password string `json:"password,omitempty" doc:"Shown this once; absent when one was given."`
}

type mappingIn struct {
	NameIn
	Body Mapping
}

// Gateway is how receiving goes.
type Gateway struct {
	Ports     []gatePort `json:"ports"`
	Clients   int        `json:"clients"`
	Connected int        `json:"connected"`
	Devices   int        `json:"devices"`
	Messages  int64      `json:"messages" doc:"This and the other numbers are since the start of the program."`
	Refused   int64      `json:"refused"`
	BadClock  int64      `json:"bad_clock" doc:"Messages with a time of another age, such as 1970; the time of receipt was taken."`
	Lost      int64      `json:"lost" doc:"Messages that were not taken; see the clients for reasons."`
	Refusals  []Refusal  `json:"refusals" doc:"The last connections that were not let in, the newest first."`
}

func (s *Service) gateway() Gateway {
	g := Gateway{Messages: s.taken.Load(), Refused: s.refused.Load(), BadClock: s.badClock.Load(), Ports: []gatePort{}}
	for _, p := range s.gate.ports {
		g.Ports = append(g.Ports, gatePort{Name: p.Name, Address: p.Address, Problem: p.Problem})
	}
	g.Connected = len(s.gate.heard())
	s.mu.RLock()
	defer s.mu.RUnlock()
	g.Clients, g.Devices, g.Refusals = len(s.clients), len(s.devices), slices.Clone(s.refusals)
	if g.Refusals == nil {
		g.Refusals = []Refusal{}
	}
	slices.SortStableFunc(g.Refusals, func(a, b Refusal) int { return b.At.Compare(a.At) })
	for _, c := range s.clients {
		for i := range c.lost {
			g.Lost += c.lost[i].Load()
		}
	}
	return g
}

// Routes implements module.HasRoutes.
func (s *Service) Routes(api *httpapi.API) {
	httpapi.Handle(api, httpapi.Op{ID: "get-iot-gateway", Method: "GET", Path: "/api/v1/iot/gateway", Need: read, Tag: tag, Summary: "How receiving from devices goes"},
		func(context.Context, *struct{}) (*httpapi.Body[Gateway], error) {
			return &httpapi.Body[Gateway]{Body: s.gateway()}, nil
		})
	s.deviceRoutes(api)
	s.clientRoutes(api)
	s.mappingRoutes(api)
	s.floorRoutes(api)
}

func (s *Service) deviceRoutes(api *httpapi.API) {
	const base = "/api/v1/iot/devices"
	httpapi.Handle(api, httpapi.Op{ID: "list-iot-devices", Method: "GET", Path: base, Need: read, Tag: tag, Summary: "Devices that speak MQTT, by name"},
		func(ctx context.Context, in *listIn) (*httpapi.Body[httpapi.List[Device]], error) {
			out, next, err := s.list(ctx, in.Q, in.State, in.Cursor, in.Limit)
			return httpapi.NewList(out, next), err
		})
	httpapi.Handle(api, httpapi.Op{ID: "get-iot-device", Method: "GET", Path: base + "/{id}", Need: read, Tag: tag, Summary: "One device"},
		func(ctx context.Context, in *DeviceIn) (*httpapi.Body[Device], error) {
			v, err := s.get(ctx, in.ID)
			return &httpapi.Body[Device]{Body: v}, err
		})
	httpapi.Handle(api, httpapi.Op{ID: "update-iot-device", Method: http.MethodPatch, Path: base + "/{id}", Need: write, Tag: tag, Summary: "Change the item, room or alarms of a device"},
		func(ctx context.Context, in *changeIn) (*httpapi.Body[Device], error) {
			v, err := s.change(ctx, in.ID, in.Body)
			return &httpapi.Body[Device]{Body: v}, err
		})
	httpapi.Handle(api, httpapi.Op{ID: "delete-iot-device", Method: http.MethodDelete, Path: base + "/{id}", Need: write, Tag: tag, Summary: "Forget a device; its item and figures stay", Status: http.StatusNoContent},
		func(ctx context.Context, in *DeviceIn) (*struct{}, error) { return nil, s.forget(ctx, in.ID) })
	httpapi.Handle(api, httpapi.Op{ID: "list-iot-messages", Method: "GET", Path: base + "/{id}/messages", Need: read, Tag: tag, Summary: "The last 50 messages about a device since the start of the program, the newest first"},
		func(ctx context.Context, in *DeviceIn) (*httpapi.Body[httpapi.List[Heard]], error) {
			d, err := s.reachable(ctx, in.ID, read)
			if err != nil {
				return nil, err
			}
			d.mu.Lock()
			out := slices.Clone(d.tail)
			d.mu.Unlock()
			slices.Reverse(out)
			return httpapi.NewList(out, ""), nil
		})
	httpapi.Handle(api, httpapi.Op{ID: "list-iot-commands", Method: "GET", Path: base + "/{id}/commands", Need: read, Tag: tag, Summary: "Commands that were sent to a device, the newest first"},
		func(ctx context.Context, in *commandsIn) (*httpapi.Body[httpapi.List[CommandRecord]], error) {
			if _, err := s.reachable(ctx, in.ID, read); err != nil {
				return nil, err
			}
			out, next, err := s.commandsOf(ctx, in.ID, in.Cursor, in.Limit)
			return httpapi.NewList(out, next), err
		})
	httpapi.Handle(api, httpapi.Op{ID: "send-iot-command", Method: http.MethodPost, Path: base + "/{id}/commands", Need: command, Tag: tag, Summary: "Send a command to a device", Status: http.StatusCreated},
		func(ctx context.Context, in *commandIn) (*httpapi.Body[CommandRecord], error) {
			r, err := s.command(ctx, in.ID, in.Body.Command, in.Body.Value)
			return &httpapi.Body[CommandRecord]{Body: r}, err
		})
}

func (s *Service) clientRoutes(api *httpapi.API) {
	const base = "/api/v1/iot/clients"
	save := func(ctx context.Context, c Client, only bool) (*httpapi.Body[Secret], error) {
		out := Secret{Name: c.Name}
		err := s.d.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
			out.Password, _, err = s.saveClient(ctx, tx, c, only)
			return err
		})
		return &httpapi.Body[Secret]{Body: out}, err
	}
	httpapi.Handle(api, httpapi.Op{ID: "list-iot-clients", Method: "GET", Path: base, Need: read, Tag: tag, Summary: "Credentials of devices, by name"},
		func(ctx context.Context, in *pageIn) (*httpapi.Body[httpapi.List[ClientView]], error) {
			out, next, err := s.clientViews(ctx, in.Cursor, in.Limit)
			return httpapi.NewList(out, next), err
		})
	httpapi.Handle(api, httpapi.Op{ID: "create-iot-client", Method: http.MethodPost, Path: base, Need: manage, Tag: tag, Summary: "Make credentials for a device; the password is shown once", Status: http.StatusCreated},
		func(ctx context.Context, in *clientIn) (*httpapi.Body[Secret], error) {
			return save(ctx, in.Body, true)
		})
	httpapi.Handle(api, httpapi.Op{ID: "update-iot-client", Method: http.MethodPut, Path: base + "/{name}", Need: manage, Tag: tag, Summary: "Change credentials of a device"},
		func(ctx context.Context, in *saveClientIn) (*httpapi.Body[Secret], error) {
			in.Body.Name = in.Name
			return save(ctx, in.Body, false)
		})
	httpapi.Handle(api, httpapi.Op{ID: "rotate-iot-client", Method: http.MethodPost, Path: base + "/{name}/rotate", Need: manage, Tag: tag, Summary: "Make a new password; the old one ends at once"},
		func(ctx context.Context, in *NameIn) (*httpapi.Body[Secret], error) {
			p, err := s.rotate(ctx, in.Name)
			return &httpapi.Body[Secret]{Body: Secret{Name: in.Name, Password: p}}, err
		})
	httpapi.Handle(api, httpapi.Op{ID: "revoke-iot-client", Method: http.MethodPost, Path: base + "/{name}/revoke", Need: manage, Tag: tag, Summary: "End credentials at once", Status: http.StatusNoContent},
		func(ctx context.Context, in *NameIn) (*struct{}, error) { return nil, s.revoke(ctx, in.Name) })
	httpapi.Handle(api, httpapi.Op{ID: "delete-iot-client", Method: http.MethodDelete, Path: base + "/{name}", Need: manage, Tag: tag, Summary: "Forget credentials; devices stay", Status: http.StatusNoContent},
		func(ctx context.Context, in *NameIn) (*struct{}, error) { return nil, s.deleteClient(ctx, in.Name) })
}

func (s *Service) mappingRoutes(api *httpapi.API) {
	const base = "/api/v1/iot/mappings"
	httpapi.Handle(api, httpapi.Op{ID: "list-iot-mappings", Method: "GET", Path: base, Need: read, Tag: tag, Summary: "What topics mean, by name"},
		func(ctx context.Context, _ *struct{}) (*httpapi.Body[httpapi.List[Mapping]], error) {
			ms, err := mappings(ctx, s.d.DB.Reader())
			return httpapi.NewList(ms, ""), err
		})
	httpapi.Handle(api, httpapi.Op{ID: "save-iot-mapping", Method: http.MethodPut, Path: base + "/{name}", Need: write, Tag: tag, Summary: "Say what topics of a shape mean"},
		func(ctx context.Context, in *mappingIn) (*httpapi.Body[apply.Change], error) {
			in.Body.Name = in.Name
			c := apply.Change{Resource: "mqtt_mappings", Name: in.Name}
			err := s.d.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
				if err := access.Check(ctx, write, ""); err != nil {
					return err
				}
				c.Outcome, err = s.saveMapping(ctx, tx, in.Body)
				return err
			})
			return &httpapi.Body[apply.Change]{Body: c}, err
		})
	httpapi.Handle(api, httpapi.Op{ID: "delete-iot-mapping", Method: http.MethodDelete, Path: base + "/{name}", Need: write, Tag: tag, Summary: "Remove a mapping", Status: http.StatusNoContent},
		func(ctx context.Context, in *NameIn) (*struct{}, error) {
			return nil, s.d.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
				if err := access.Check(ctx, write, ""); err != nil {
					return err
				}
				return s.deleteMapping(ctx, tx, in.Name)
			})
		})
	httpapi.Handle(api, httpapi.Op{ID: "list-iot-unknown", Method: "GET", Path: "/api/v1/iot/unknown", Need: read, Tag: tag, Summary: "Topics that nothing explains, the newest first"},
		func(ctx context.Context, in *pageIn) (*httpapi.Body[httpapi.List[UnknownTopic]], error) {
			// They have no owner: who sees devices of a team only does not see them.
			if err := access.Check(ctx, read, ""); err != nil {
				return nil, err
			}
			return httpapi.NewList(s.unknowns(in.Limit), ""), nil
		})
}

type floorIn struct {
	DeviceIn
	From time.Time `query:"from" doc:"Begin of the period of energy; the last 24 hours without it."`
	To   time.Time `query:"to"`
}

type roomIn struct {
	Body struct {
		Building string `json:"building" maxLength:"100"`
		Floor    string `json:"floor,omitempty" maxLength:"100"`
		Room     string `json:"room" maxLength:"100"`
	}
}

type placeIn struct {
	DeviceIn
	Body struct {
		Places map[string]Place `json:"places" doc:"By id of the room, in thousandths of the plan."`
	}
}

type planIn struct {
	DeviceIn
	RawBody []byte `contentType:"application/octet-stream"`
}

type pricesBody struct {
	Prices []Price `json:"prices" maxItems:"500"`
}

type pricesIn struct{ Body pricesBody }

type floorMade struct {
	FloorID string `json:"floor_id"`
}

func (s *Service) floorRoutes(api *httpapi.API) {
	const base = "/api/v1/iot/floors"
	httpapi.Handle(api, httpapi.Op{ID: "list-iot-floors", Method: "GET", Path: base, Need: read, Tag: tag, Summary: "Floors with rooms, by building"},
		func(ctx context.Context, _ *struct{}) (*httpapi.Body[httpapi.List[Floor]], error) {
			if err := access.Check(ctx, read, ""); err != nil {
				return nil, err
			}
			fs, err := s.floors(ctx)
			return httpapi.NewList(fs, ""), err
		})
	httpapi.Handle(api, httpapi.Op{ID: "create-iot-room", Method: http.MethodPost, Path: "/api/v1/iot/rooms", Need: write, Tag: tag, Summary: "Make a room, with its floor and building", Status: http.StatusCreated},
		func(ctx context.Context, in *roomIn) (*httpapi.Body[floorMade], error) {
			f, err := s.addRoom(ctx, in.Body.Building, in.Body.Floor, in.Body.Room)
			return &httpapi.Body[floorMade]{Body: floorMade{f}}, err
		})
	httpapi.Handle(api, httpapi.Op{ID: "get-iot-floor", Method: "GET", Path: base + "/{id}", Need: read, Tag: tag, Summary: "A floor with what its rooms tell"},
		func(ctx context.Context, in *floorIn) (*httpapi.Body[FloorView], error) {
			if in.To.IsZero() {
				in.To = s.now()
			}
			if in.From.IsZero() {
				in.From = in.To.Add(-24 * time.Hour)
			}
			if !in.From.Before(in.To) || in.To.Sub(in.From) > 400*24*time.Hour {
				return nil, errs.Fields(errs.Field{Path: "from", Value: in.From.Format(time.RFC3339), Message: "must be before to, and at most 400 days"})
			}
			v, err := s.floorView(ctx, in.ID, in.From, in.To)
			return &httpapi.Body[FloorView]{Body: v}, err
		})
	httpapi.Handle(api, httpapi.Op{ID: "place-iot-rooms", Method: http.MethodPut, Path: base + "/{id}/places", Need: write, Tag: tag, Summary: "Move rooms on the plan", Status: http.StatusNoContent},
		func(ctx context.Context, in *placeIn) (*struct{}, error) {
			return nil, s.place(ctx, in.ID, in.Body.Places)
		})
	httpapi.Handle(api, httpapi.Op{ID: "set-iot-plan", Method: http.MethodPut, Path: base + "/{id}/plan", Need: write, Tag: tag, Summary: "Set the plan's image: PNG or SVG, at most 4 MiB", Status: http.StatusNoContent, MaxBody: maxPlan},
		func(ctx context.Context, in *planIn) (*struct{}, error) {
			return nil, s.setPlan(ctx, in.ID, in.RawBody)
		})
	httpapi.Handle(api, httpapi.Op{ID: "delete-iot-plan", Method: http.MethodDelete, Path: base + "/{id}/plan", Need: write, Tag: tag, Summary: "Take the plan's image away", Status: http.StatusNoContent},
		func(ctx context.Context, in *DeviceIn) (*struct{}, error) { return nil, s.setPlan(ctx, in.ID, nil) })
	httpapi.Handle(api, httpapi.Op{ID: "get-iot-plan", Method: "GET", Path: base + "/{id}/plan", Need: read, Tag: tag, Summary: "The plan's image"},
		func(ctx context.Context, in *DeviceIn) (*huma.StreamResponse, error) {
			f, err := s.floor(ctx, in.ID)
			if err != nil {
				return nil, err
			}
			if f.Plan == "" {
				return nil, errs.New(errs.NotFound, "The floor has no plan.")
			}
			r, err := s.files.Open(f.Plan)
			if err != nil {
				return nil, err
			}
			return &huma.StreamResponse{Body: func(hc huma.Context) {
				defer func() { _ = r.Close() }()
				for k, v := range map[string]string{"Content-Type": f.planType, "X-Content-Type-Options": "nosniff", "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox", "Cache-Control": "private, max-age=86400"} {
					hc.SetHeader(k, v)
				}
				_, _ = io.Copy(hc.BodyWriter(), r) // who left does not matter
			}}, nil
		})
	httpapi.Handle(api, httpapi.Op{ID: "get-iot-prices", Method: "GET", Path: "/api/v1/iot/prices", Need: read, Tag: tag, Summary: "Prices of energy"},
		func(ctx context.Context, _ *struct{}) (*httpapi.Body[pricesBody], error) {
			ps, err := prices(ctx, s.d.DB.Reader())
			return &httpapi.Body[pricesBody]{Body: pricesBody{ps}}, err
		})
	httpapi.Handle(api, httpapi.Op{ID: "set-iot-prices", Method: http.MethodPut, Path: "/api/v1/iot/prices", Need: write, Tag: tag, Summary: "Set the prices of energy", Status: http.StatusNoContent},
		func(ctx context.Context, in *pricesIn) (*struct{}, error) {
			if err := access.Check(ctx, write, ""); err != nil {
				return nil, err
			}
			return nil, s.setPrices(ctx, in.Body.Prices)
		})
}
