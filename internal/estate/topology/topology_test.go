package topology

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/audit"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/event"
	"github.com/mainstay-ops/mainstay/internal/core/httpapi"
	"github.com/mainstay-ops/mainstay/internal/core/live"
	"github.com/mainstay-ops/mainstay/internal/core/module"
	"github.com/mainstay-ops/mainstay/internal/estate"
	"github.com/mainstay-ops/mainstay/internal/estate/topology/link"
	"github.com/mainstay-ops/mainstay/internal/testkit"
)

// shelf answers for the inventory: items by id, in memory.
type shelf struct {
	items map[string]estate.Node
	rels  []estate.Relation
}

func (f *shelf) ByName(_ context.Context, _ bun.IDB, name string) (estate.Item, error) {
	for _, i := range f.items {
		if i.Name == name {
			return i.Item, nil
		}
	}
	return estate.Item{}, errs.New(errs.NotFound, "There is no item named %q.", name)
}

func (f *shelf) ByIDs(_ context.Context, _ bun.IDB, ids []string) (map[string]estate.Item, error) {
	out := map[string]estate.Item{}
	for _, i := range ids {
		if n, ok := f.items[i]; ok {
			out[i] = n.Item
		}
	}
	return out, nil
}

func (*shelf) Impact(context.Context, bun.IDB, []string) ([]estate.Reached, error) { return nil, nil }

func (*shelf) Needs(context.Context, bun.IDB, []string) ([]estate.Reached, error) { return nil, nil }

func (f *shelf) Nodes(ctx context.Context, _ bun.IDB, ids []string) ([]estate.Node, error) {
	var out []estate.Node
	for _, i := range ids {
		if n, ok := f.items[i]; ok && access.From(ctx).CanFor(estate.ReadItems, n.OwnerTeamID) {
			out = append(out, n)
		}
	}
	return out, nil
}

func (f *shelf) Relations(context.Context, bun.IDB, []string, int) ([]estate.Relation, error) {
	return f.rels, nil
}

func (f *shelf) Relate(_ context.Context, _ *db.Tx, from, typ, to string) error {
	f.rels = append(f.rels, estate.Relation{FromID: from, Type: typ, ToID: to})
	return nil
}

type house struct {
	t     *testing.T
	s     *Service
	shelf *shelf
	ctx   context.Context
	mux   *http.ServeMux
}

func each(t *testing.T, f func(t *testing.T, h *house)) {
	t.Parallel()
	testkit.Databases(t, func(t *testing.T, d *db.DB) {
		t.Parallel()
		ctx := access.AsSystem(t.Context())
		m, logger, sh := Module(), slog.New(slog.DiscardHandler), &shelf{items: map[string]estate.Node{}}
		require.NoError(t, d.Migrate(ctx, []db.Migrations{event.Migrations(), audit.Migrations(), {Module: m.ID, FS: m.Migrations}}))
		wire := module.NewWire()
		deps := module.Deps{DB: d, Events: event.New(d, logger), Live: live.NewHub(), Logger: logger, Metrics: prometheus.NewRegistry(), Health: module.NewHealth(), Wire: wire}
		module.Provide[estate.Items](deps, sh)
		module.Provide[estate.Graph](deps, sh)
		in, err := m.New(deps)
		require.NoError(t, err)
		require.NoError(t, wire.Join())
		h := &house{t: t, s: in.(*Service), shelf: sh, ctx: ctx, mux: http.NewServeMux()}
		h.s.Routes(httpapi.New(h.mux, "test", logger))
		for _, n := range []string{"core", "edge", "db"} {
			sh.items[n] = estate.Node{Item: estate.Item{ID: n, Name: n, Kind: "network_device", OwnerTeamID: "net"}, Labels: map[string]string{"site": "berlin"}}
		}
		f(t, h)
	})
}

func (h *house) report(v estate.NetworkView) {
	h.t.Helper()
	require.NoError(h.t, h.s.d.DB.InTx(h.ctx, func(ctx context.Context, tx *db.Tx) error { return h.s.Report(ctx, tx, v) }))
}

