package address

import (
	"context"
	"net/http"
	"net/netip"

	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/httpapi"
)

type prefixesIn struct {
	httpapi.Page
	VRF        string `query:"vrf" maxLength:"64" doc:"Name of a VRF, or global for the global table."`
	Within     string `query:"within" maxLength:"64" doc:"Id of the prefix around them."`
	Contains   string `query:"contains" maxLength:"64" doc:"An address in them."`
	Family     int    `query:"family" minimum:"0" maximum:"6" doc:"4 or 6; 0 for both."`
	Status     string `query:"status" enum:"active,reserved,container,deprecated"`
	Site       string `query:"site" maxLength:"200"`
	VLAN       int    `query:"vlan" minimum:"0" maximum:"4094"`
	NearlyFull bool   `query:"nearly_full" doc:"Only those that are used to the percentage at which they warn."`
	Q          string `query:"q" maxLength:"100"`
}

// IDIn names a thing by its id in the path.
type IDIn struct {
	ID string `path:"id" maxLength:"64"`
}

type prefixNewIn struct {
	Body struct {
		Prefix string `json:"prefix" maxLength:"64" doc:"In CIDR form: 10.1.2.0/24."`
		VRF    string `json:"vrf,omitempty" maxLength:"64"`
		PrefixFields
	}
}

type prefixPutIn struct {
	IDIn
	Body PrefixFields
}

type rangeNewIn struct {
	IDIn
	Body RangeFields
}

type rangeIn struct {
	IDIn
	Range string `path:"range" maxLength:"64"`
}

type freeIn struct {
	IDIn
	Limit  int `query:"limit" minimum:"1" maximum:"1000" default:"50"`
	Length int `query:"length" minimum:"0" maximum:"128" doc:"Give free networks of this length instead of addresses."`
}

// FreeSpace is what is free in a prefix.
type FreeSpace struct {
	Next     string   `json:"next,omitempty" doc:"The next free address."`
	Spans    []Free   `json:"spans" doc:"Stretches of free addresses, the first ones."`
	Prefixes []string `json:"prefixes" doc:"Free networks of the length asked for."`
}

type allocateIn struct {
	IDIn
	Body Fields
}

// PrefixDetail is a prefix with what is in it.
type PrefixDetail struct {
	Prefix
	Around []Prefix `json:"around" doc:"The prefixes around it, the widest first."`
	Ranges []Range  `json:"ranges"`
}

// Routes implements module.HasRoutes.
func (s *Service) Routes(api *httpapi.API) {
	httpapi.Handle(api, httpapi.Op{ID: "list-prefixes", Method: "GET", Path: "/api/v1/prefixes", Need: ReadAddresses, Tag: "addresses", Summary: "Prefixes, by VRF and address"}, s.prefixesHTTP)
	httpapi.Handle(api, httpapi.Op{ID: "get-prefix", Method: "GET", Path: "/api/v1/prefixes/{id}", Need: ReadAddresses, Tag: "addresses", Summary: "One prefix"},
		func(ctx context.Context, in *IDIn) (*httpapi.Body[PrefixDetail], error) {
			return s.prefixDetail(ctx, in.ID)
		})
	httpapi.Handle(api, httpapi.Op{ID: "create-prefix", Method: http.MethodPost, Path: "/api/v1/prefixes", Need: WriteAddresses, Tag: "addresses", Summary: "Add a prefix", Status: http.StatusCreated},
		func(ctx context.Context, in *prefixNewIn) (*httpapi.Body[PrefixDetail], error) {
			var made *prefixRow
			err := s.change(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
				made, _, _, err = s.savePrefix(ctx, tx, in.Body.VRF, in.Body.Prefix, manual, in.Body.PrefixFields, true)
				return err
			})
			if err != nil {
				return nil, err
			}
			return s.prefixDetail(ctx, made.ID)
		})
	httpapi.Handle(api, httpapi.Op{ID: "put-prefix", Method: http.MethodPut, Path: "/api/v1/prefixes/{id}", Need: WriteAddresses, Tag: "addresses", Summary: "Change a prefix; what is left out gets its default"},
		func(ctx context.Context, in *prefixPutIn) (*httpapi.Body[PrefixDetail], error) {
			err := s.change(ctx, func(ctx context.Context, tx *db.Tx) error {
				r, err := prefixByID(ctx, tx, in.ID)
				if err != nil {
					return err
				}
				_, _, _, err = s.savePrefix(ctx, tx, r.VRF, r.Prefix, manual, in.Body, false)
				return err
			})
			if err != nil {
				return nil, err
			}
			return s.prefixDetail(ctx, in.ID)
		})
	httpapi.Handle(api, httpapi.Op{ID: "delete-prefix", Method: http.MethodDelete, Path: "/api/v1/prefixes/{id}", Need: WriteAddresses, Tag: "addresses", Summary: "Remove a prefix; the addresses in it stay", Status: http.StatusNoContent},
		func(ctx context.Context, in *IDIn) (*struct{}, error) {
			return nil, s.change(ctx, func(ctx context.Context, tx *db.Tx) error { return s.deletePrefix(ctx, tx, in.ID) })
		})
	httpapi.Handle(api, httpapi.Op{ID: "get-prefix-free", Method: "GET", Path: "/api/v1/prefixes/{id}/free", Need: ReadAddresses, Tag: "addresses", Summary: "What is free in a prefix"}, s.freeHTTP)
	httpapi.Handle(api, httpapi.Op{ID: "allocate-address", Method: http.MethodPost, Path: "/api/v1/prefixes/{id}/allocate", Need: WriteAddresses, Tag: "addresses", Summary: "Take the next free address of a prefix", Status: http.StatusCreated},
		func(ctx context.Context, in *allocateIn) (*httpapi.Body[Address], error) {
			var made *addrRow
			err := s.change(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
				made, err = s.allocate(ctx, tx, in.ID, in.Body)
				return err
			})
			if err != nil {
				return nil, err
			}
			return &httpapi.Body[Address]{Body: made.view(nil)}, nil
		})
	httpapi.Handle(api, httpapi.Op{ID: "create-prefix-range", Method: http.MethodPost, Path: "/api/v1/prefixes/{id}/ranges", Need: WriteAddresses, Tag: "addresses", Summary: "Keep a stretch of a prefix for DHCP or in reserve", Status: http.StatusCreated},
		func(ctx context.Context, in *rangeNewIn) (*httpapi.Body[Range], error) {
			var made Range
			err := s.change(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
				made, err = s.addRange(ctx, tx, in.ID, in.Body)
				return err
			})
			if err != nil {
				return nil, err
			}
			return &httpapi.Body[Range]{Body: made}, nil
		})
	httpapi.Handle(api, httpapi.Op{ID: "delete-prefix-range", Method: http.MethodDelete, Path: "/api/v1/prefixes/{id}/ranges/{range}", Need: WriteAddresses, Tag: "addresses", Summary: "Remove a range", Status: http.StatusNoContent},
		func(ctx context.Context, in *rangeIn) (*struct{}, error) {
			return nil, s.change(ctx, func(ctx context.Context, tx *db.Tx) error { return s.deleteRange(ctx, tx, in.ID, in.Range) })
		})
	s.addressRoutes(api)
	s.vlanRoutes(api)
}

