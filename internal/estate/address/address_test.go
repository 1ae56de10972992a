package address

import (
	"context"
	"encoding/json"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/account"
	"github.com/mainstay-ops/mainstay/internal/core/apply"
	"github.com/mainstay-ops/mainstay/internal/core/audit"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/entity"
	"github.com/mainstay-ops/mainstay/internal/core/event"
	"github.com/mainstay-ops/mainstay/internal/core/httpapi"
	"github.com/mainstay-ops/mainstay/internal/core/live"
	"github.com/mainstay-ops/mainstay/internal/core/module"
	"github.com/mainstay-ops/mainstay/internal/core/search"
	"github.com/mainstay-ops/mainstay/internal/estate"
	"github.com/mainstay-ops/mainstay/internal/testkit"
)

// estateMap answers the questions of this module from lists: items whose id is
// their name, and what they have.
type estateMap struct {
	estate.Items
	addrs map[string][]estate.Address
	ifs   map[string][]estate.Interface
	vlans map[string][]estate.VLAN
}

func (m *estateMap) ByIDs(_ context.Context, _ bun.IDB, ids []string) (map[string]estate.Item, error) {
	out := map[string]estate.Item{}
	for _, i := range ids {
		out[i] = estate.Item{ID: i, Name: i}
	}
	return out, nil
}

func (m *estateMap) ByName(_ context.Context, _ bun.IDB, name string) (estate.Item, error) {
	return estate.Item{ID: name, Name: name}, nil
}

func (m *estateMap) Report(context.Context, *db.Tx, estate.NetworkView) error { return nil }

func (m *estateMap) Interfaces(context.Context, bun.IDB, []string) (map[string][]estate.Interface, error) {
	return m.ifs, nil
}

func (m *estateMap) Addresses(context.Context, bun.IDB, []string) (map[string][]estate.Address, error) {
	return m.addrs, nil
}

func (m *estateMap) VLANs(context.Context, bun.IDB, []string) (map[string][]estate.VLAN, error) {
	return m.vlans, nil
}

type house struct {
	t      *testing.T
	svc    *Service
	net    *estateMap
	mux    *http.ServeMux
	engine *apply.Engine
	ctx    context.Context
}

func eachDatabase(t *testing.T, f func(t *testing.T, h *house)) {
	t.Parallel()
	testkit.Databases(t, func(t *testing.T, d *db.DB) {
		t.Parallel()
		m, ctx, logger := Module(), access.AsSystem(t.Context()), slog.New(slog.DiscardHandler)
		require.NoError(t, d.Migrate(ctx, []db.Migrations{event.Migrations(), audit.Migrations(), search.Migrations(), account.Migrations(), {Module: m.ID, FS: m.Migrations}}))
		net := &estateMap{addrs: map[string][]estate.Address{}, ifs: map[string][]estate.Interface{}, vlans: map[string][]estate.VLAN{}}
		deps := module.Deps{DB: d, Events: event.New(d, logger), Entities: entity.NewRegistry(), Search: search.New(d), Live: live.NewHub(), Logger: logger, Metrics: prometheus.NewRegistry(), Health: module.NewHealth(), Wire: module.NewWire()}
		module.Provide[estate.Items](deps, net)
		module.Provide[estate.Network](deps, net)
		in, err := m.New(deps)
		require.NoError(t, err)
		require.NoError(t, deps.Wire.Join())
		h := &house{t: t, svc: in.(*Service), net: net, mux: http.NewServeMux(), ctx: ctx}
		h.svc.Routes(httpapi.New(h.mux, "test", logger))
		h.engine = apply.New(d, h.svc.Resources())
		f(t, h)
	})
}

func (h *house) call(method, path, body string) *httptest.ResponseRecorder {
	h.t.Helper()
	req := httptest.NewRequestWithContext(h.ctx, method, path, strings.NewReader(body))
	req.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	h.mux.ServeHTTP(w, req)
	return w
}

func decode[T any](t *testing.T, w *httptest.ResponseRecorder, status int) T {
	t.Helper()
	require.Equal(t, status, w.Code, w.Body.String())
	var v T
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &v))
	return v
}

type page[T any] struct {
	Items []T    `json:"items"`
	Next  string `json:"next"`
}