func (h *house) join() {
	h.t.Helper()
	_, err := h.s.join(h.ctx)
	require.NoError(h.t, err)
}

func get[T any](h *house, ctx context.Context, path string, status int) T {
	h.t.Helper()
	w := httptest.NewRecorder()
	h.mux.ServeHTTP(w, httptest.NewRequest("GET", path, nil).WithContext(ctx))
	require.Equal(h.t, status, w.Code, w.Body.String())
	var v T
	require.NoError(h.t, json.Unmarshal(w.Body.Bytes(), &v))
	return v
}

func (h *house) count(table string) (n int) {
	require.NoError(h.t, h.s.d.DB.Reader().NewRaw("SELECT COUNT(*) FROM ?", bun.Ident(table)).Scan(h.ctx, &n))
	return n
}

func coreView(at time.Time) estate.NetworkView {
	return estate.NetworkView{
		ItemID: "core", Source: "snmp", At: at,
		Interfaces: []estate.Interface{{Index: 1, Name: "ge-0/0/1", MAC: "02:00:00:00:00:01", SpeedBPS: 1e9, AdminUp: true, OperUp: true}},
		Addresses:  []estate.Address{{Address: "10.0.0.1", PrefixLength: 24, IfIndex: 1}, {Address: "127.0.0.1", PrefixLength: 8}},
		VLANs:      []estate.VLAN{{ID: 7, Name: "office"}},
		Neighbors:  []estate.Neighbor{{LocalIfIndex: 1, Evidence: estate.EvidenceLLDP, RemoteName: "edge", RemotePort: "eth0"}, {LocalIfIndex: 1, Evidence: estate.EvidenceCDP, RemoteName: "phone"}},
	}
}

func edgeView(at time.Time) estate.NetworkView {
	return estate.NetworkView{
		ItemID: "edge", Source: "agent", At: at,
		Interfaces: []estate.Interface{{Index: 2, Name: "eth0", MAC: "02:00:00:00:00:02", OperUp: true}},
		Addresses:  []estate.Address{{Address: "10.0.0.2", PrefixLength: 24, IfIndex: 2}},
		Neighbors:  []estate.Neighbor{{LocalIfIndex: 2, Evidence: estate.EvidenceLLDP, RemoteMAC: "02-00-00-00-00-01"}, {Evidence: estate.EvidenceConnection, RemoteAddress: "10.0.0.1", Port: 5432, Process: "app"}},
	}
}

func TestReportWritesOnlyDifferences(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		now := time.Now().UTC().Add(-50 * time.Minute)
		h.report(coreView(now))
		require.Equal(t, 1, h.count("events"))
		v := coreView(now.Add(time.Minute))
		v.Neighbors[0], v.Neighbors[1] = v.Neighbors[1], v.Neighbors[0]
		h.report(v)
		require.Equal(t, 1, h.count("events"), "another order is no difference")
		v.Interfaces, v.Neighbors = nil, v.Neighbors[:1]
		h.report(v)
		require.Equal(t, 2, h.count("events"))
		require.Equal(t, 1, h.count("network_interfaces"), "nil means not looked")
		require.Equal(t, 2, h.count("network_evidence"), "what is gone ages")
		ifs, err := h.s.Interfaces(h.ctx, h.s.d.DB.Reader(), []string{"core"})
		require.NoError(t, err)
		require.EqualValues(t, 1e9, ifs["core"][0].SpeedBPS)
		vl, err := h.s.VLANs(h.ctx, h.s.d.DB.Reader(), []string{"core"})
		require.NoError(t, err)
		require.Equal(t, []estate.VLAN{{ID: 7, Name: "office"}}, vl["core"])
	})
}

