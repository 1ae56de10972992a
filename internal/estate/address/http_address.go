package address

import (
	"context"
	"net/http"
	"strconv"
	"strings"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/httpapi"
)

type addressesIn struct {
	httpapi.Page
	VRF      string `query:"vrf" maxLength:"64" doc:"Name of a VRF, or global for the global table."`
	Prefix   string `query:"prefix" maxLength:"64" doc:"Id of the prefix they are in."`
	Item     string `query:"item" maxLength:"200" doc:"Name of the item that has them."`
	Status   string `query:"status" enum:"active,reserved,dhcp,deprecated"`
	DNS      string `query:"dns" enum:"unchecked,ok,none,no_reverse,no_forward,mismatch,failed,wrong" doc:"wrong stands for no_reverse, no_forward and mismatch."`
	Conflict bool   `query:"conflict" doc:"Only those that several items have and that are not shared."`
	Q        string `query:"q" maxLength:"100" doc:"An address, or part of a name or of the description."`
}

type addressNewIn struct {
	Body struct {
		Address string `json:"address" maxLength:"64"`
		VRF     string `json:"vrf,omitempty" maxLength:"64"`
		Fields
	}
}

type addressPutIn struct {
	IDIn
	Body Fields
}

// Detail is an address with the prefix around it.
type Detail struct {
	Address
	Prefix *Prefix `json:"prefix,omitempty"`
}

func (s *Service) addressRoutes(api *httpapi.API) {
	httpapi.Handle(api, httpapi.Op{ID: "list-addresses", Method: "GET", Path: "/api/v1/addresses", Need: ReadAddresses, Tag: "addresses", Summary: "Addresses, by VRF and address"},
		func(ctx context.Context, in *addressesIn) (*httpapi.Body[httpapi.List[Address]], error) {
			q := s.d.DB.Reader()
			f := addrFilter{VRF: vrfOf(in.VRF), Status: in.Status, DNS: in.DNS, Conflict: in.Conflict, Text: strings.TrimSpace(in.Q), Cursor: in.Cursor, Limit: in.Limit}
			if in.Prefix != "" {
				r, err := prefixByID(ctx, q, in.Prefix)
				if err != nil {
					return nil, err
				}
				f.Within = r
			}
			if in.Item != "" {
				it, err := s.items.ByName(ctx, q, in.Item)
				if errs.Is(err, errs.NotFound) {
					return httpapi.NewList([]Address{}, ""), nil
				}
				if err != nil {
					return nil, err
				}
				f.ItemID = it.ID
			}
			rows, next, err := listAddresses(ctx, q, f)
			if err != nil {
				return nil, err
			}
			out, err := s.views(ctx, q, rows)
			return httpapi.NewList(out, next), err
		})
	httpapi.Handle(api, httpapi.Op{ID: "get-address", Method: "GET", Path: "/api/v1/addresses/{id}", Need: ReadAddresses, Tag: "addresses", Summary: "One address, by id, or by itself in the global table"},
		func(ctx context.Context, in *IDIn) (*httpapi.Body[Detail], error) {
			r, err := s.addrInPath(ctx, in.ID)
			if err != nil {
				return nil, err
			}
			return s.addressDetail(ctx, r.ID)
		})
	httpapi.Handle(api, httpapi.Op{ID: "create-address", Method: http.MethodPost, Path: "/api/v1/addresses", Need: WriteAddresses, Tag: "addresses", Summary: "Add an address", Status: http.StatusCreated},
		func(ctx context.Context, in *addressNewIn) (*httpapi.Body[Detail], error) {
			var made *addrRow
			err := s.change(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
				made, err = s.createAddress(ctx, tx, in.Body.VRF, in.Body.Address, in.Body.Fields)
				return err
			})
			if err != nil {
				return nil, err
			}
			return s.addressDetail(ctx, made.ID)
		})
	httpapi.Handle(api, httpapi.Op{ID: "put-address", Method: http.MethodPut, Path: "/api/v1/addresses/{id}", Need: WriteAddresses, Tag: "addresses", Summary: "Change an address; what is left out gets its default"},
		func(ctx context.Context, in *addressPutIn) (*httpapi.Body[Detail], error) {
			if err := s.change(ctx, func(ctx context.Context, tx *db.Tx) error { return s.updateAddress(ctx, tx, in.ID, in.Body) }); err != nil {
				return nil, err
			}
			return s.addressDetail(ctx, in.ID)
		})
	httpapi.Handle(api, httpapi.Op{ID: "delete-address", Method: http.MethodDelete, Path: "/api/v1/addresses/{id}", Need: WriteAddresses, Tag: "addresses", Summary: "Remove an address; it comes back when an item is seen with it", Status: http.StatusNoContent},
		func(ctx context.Context, in *IDIn) (*struct{}, error) {
			return nil, s.change(ctx, func(ctx context.Context, tx *db.Tx) error { return s.deleteAddress(ctx, tx, in.ID) })
		})
	httpapi.Handle(api, httpapi.Op{ID: "check-address-dns", Method: http.MethodPost, Path: "/api/v1/addresses/{id}/check-dns", Need: WriteAddresses, Tag: "addresses", Summary: "Compare an address with the DNS now"},
		func(ctx context.Context, in *IDIn) (*httpapi.Body[Detail], error) {
			if err := access.Check(ctx, WriteAddresses, ""); err != nil {
				return nil, err
			}
			r, err := addressByID(ctx, s.d.DB.Reader(), in.ID)
			if err != nil {
				return nil, err
			}
			if err := s.checkDNS(ctx, r); err != nil {
				return nil, err
			}
			return s.addressDetail(ctx, in.ID)
		})
}