// see tells the module that the item has these addresses on one interface.
func (h *house) see(item string, addrs ...string) {
	h.t.Helper()
	h.net.addrs = map[string][]estate.Address{}
	h.net.ifs = map[string][]estate.Interface{item: {{Index: 2, Name: "eth0", MAC: "00:11:22:33:44:55"}}}
	for _, a := range addrs {
		p := netip.MustParsePrefix(a)
		h.net.addrs[item] = append(h.net.addrs[item], estate.Address{Address: p.Addr().String(), PrefixLength: p.Bits(), IfIndex: 2})
	}
	require.NoError(h.t, h.svc.d.DB.InTx(h.ctx, func(ctx context.Context, tx *db.Tx) error {
		return h.svc.networkSeen(ctx, tx, estate.NetworkSeen{ItemID: item, Source: "snmp"}, event.Meta{})
	}))
}

func prefixesOf(t *testing.T, h *house, query string) []Prefix {
	t.Helper()
	return decode[page[Prefix]](t, h.call("GET", "/api/v1/prefixes"+query, ""), 200).Items
}

func TestPrefixesNestByThemselves(t *testing.T) {
	eachDatabase(t, func(t *testing.T, h *house) {
		ids := map[string]string{}
		for _, p := range []string{"10.0.1.0/24", "10.0.0.0/8", "10.0.0.0/16", "10.0.1.128/25", "192.168.0.0/24", "2001:db8::/32"} {
			ids[p] = decode[PrefixDetail](t, h.call("POST", "/api/v1/prefixes", `{"prefix":"`+p+`"}`), 201).ID
		}
		depth := func() map[string]int {
			out := map[string]int{}
			for _, p := range prefixesOf(t, h, "") {
				out[p.Prefix] = p.Depth
			}
			return out
		}
		require.Equal(t, map[string]int{"10.0.0.0/8": 0, "10.0.0.0/16": 1, "10.0.1.0/24": 2, "10.0.1.128/25": 3, "192.168.0.0/24": 0, "2001:db8::/32": 0}, depth())
		require.Equal(t, 204, h.call("DELETE", "/api/v1/prefixes/"+ids["10.0.0.0/16"], "").Code)
		require.Equal(t, map[string]int{"10.0.0.0/8": 0, "10.0.1.0/24": 1, "10.0.1.128/25": 2, "192.168.0.0/24": 0, "2001:db8::/32": 0}, depth())

		d := decode[PrefixDetail](t, h.call("GET", "/api/v1/prefixes/"+ids["10.0.1.128/25"], ""), 200)
		require.Len(t, d.Around, 2)
		require.Equal(t, "10.0.0.0/8", d.Around[0].Prefix)
		require.Len(t, prefixesOf(t, h, "?within="+ids["10.0.0.0/8"]), 2)
		require.Len(t, prefixesOf(t, h, "?contains=10.0.1.200"), 3)
		require.Len(t, prefixesOf(t, h, "?family=6"), 1)

		w := h.call("POST", "/api/v1/prefixes", `{"prefix":"10.0.1.0/24"}`)
		require.Equal(t, 409, w.Code)
		w = h.call("POST", "/api/v1/prefixes", `{"prefix":"10.0.1.0/24","vrf":"red"}`)
		require.Equal(t, 422, w.Code)
		require.Contains(t, w.Body.String(), "is not the name of a VRF")
		require.Equal(t, 201, h.call("POST", "/api/v1/vrfs", `{"name":"red"}`).Code)
		require.Equal(t, 201, h.call("POST", "/api/v1/prefixes", `{"prefix":"10.0.1.0/24","vrf":"red"}`).Code)
		require.Len(t, prefixesOf(t, h, "?vrf=red"), 1)
		require.Len(t, prefixesOf(t, h, "?vrf=global"), 5)
		require.Equal(t, 409, h.call("DELETE", "/api/v1/vrfs/red", "").Code)

		// Pages follow each other without a gap.
		var all []string
		for next := ""; ; {
			p := decode[page[Prefix]](t, h.call("GET", "/api/v1/prefixes?limit=2&cursor="+next, ""), 200)
			for _, x := range p.Items {
				all = append(all, nameOf(x.VRF, x.Prefix))
			}
			if next = p.Next; next == "" {
				break
			}
		}
		require.Equal(t, []string{"10.0.0.0/8", "10.0.1.0/24", "10.0.1.128/25", "192.168.0.0/24", "2001:db8::/32", "10.0.1.0/24@red"}, all)
	})
}

