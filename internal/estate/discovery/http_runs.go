package discovery

import (
	"context"
	"net/http"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/httpapi"
	"github.com/mainstay-ops/mainstay/internal/core/snmp/visit"
	"github.com/mainstay-ops/mainstay/internal/estate"
)

// RunIn is the id of a run in the path.
type RunIn struct {
	ID string `path:"id" maxLength:"100"`
}

type runFindingsIn struct {
	RunIn
	FindingsIn
}

type logIn struct {
	RunIn
	httpapi.Page
	Address string `query:"address" maxLength:"100" doc:"Only lines about this address."`
}

type acceptIn struct {
	RunIn
	Body struct {
		Addresses []string `json:"addresses" minItems:"1" maxItems:"500"`
	}
}

func who(ctx context.Context) string { return access.From(ctx).Actor() }

func (s *Service) runRoutes(api *httpapi.API) {
	const base = "/api/v1/discovery-runs"
	httpapi.Handle(api, httpapi.Op{ID: "get-discovery-run", Method: "GET", Path: base + "/{id}", Need: estate.ReadItems, Tag: jobTag, Summary: "One run with its progress"},
		func(ctx context.Context, in *RunIn) (*httpapi.Body[Run], error) {
			r, err := s.run1(ctx, s.d.DB.Reader(), in.ID)
			return &httpapi.Body[Run]{Body: r}, err
		})
	httpapi.Handle(api, httpapi.Op{ID: "list-discovery-run-findings", Method: "GET", Path: base + "/{id}/findings", Need: estate.ReadItems, Tag: jobTag, Summary: "What a run found"},
		func(ctx context.Context, in *runFindingsIn) (*httpapi.Body[httpapi.List[Finding]], error) {
			if _, err := s.run1(ctx, s.d.DB.Reader(), in.ID); err != nil {
				return nil, err
			}
			out, next, err := s.findings(ctx, in.ID, "", &in.FindingsIn)
			return httpapi.NewList(out, next), err
		})
	httpapi.Handle(api, httpapi.Op{ID: "list-discovery-run-log", Method: "GET", Path: base + "/{id}/log", Need: estate.ReadItems, Tag: jobTag, Summary: "What a run tried, in the order of time"},
		func(ctx context.Context, in *logIn) (*httpapi.Body[httpapi.List[LogLine]], error) {
			if _, err := s.run1(ctx, s.d.DB.Reader(), in.ID); err != nil {
				return nil, err
			}
			out, next, err := s.logOf(ctx, in.ID, in.Address, in.Cursor, in.Limit)
			return httpapi.NewList(out, next), err
		})
	httpapi.Handle(api, httpapi.Op{ID: "accept-discovery-findings", Method: http.MethodPost, Path: base + "/{id}/accept", Need: writeDiscovery, Tag: jobTag, Summary: "Make items of addresses that a run found: all or none", Description: "Checks that make sense for them are suggested then."},
		func(ctx context.Context, in *acceptIn) (*httpapi.Body[httpapi.List[Finding]], error) {
			out, err := s.accept(ctx, in.ID, in.Body.Addresses)
			return httpapi.NewList(out, ""), err
		})
}

type saveCredentialIn struct {
	Name    string `path:"name" maxLength:"200"`
	IfMatch string `header:"If-Match"`
	Body    Credential
}

type testCredentialIn struct {
	NameIn
	Body struct {
		Address string `json:"address" maxLength:"253" doc:"Name or address of a device."`
	}
}

// Trial is what became of a test of a credential.
type Trial struct {
	OK      bool   `json:"ok"`
	Message string `json:"message"`
	Name    string `json:"name,omitempty"`
	About   string `json:"about,omitempty"`
}

func (s *Service) credentialRoutes(api *httpapi.API) {
	const tag, base = "credentials", "/api/v1/credentials"
	httpapi.Handle(api, httpapi.Op{ID: "list-credentials", Method: "GET", Path: base, Need: readCredentials, Tag: tag, Summary: "Credentials of devices, without their secrets"},
		func(ctx context.Context, in *pageIn) (*httpapi.Body[httpapi.List[CredentialView]], error) {
			vs, err := s.credentialViews(ctx, s.d.DB.Reader(), in.Cursor, in.Limit+1)
			next := ""
			if len(vs) > in.Limit {
				vs = vs[:in.Limit]
				next = vs[in.Limit-1].Name
			}
			return httpapi.NewList(vs, next), err
		})
	view := func(ctx context.Context, name string) (*httpapi.Body[CredentialView], error) {
		v, err := s.credentialView(ctx, s.d.DB.Reader(), name)
		return &httpapi.Body[CredentialView]{ETag: httpapi.ETag(v.version), Body: v}, err
	}
	httpapi.Handle(api, httpapi.Op{ID: "get-credential", Method: "GET", Path: base + "/{name}", Need: readCredentials, Tag: tag, Summary: "One credential, without its secrets"},
		func(ctx context.Context, in *NameIn) (*httpapi.Body[CredentialView], error) {
			return view(ctx, in.Name)
		})
	httpapi.Handle(api, httpapi.Op{ID: "save-credential", Method: http.MethodPut, Path: base + "/{name}", Need: writeCredentials, Tag: tag, Summary: "Make or change a credential", Description: "Secrets are never given out again. One that is left empty keeps its present value."},
		func(ctx context.Context, in *saveCredentialIn) (*httpapi.Body[CredentialView], error) {
			err := s.d.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
				c := in.Body
				c.Name = in.Name
				return second(s.saveCredential(ctx, tx, c, func(v int64) error { return httpapi.CheckMatch(in.IfMatch, v) }))
			})
			if err != nil {
				return nil, err
			}
			return view(ctx, in.Name)
		})
	httpapi.Handle(api, httpapi.Op{ID: "delete-credential", Method: http.MethodDelete, Path: base + "/{name}", Need: writeCredentials, Tag: tag, Summary: "Remove a credential that no job uses", Status: http.StatusNoContent},
		func(ctx context.Context, in *NameIn) (*struct{}, error) {
			return nil, s.d.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error { return s.deleteCredential(ctx, tx, in.Name) })
		})
	httpapi.Handle(api, httpapi.Op{ID: "test-credential", Method: http.MethodPost, Path: base + "/{name}/test", Need: writeCredentials, Tag: tag, Summary: "Read a device with a credential and tell what became of it"},
		func(ctx context.Context, in *testCredentialIn) (*httpapi.Body[Trial], error) {
			t, err := s.tryCredential(ctx, in.Name, in.Body.Address)
			return &httpapi.Body[Trial]{Body: t}, err
		})
}

// trialTimeout of one request.
const trialTimeout = 1500 * time.Millisecond

func (s *Service) tryCredential(ctx context.Context, name, address string) (Trial, error) {
	c, _, err := s.credential(ctx, s.d.DB.Reader(), name)
	if err != nil {
		return Trial{}, err
	}
	if address == "" {
		return Trial{}, errs.Fields(errs.Field{Path: "address", Message: "is missing; give the name or address of a device"})
	}
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	t := c.target(address)
	t.Timeout, t.Retries = trialTimeout, 1
	rd, err := visit.Read(ctx, t)
	if err != nil {
		return Trial{Message: errs.Message(err)}, nil
	}
	f := facts{"name": rd.Device.Item.Name, "vendor": rd.Device.Item.Vendor, "model": rd.Device.Item.Model, "os": rd.Device.Item.OS, "version": rd.Device.Item.Version, "sys_descr": rd.Device.Item.SysDescr}
	return Trial{OK: true, Message: "The device answered.", Name: f.title(address), About: f.about()}, nil
}