func (s *Service) addressDetail(ctx context.Context, addressID string) (*httpapi.Body[Detail], error) {
	q := s.d.DB.Reader()
	r, err := addressByID(ctx, q, addressID)
	if err != nil {
		return nil, err
	}
	vs, err := s.views(ctx, q, []addrRow{*r})
	if err != nil {
		return nil, err
	}
	d := Detail{Address: vs[0]}
	p, err := smallest(ctx, q, r.VRF, r.Key)
	if err != nil {
		return nil, err
	}
	if p != nil {
		v := p.view()
		d.Prefix = &v
	}
	return &httpapi.Body[Detail]{ETag: httpapi.ETag(r.Version), Body: d}, nil
}

type vlansIn struct {
	httpapi.Page
	Site string `query:"site" maxLength:"200"`
	Q    string `query:"q" maxLength:"100" doc:"A number, or part of a name."`
}

type vlanNewIn struct{ Body VLANFields }

type vlanPutIn struct {
	IDIn
	Body VLANFields
}

type vrfNewIn struct {
	Body struct {
		Name        string `json:"name" minLength:"1" maxLength:"64"`
		RD          string `json:"rd,omitempty" maxLength:"64"`
		Description string `json:"description,omitempty" maxLength:"2000"`
	}
}

type vrfIn struct {
	Name string `path:"name" maxLength:"64"`
}