func TestNextFreeAddress(t *testing.T) {
	eachDatabase(t, func(t *testing.T, h *house) {
		p := decode[PrefixDetail](t, h.call("POST", "/api/v1/prefixes", `{"prefix":"10.0.1.0/29","gateway":"10.0.1.1","warn_at":50}`), 201)
		url := "/api/v1/prefixes/" + p.ID
		require.Equal(t, 201, h.call("POST", url+"/ranges", `{"first":"10.0.1.2","last":"10.0.1.3","purpose":"dhcp"}`).Code)
		require.Equal(t, 409, h.call("POST", url+"/ranges", `{"first":"10.0.1.3","last":"10.0.1.4","purpose":"dhcp"}`).Code)
		w := h.call("POST", url+"/ranges", `{"first":"10.0.2.3","last":"x","purpose":"dhcp"}`)
		require.Equal(t, 422, w.Code)
		require.Contains(t, w.Body.String(), "must be inside 10.0.1.0/29")
		require.Contains(t, w.Body.String(), "must be an address")
		require.Equal(t, 201, h.call("POST", "/api/v1/addresses", `{"address":"10.0.1.5","dns_name":"db.example.org"}`).Code)

		f := decode[FreeSpace](t, h.call("GET", url+"/free", ""), 200)
		require.Equal(t, "10.0.1.4", f.Next)
		require.Equal(t, []Free{{"10.0.1.4", "10.0.1.4", "1"}, {"10.0.1.6", "10.0.1.6", "1"}}, f.Spans)
		for _, want := range []string{"10.0.1.4", "10.0.1.6"} {
			a := decode[Address](t, h.call("POST", url+"/allocate", `{"description":"new"}`), 201)
			require.Equal(t, want, a.Address)
		}
		w = h.call("POST", url+"/allocate", `{}`)
		require.Equal(t, 409, w.Code)
		require.Contains(t, w.Body.String(), "has no free address")

		got := decode[PrefixDetail](t, h.call("GET", url, ""), 200)
		require.EqualValues(t, 3, got.Used)
		require.True(t, got.NearlyFull)
		require.Len(t, prefixesOf(t, h, "?nearly_full=true"), 1)
		a := decode[Detail](t, h.call("GET", "/api/v1/addresses/10.0.1.6", ""), 200)
		require.Equal(t, "10.0.1.0/29", a.Prefix.Prefix)
		require.Equal(t, 204, h.call("DELETE", "/api/v1/addresses/"+a.ID, "").Code)
		require.EqualValues(t, 2, decode[PrefixDetail](t, h.call("GET", url, ""), 200).Used)
		require.Equal(t, 201, h.call("POST", "/api/v1/prefixes", `{"prefix":"10.0.1.0/30"}`).Code)
		require.EqualValues(t, []string{"10.0.1.4/30"}, decode[FreeSpace](t, h.call("GET", url+"/free?length=30", ""), 200).Prefixes)
	})
}

func TestWhatIsSeenBecomesPrefixesAndClaims(t *testing.T) {
	eachDatabase(t, func(t *testing.T, h *house) {
		h.see("web-1", "10.1.0.10/24", "127.0.0.1/8", "fe80::1/64", "2001:db8:1::10/64", "10.1.0.10/24")
		require.Len(t, prefixesOf(t, h, ""), 2)
		list := func(q string) []Address {
			return decode[page[Address]](t, h.call("GET", "/api/v1/addresses"+q, ""), 200).Items
		}
		got := list("")
		require.Len(t, got, 2)
		require.Equal(t, "10.1.0.10", got[0].Address)
		require.Equal(t, "web-1", got[0].Claims[0].Item)
		require.Equal(t, "eth0", got[0].Claims[0].Interface)
		require.False(t, got[0].Conflict)
		require.NotNil(t, got[0].FirstSeen)

		// A device may call its VRF and VLAN what it likes.
		h.net.vlans = map[string][]estate.VLAN{"pe-1": {{ID: 20, Name: " a\nb "}, {ID: 21}, {ID: 5000}}}
		h.net.addrs, h.net.ifs = map[string][]estate.Address{"pe-1": {{Address: "10.1.0.10", PrefixLength: 24, VRF: "kunde süd 1"}}}, nil
		require.NoError(t, h.svc.d.DB.InTx(h.ctx, func(ctx context.Context, tx *db.Tx) error {
			return h.svc.networkSeen(ctx, tx, estate.NetworkSeen{ItemID: "pe-1", Source: "snmp"}, event.Meta{})
		}))
		h.net.vlans = nil
		require.Len(t, list("?vrf=vrf-kunde-s-d-1"), 1)
		require.Empty(t, list("?conflict=true"))
		vs := decode[page[VLAN]](t, h.call("GET", "/api/v1/vlans", ""), 200).Items
		require.Len(t, vs, 2)
		require.Equal(t, "a b", vs[0].Name)
		require.Equal(t, "VLAN 21", vs[1].Name)
		h.see("pe-1")

		// Two items with one address are a conflict until it is said to be shared.
		h.see("web-2", "10.1.0.10/24")
		conflicts := list("?conflict=true")
		require.Len(t, conflicts, 1)
		require.Len(t, conflicts[0].Claims, 2)
		require.Equal(t, 200, h.call("PUT", "/api/v1/addresses/"+conflicts[0].ID, `{"shared":true,"description":"virtual"}`).Code)
		require.Empty(t, list("?conflict=true"))

		// What an item no longer has is no longer its own; the address stays known.
		h.see("web-2", "10.1.0.11/24")
		require.Len(t, list("?item=web-2"), 1)
		require.Len(t, list("?vrf=global"), 3)
		a := decode[Detail](t, h.call("GET", "/api/v1/addresses/10.1.0.10", ""), 200)
		require.Len(t, a.Claims, 1)
		require.Equal(t, "virtual", a.Description)

		require.NoError(t, h.svc.d.DB.InTx(h.ctx, func(ctx context.Context, tx *db.Tx) error {
			return h.svc.itemChanged(ctx, tx, estate.ItemChanged{ItemID: "web-1", Removed: true}, event.Meta{})
		}))
		require.Empty(t, list("?item=web-1"))
	})
}