// globalTable is how a filter names the table without a VRF.
const globalTable = "global"

func vrfOf(v string) *string {
	switch v {
	case "":
		return nil
	case globalTable:
		v = ""
	}
	return &v
}

func (s *Service) prefixesHTTP(ctx context.Context, in *prefixesIn) (*httpapi.Body[httpapi.List[Prefix]], error) {
	q := s.d.DB.Reader()
	f := prefixFilter{VRF: vrfOf(in.VRF), Family: in.Family, Status: in.Status, Site: in.Site, VLAN: in.VLAN, NearlyFull: in.NearlyFull, Text: in.Q, Cursor: in.Cursor, Limit: in.Limit}
	if in.Within != "" {
		r, err := prefixByID(ctx, q, in.Within)
		if err != nil {
			return nil, err
		}
		f.Within = r
	}
	if in.Contains != "" {
		a, err := parseAddr("contains", in.Contains)
		if err != nil {
			return nil, err
		}
		f.Contains = a
	}
	rows, next, err := listPrefixes(ctx, q, f)
	if err != nil {
		return nil, err
	}
	out := make([]Prefix, len(rows))
	for i := range rows {
		out[i] = rows[i].view()
	}
	return httpapi.NewList(out, next), nil
}

func (s *Service) prefixDetail(ctx context.Context, prefixID string) (*httpapi.Body[PrefixDetail], error) {
	q := s.d.DB.Reader()
	r, err := prefixByID(ctx, q, prefixID)
	if err != nil {
		return nil, err
	}
	d := PrefixDetail{Prefix: r.view(), Around: []Prefix{}}
	var around []prefixRow
	if err := q.NewSelect().Model(&around).Where("vrf = ? AND first <= ? AND last >= ? AND length < ?", r.VRF, r.First, r.Last, r.Length).OrderExpr("length").Scan(ctx); err != nil {
		return nil, err
	}
	for i := range around {
		d.Around = append(d.Around, around[i].view())
	}
	d.Ranges, _, err = rangesOf(ctx, q, r.ID)
	return &httpapi.Body[PrefixDetail]{ETag: httpapi.ETag(r.Version), Body: d}, err
}

func (s *Service) freeHTTP(ctx context.Context, in *freeIn) (*httpapi.Body[FreeSpace], error) {
	q := s.d.DB.Reader()
	r, err := prefixByID(ctx, q, in.ID)
	if err != nil {
		return nil, err
	}
	out := FreeSpace{Spans: []Free{}, Prefixes: []string{}}
	if in.Length > 0 {
		out.Prefixes, err = s.freePrefixes(ctx, q, r, in.Length, in.Limit)
		return &httpapi.Body[FreeSpace]{Body: out}, err
	}
	spans, err := s.freeSpans(ctx, q, r)
	if err != nil {
		return nil, err
	}
	for _, sp := range spans[:min(len(spans), in.Limit)] {
		out.Spans = append(out.Spans, Free{First: sp.first.String(), Last: sp.last.String(), Count: sp.size().String()})
	}
	if len(spans) > 0 && r.Status != container {
		out.Next = spans[0].first.String()
	}
	return &httpapi.Body[FreeSpace]{Body: out}, nil
}

// addrInPath reads an id, or an address of the global table.
func (s *Service) addrInPath(ctx context.Context, text string) (*addrRow, error) {
	q := s.d.DB.Reader()
	if a, err := netip.ParseAddr(text); err == nil {
		return addressAt(ctx, q, "", a)
	}
	r, err := addressByID(ctx, q, text)
	if errs.Is(err, errs.NotFound) {
		return nil, errs.New(errs.NotFound, "There is no address %q.", cut(text))
	}
	return r, err
}