func (s *Service) vlanRoutes(api *httpapi.API) {
	httpapi.Handle(api, httpapi.Op{ID: "list-vlans", Method: "GET", Path: "/api/v1/vlans", Need: ReadAddresses, Tag: "addresses", Summary: "VLANs, by number"}, s.vlansHTTP)
	httpapi.Handle(api, httpapi.Op{ID: "create-vlan", Method: http.MethodPost, Path: "/api/v1/vlans", Need: WriteAddresses, Tag: "addresses", Summary: "Add a VLAN", Status: http.StatusCreated},
		func(ctx context.Context, in *vlanNewIn) (*httpapi.Body[VLAN], error) {
			var made *vlanRow
			err := s.change(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
				made, err = s.createVLAN(ctx, tx, in.Body)
				return err
			})
			if err != nil {
				return nil, err
			}
			return s.vlan(ctx, made.ID)
		})
	httpapi.Handle(api, httpapi.Op{ID: "put-vlan", Method: http.MethodPut, Path: "/api/v1/vlans/{id}", Need: WriteAddresses, Tag: "addresses", Summary: "Change a VLAN"},
		func(ctx context.Context, in *vlanPutIn) (*httpapi.Body[VLAN], error) {
			if err := s.change(ctx, func(ctx context.Context, tx *db.Tx) error { return s.updateVLAN(ctx, tx, in.ID, in.Body) }); err != nil {
				return nil, err
			}
			return s.vlan(ctx, in.ID)
		})
	httpapi.Handle(api, httpapi.Op{ID: "delete-vlan", Method: http.MethodDelete, Path: "/api/v1/vlans/{id}", Need: WriteAddresses, Tag: "addresses", Summary: "Remove a VLAN", Status: http.StatusNoContent},
		func(ctx context.Context, in *IDIn) (*struct{}, error) {
			return nil, s.change(ctx, func(ctx context.Context, tx *db.Tx) error { return s.deleteVLAN(ctx, tx, in.ID) })
		})
	httpapi.Handle(api, httpapi.Op{ID: "list-vrfs", Method: "GET", Path: "/api/v1/vrfs", Need: ReadAddresses, Tag: "addresses", Summary: "VRFs, by name"},
		func(ctx context.Context, _ *struct{}) (*httpapi.Body[httpapi.List[VRF]], error) {
			var out []VRF
			err := s.d.DB.Reader().NewSelect().Model(&out).OrderExpr("name").Limit(10_000).Scan(ctx)
			return httpapi.NewList(out, ""), err
		})
	httpapi.Handle(api, httpapi.Op{ID: "create-vrf", Method: http.MethodPost, Path: "/api/v1/vrfs", Need: WriteAddresses, Tag: "addresses", Summary: "Add a VRF", Status: http.StatusCreated},
		func(ctx context.Context, in *vrfNewIn) (*httpapi.Body[VRF], error) {
			v := VRF{Name: in.Body.Name, RD: in.Body.RD, Description: in.Body.Description}
			err := s.change(ctx, func(ctx context.Context, tx *db.Tx) error { return s.createVRF(ctx, tx, v) })
			if err != nil {
				return nil, err
			}
			err = s.d.DB.Reader().NewSelect().Model(&v).WherePK().Scan(ctx)
			return &httpapi.Body[VRF]{Body: v}, err
		})
	httpapi.Handle(api, httpapi.Op{ID: "delete-vrf", Method: http.MethodDelete, Path: "/api/v1/vrfs/{name}", Need: WriteAddresses, Tag: "addresses", Summary: "Remove a VRF that is empty", Status: http.StatusNoContent},
		func(ctx context.Context, in *vrfIn) (*struct{}, error) {
			return nil, s.change(ctx, func(ctx context.Context, tx *db.Tx) error { return s.deleteVRF(ctx, tx, in.Name) })
		})
}

const vlanColumns = "SELECT v.id, v.vid, v.site, v.name, v.description, v.source, v.last_seen, (SELECT COUNT(*) FROM address_prefixes p WHERE p.vlan = v.vid AND (v.site = '' OR p.site = v.site)) AS prefixes FROM address_vlans v "

func (s *Service) vlansHTTP(ctx context.Context, in *vlansIn) (*httpapi.Body[httpapi.List[VLAN]], error) {
	where, args := []string{"1 = 1"}, []any{}
	add := func(c string, v ...any) { where, args = append(where, c), append(args, v...) }
	if in.Site != "" {
		add("v.site = ?", in.Site)
	}
	if in.Q != "" {
		if n, err := strconv.Atoi(in.Q); err == nil {
			add("v.vid = ?", n)
		} else {
			add(`lower(v.name) LIKE ? ESCAPE '\'`, like(in.Q))
		}
	}
	if in.Cursor != "" {
		n, site, _ := strings.Cut(in.Cursor, ".")
		vid, err := strconv.Atoi(n)
		if err != nil {
			return nil, badCursor(in.Cursor)
		}
		add("(v.vid > ? OR v.vid = ? AND v.site > ?)", vid, vid, site)
	}
	var rows []VLAN
	if err := s.d.DB.Reader().NewRaw(vlanColumns+"WHERE "+strings.Join(where, " AND ")+" ORDER BY v.vid, v.site LIMIT ?", append(args, in.Limit+1)...).Scan(ctx, &rows); err != nil {
		return nil, err
	}
	next := ""
	if len(rows) > in.Limit {
		rows = rows[:in.Limit]
		l := rows[in.Limit-1]
		next = strconv.Itoa(l.VID) + "." + l.Site
	}
	return httpapi.NewList(rows, next), nil
}

func (s *Service) vlan(ctx context.Context, vlanID string) (*httpapi.Body[VLAN], error) {
	var v VLAN
	err := s.d.DB.Reader().NewRaw(vlanColumns+"WHERE v.id = ?", vlanID).Scan(ctx, &v)
	return &httpapi.Body[VLAN]{Body: v}, db.NotFound(err, "There is no such VLAN.")
}