func TestApplyAndExport(t *testing.T) {
	eachDatabase(t, func(t *testing.T, h *house) {
		file := "vrfs: [{name: red, rd: \"65000:1\"}]\nprefixes:\n  - {name: 10.0.0.0/8, status: container}\n  - {name: 10.2.0.0/24@red, vlan: 20, gateway: 10.2.0.1, site: Berlin}\n"
		for _, want := range []apply.Outcome{apply.Created, apply.Unchanged} {
			res, err := h.engine.Run(h.ctx, []byte(file), false)
			require.NoError(t, err)
			for _, c := range res {
				require.Equal(t, want, c.Outcome, c.Name)
			}
		}
		_, err := h.engine.Run(h.ctx, []byte("prefixes: [{name: 10.3.0.1/24}, {name: 10.4.0.0/24@blue}, {name: 10.5.0.0/24, gateway: 10.6.0.1}]"), false)
		require.ErrorContains(t, err, "the network is 10.3.0.0/24")
		require.ErrorContains(t, err, "names the VRF blue")
		require.ErrorContains(t, err, "must be inside 10.5.0.0/24")
		require.Len(t, prefixesOf(t, h, ""), 2)
	})
}

// dnsMap is a DNS with these names.
type dnsMap struct{ reverse, forward map[string]string }

func (m dnsMap) LookupAddr(_ context.Context, a string) ([]string, error) {
	if n, ok := m.reverse[a]; ok {
		return []string{n + "."}, nil
	}
	return nil, &net.DNSError{IsNotFound: true}
}

func (m dnsMap) LookupNetIP(_ context.Context, _, n string) ([]netip.Addr, error) {
	if a, ok := m.forward[n]; ok {
		return []netip.Addr{netip.MustParseAddr(a)}, nil
	}
	return nil, &net.DNSError{IsNotFound: true}
}

type deadDNS struct{}

func (deadDNS) LookupAddr(context.Context, string) ([]string, error) {
	return nil, &net.DNSError{IsTimeout: true}
}

func (deadDNS) LookupNetIP(context.Context, string, string) ([]netip.Addr, error) {
	return nil, &net.DNSError{IsTimeout: true}
}

func TestCompareWithTheDNS(t *testing.T) {
	t.Parallel()
	names := dnsMap{
		reverse: map[string]string{"10.0.0.1": "A.example.org", "10.0.0.2": "b.example.org", "10.0.0.3": "c.example.org"},
		forward: map[string]string{"a.example.org": "10.0.0.1", "b.example.org": "10.0.0.9", "d.example.org": "10.0.0.4"},
	}
	for _, c := range []struct{ addr, want, state string }{
		{"10.0.0.1", "", dnsOK},
		{"10.0.0.1", "a.example.org", dnsOK},
		{"10.0.0.1", "x.example.org", mismatch},
		{"10.0.0.2", "", noForward},
		{"10.0.0.3", "c.example.org", noForward},
		{"10.0.0.4", "d.example.org", noReverse},
		{"10.0.0.5", "", dnsNone},
		{"10.0.0.5", "e.example.org", dnsNone},
	} {
		require.Equal(t, c.state, compare(t.Context(), names, netip.MustParseAddr(c.addr), c.want).State, c)
	}
	require.Equal(t, dnsFailed, compare(t.Context(), deadDNS{}, netip.MustParseAddr("10.0.0.1"), "").State)
}