func TestMapsOverTheAPI(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		now := time.Now().UTC()
		h.report(coreView(now))
		h.report(edgeView(now))
		h.join()
		m := get[Map](h, h.ctx, "/api/v1/topology?layer=2&group=site", 200)
		require.Len(t, m.Nodes, 3)
		require.Len(t, m.Edges, 2)
		for _, e := range m.Edges {
			if e.To == "edge" || e.From == "edge" {
				require.Equal(t, link.LLDP, e.Evidence[0].Protocol)
				require.True(t, e.Evidence[0].FromA && e.Evidence[0].FromB)
				require.Equal(t, "up", e.State)
				require.EqualValues(t, 1e9, e.SpeedBPS)
			}
		}
		m = get[Map](h, h.ctx, "/api/v1/topology?layer=3", 200)
		require.Len(t, m.Edges, 2, "loopback is no subnet")
		ls := get[struct{ Items []ItemLink }](h, h.ctx, "/api/v1/items/edge/links", 200)
		require.Len(t, ls.Items, 2)
		require.Equal(t, "core", ls.Items[0].Other)
		require.Equal(t, "ge-0/0/1", ls.Items[0].OtherPort)

		// Who may not see the team sees no node, no edge.
		stranger := access.With(t.Context(), &access.Principal{Kind: access.Person, ID: "p", Teams: map[string]access.Role{"other": access.Viewer}})
		require.Empty(t, get[Map](h, stranger, "/api/v1/topology", 200).Nodes)
		get[struct{}](h, stranger, "/api/v1/items/edge/links", 403)

		ids, _, err := h.linkIDs()
		require.NoError(t, err)
		h.join()
		again, _, err := h.linkIDs()
		require.NoError(t, err)
		require.Equal(t, ids, again, "joining again changes nothing")
	})
}

func (h *house) linkIDs() ([]string, []linkRow, error) {
	rows, err := linksOf(h.ctx, h.s.d.DB.Reader(), "", "")
	var ids []string
	for _, r := range rows {
		ids = append(ids, r.ID)
	}
	return ids, rows, err
}

func TestConnectionsBecomeDependencies(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		now := time.Now().UTC()
		h.report(coreView(now))
		h.report(edgeView(now))
		h.join()
		ps := get[struct{ Items []Proposal }](h, h.ctx, "/api/v1/topology/proposals?item=edge", 200)
		require.Len(t, ps.Items, 1)
		require.Equal(t, "core", ps.Items[0].DependsOn)
		require.Equal(t, []int{5432}, ps.Items[0].Evidence[0].Ports)
		viewer := access.With(t.Context(), &access.Principal{Kind: access.Person, ID: "p", Role: access.Viewer})
		require.True(t, errs.Is(h.s.decide(viewer, ps.Items[0].ID, true), errs.Forbidden))
		require.NoError(t, h.s.decide(h.ctx, ps.Items[0].ID, true))
		require.Equal(t, []estate.Relation{{FromID: "edge", Type: "depends_on", ToID: "core"}}, h.shelf.rels)
		require.Empty(t, get[struct{ Items []Proposal }](h, h.ctx, "/api/v1/topology/proposals", 200).Items)
	})
}

func TestLinksAgeAndGo(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		now := time.Now().UTC()
		h.report(coreView(now.Add(-48 * time.Hour)))
		h.join()
		for _, e := range get[Map](h, h.ctx, "/api/v1/topology", 200).Edges {
			require.True(t, e.Stale)
		}
		require.Len(t, get[Map](h, h.ctx, "/api/v1/topology", 200).Edges, 2)
		_, err := h.s.set(h.ctx, Settings{StaleHours: 5, RemoveHours: 1})
		require.True(t, errs.Is(err, errs.Invalid))
		_, err = h.s.d.DB.SQL().ExecContext(h.ctx, "UPDATE topology_settings SET remove_hours = 24")
		require.NoError(t, err)
		h.join()
		require.Empty(t, get[Map](h, h.ctx, "/api/v1/topology", 200).Edges)
	})
}

func TestLargeMapsAreCut(t *testing.T) {
	t.Parallel()
	k := sketch{nodes: map[string]*Node{"hub": {ID: "hub", Name: "hub", Degree: 6000}}}
	for i := range 6000 {
		n := "n" + time.Duration(i).String()
		k.nodes[n] = &Node{ID: n, Name: n, Degree: 1}
		k.edges = append(k.edges, Edge{ID: n, From: "hub", To: n})
	}
	require.Contains(t, k.cut(), "6001 nodes")
	require.Len(t, k.nodes, maxNodes)
	require.Len(t, k.edges, maxNodes-1)
}
