package inventory

import (
	"context"
	"fmt"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/estate"
)

const models = `kinds:
  - name: core_router
    parent: router
    attributes: [{name: slot, type: integer}]
  - name: router
    title: Router
    parent: network_device
    attributes:
      - {name: serial, type: text, unique: true, pattern: "[A-Z0-9]+", required: true}
      - {name: asn, type: integer, recommended: true}
      - {name: mode, type: enum, options: [active, spare], default: active}
      - {name: management, type: ip}
      - {name: room, type: item, kind: location}
  - name: network_device
    attributes:
      - {name: mac, type: mac}
relation_types:
  - {name: backs_up, inverse: backed_up_by, title: backs up, carries: to_target}
item_settings:
  precedence: [manual, agent, snmp]
items:
  - {name: r1, kind: core_router, attributes: {serial: A1, asn: "65001", mac: 00-00-5E-00-53-01, room: cellar, slot: 3, free: [1, 2]}, relations: {backs_up: [cellar]}}
  - {name: cellar, kind: location}
`

func (h *house) names(query string) []string {
	h.t.Helper()
	out := []string{}
	for _, v := range decode[page[View]](h.t.(*testing.T), h.call(h.ctx, "GET", "/api/v1/items"+query, ""), 200).Items {
		out = append(out, v.Name)
	}
	return out
}

func TestKindsFromAFile(t *testing.T) {
	eachDatabase(t, func(t *testing.T, h *house) {
		require.Equal(t, []string{"core_router created", "router created", "network_device updated", "backs_up created", " updated", "r1 created", "cellar created"}, h.apply(models))
		v := decode[View](t, h.call(h.ctx, "GET", "/api/v1/items/r1", ""), 200)
		require.Equal(t, map[string]any{"serial": "A1", "asn": 65001.0, "mac": "00:00:5e:00:53:01", "room": "cellar", "slot": 3.0, "mode": "active", "free": []any{1.0, 2.0}}, v.Attributes)
		require.Equal(t, "default", v.Sources["mode"])

		// Filters see what extends a kind, and values.
		require.Equal(t, []string{"r1"}, h.names("?kind=network_device"))
		require.Equal(t, []string{"r1"}, h.names("?kind=router&attribute=asn%3D65001&attribute=mode%3Dactive"))
		require.Empty(t, h.names("?attribute=asn%3D65002"))

		for attrs, want := range map[string]string{
			`{}`:                                   "is missing; every router needs it",
			`{"serial":"A1"}`:                      "is that of r1 already",
			`{"serial":"a b"}`:                     "must match the pattern",
			`{"serial":"B","asn":1.5}`:             "must be a whole number",
			`{"serial":"B","mode":"off"}`:          "must be one of active, spare",
			`{"serial":"B","management":"10.0"}`:   "must be an IP address",
			`{"serial":"B","mac":"x"}`:             "must be a MAC address",
			`{"serial":"B","room":"attic"}`:        "is not the name of an item",
			`{"serial":"B","room":"r1"}`:           "it must name a location",
			`{"serial":"B","asn":true,"mac":true}`: "attributes.mac",
		} {
			w := h.call(h.ctx, "POST", "/api/v1/items", `{"name":"r2","kind":"router","attributes":`+attrs+`}`)
			require.Equal(t, 422, w.Code, w.Body.String())
			require.Contains(t, w.Body.String(), want)
		}
		require.Equal(t, 422, h.call(h.ctx, "PATCH", "/api/v1/items/r1", `{"attributes":{"serial":null}}`).Code)
		// An attribute that names an item follows its name.
		require.Equal(t, 200, h.call(h.ctx, "PATCH", "/api/v1/items/cellar", `{"name":"basement"}`).Code)
		require.Equal(t, "basement", decode[View](t, h.call(h.ctx, "GET", "/api/v1/items/r1", ""), 200).Attributes["room"])

		out, err := h.engine.Export(h.ctx)
		require.NoError(t, err)
		for _, line := range h.apply(string(out)) {
			require.Contains(t, line, "unchanged", string(out))
		}
		// A failure travels along a type that people have made.
		r := decode[Reach](t, h.call(h.ctx, "GET", "/api/v1/items/r1/impact", ""), 200)
		require.Equal(t, "basement", r.Items[0].Name)
		require.Equal(t, "basement backed up by r1", r.Items[0].Why)
	})
}

func TestAChangeOfAKindThatDoesNotFitIsRefused(t *testing.T) {
	eachDatabase(t, func(t *testing.T, h *house) {
		for n := range 5 {
			require.Equal(t, 201, h.call(h.ctx, "POST", "/api/v1/items", fmt.Sprintf(`{"name":"h%d","kind":"host","attributes":{"rack":"R%d","same":"x"}}`, n, n)).Code)
		}
		put := func(body string) string {
			w := h.call(h.ctx, "PUT", "/api/v1/item-kinds/host", body)
			if w.Code == 200 {
				return ""
			}
			require.Equal(t, 422, w.Code, w.Body.String())
			return w.Body.String()
		}
		require.Contains(t, put(`{"attributes":[{"name":"rack","type":"integer"}]}`), `does not fit the values of 5 items: h0 has \"R0\", which must be a whole number`)
		require.Contains(t, put(`{"attributes":[{"name":"same","type":"text","unique":true}]}`), "4 items")
		require.Contains(t, put(`{"attributes":[{"name":"rack","type":"wide"}]}`), "enum")
		require.Contains(t, put(`{"attributes":[{"name":"Rack","type":"text"}]}`), "small letter")
		require.Contains(t, put(`{"attributes":[{"name":"rack","type":"text","pattern":"("}]}`), "is not a regular expression")
		require.Contains(t, put(`{"attributes":[{"name":"rack","type":"text"},{"name":"rack","type":"text"}]}`), "declared twice")
		require.Empty(t, put(`{"attributes":[{"name":"rack","type":"text","pattern":"R[0-9]","required":true}]}`))
		require.Equal(t, 201, h.call(h.ctx, "POST", "/api/v1/item-kinds", `{"name":"blade","parent":"host"}`).Code)
		require.Equal(t, 409, h.call(h.ctx, "POST", "/api/v1/item-kinds", `{"name":"blade","parent":"host"}`).Code)
		w := h.call(h.ctx, "POST", "/api/v1/item-kinds", `{"name":"thin_blade","parent":"blade","attributes":[{"name":"rack","type":"integer"}]}`)
		require.Equal(t, 422, w.Code)
		require.Contains(t, w.Body.String(), "is declared by both thin_blade and host")
		require.Equal(t, 422, h.call(h.ctx, "PUT", "/api/v1/item-kinds/blade", `{"parent":"blade"}`).Code)
		require.Equal(t, 422, h.call(h.ctx, "PUT", "/api/v1/item-kinds/blade", `{"parent":"nothing"}`).Code)
		require.Equal(t, 422, h.call(h.ctx, "POST", "/api/v1/items", `{"name":"b1","kind":"blade"}`).Code)
		require.Equal(t, 201, h.call(h.ctx, "POST", "/api/v1/items", `{"name":"b1","kind":"blade","attributes":{"rack":"R7"}}`).Code)
		w = h.call(h.ctx, "DELETE", "/api/v1/item-kinds/blade", "")
		require.Equal(t, 409, w.Code)
		require.Contains(t, w.Body.String(), "1 items are of the kind blade, for example b1")
		require.Equal(t, 204, h.call(h.ctx, "DELETE", "/api/v1/items/b1", "").Code)
		require.Equal(t, 204, h.call(h.ctx, "DELETE", "/api/v1/item-kinds/blade", "").Code)
		require.Equal(t, 403, h.call(as(h, access.Operator, nil), "PUT", "/api/v1/item-kinds/host", `{}`).Code)
		ks := decode[page[KindView]](t, h.call(h.ctx, "GET", "/api/v1/item-kinds", ""), 200)
		require.Len(t, ks.Items, 19)
		for _, k := range ks.Items {
			if k.Name == "host" {
				require.Equal(t, 5, k.Items)
				require.Len(t, k.Attributes, 1)
			}
		}

		// Relation types of people; those in use stay.
		require.Equal(t, 200, h.call(h.ctx, "PUT", "/api/v1/relation-types/feeds", `{"inverse":"fed_by","carries":"to_target"}`).Code)
		require.Equal(t, 422, h.call(h.ctx, "PUT", "/api/v1/relation-types/eats", `{"inverse":"runs","carries":"none"}`).Code)
		require.Equal(t, 409, h.call(h.ctx, "PUT", "/api/v1/relation-types/runs_on", `{"inverse":"x","carries":"none"}`).Code)
		require.Equal(t, 201, h.call(h.ctx, "POST", "/api/v1/items/h0/relations", `{"type":"feeds","item":"h1"}`).Code)
		impact := func(name string) int {
			return len(decode[Reach](t, h.call(h.ctx, "GET", "/api/v1/items/"+name+"/impact", ""), 200).Items)
		}
		require.Equal(t, []int{1, 0}, []int{impact("h0"), impact("h1")})
		require.Equal(t, 200, h.call(h.ctx, "PUT", "/api/v1/relation-types/feeds", `{"inverse":"fed_by","carries":"to_source"}`).Code)
		require.Equal(t, []int{0, 1}, []int{impact("h0"), impact("h1")})
		require.Equal(t, 409, h.call(h.ctx, "DELETE", "/api/v1/relation-types/feeds", "").Code)
		require.Equal(t, 204, h.call(h.ctx, "DELETE", "/api/v1/items/h0/relations/feeds/h1", "").Code)
		require.Equal(t, 204, h.call(h.ctx, "DELETE", "/api/v1/relation-types/feeds", "").Code)
	})
}

func (h *house) observed(source string, attrs map[string]any) {
	require.NoError(h.t, h.db.InTx(h.ctx, func(ctx context.Context, tx *db.Tx) error {
		_, err := h.svc.Observed(ctx, tx, estate.NewItem{Name: "web-1", Kind: "host", Source: source, Attributes: attrs})
		return err
	}))
}

func TestSourcesThatDisagree(t *testing.T) {
	eachDatabase(t, func(t *testing.T, h *house) {
		require.Equal(t, 200, h.call(h.ctx, "PUT", "/api/v1/item-kinds/host", `{"attributes":[{"name":"memory_gib","type":"integer","unit":"GiB"},{"name":"vendor","type":"text","recommended":true}]}`).Code)
		look := func() (memory AttributeView, all []AttributeView) {
			all = decode[page[AttributeView]](t, h.call(h.ctx, "GET", "/api/v1/items/web-1/attributes", ""), 200).Items
			require.Equal(t, "memory_gib", all[0].Key)
			return all[0], all
		}
		h.observed("agent", map[string]any{"memory_gib": 32, "load": 0.5})
		h.observed("snmp", map[string]any{"memory_gib": 31, "load": 0.6})
		m, all := look()
		require.Equal(t, "snmp", m.Source, "the later change wins among equals")
		require.Len(t, m.Others, 1)
		require.Equal(t, 32.0, m.Others[0].Value)
		require.True(t, all[1].Missing)
		require.Equal(t, "load", all[2].Key)
		require.Empty(t, all[2].Kind, "load is free")
		// Nobody takes turns: what is said again changes nothing.
		h.observed("agent", map[string]any{"memory_gib": 32})
		m, _ = look()
		require.Equal(t, "snmp", m.Source)

		require.Equal(t, 200, h.call(h.ctx, "PUT", "/api/v1/item-settings", `{"precedence":["agent"]}`).Code)
		m, _ = look()
		require.Equal(t, 32.0, m.Value, "a new order counts at once")

		require.Equal(t, 200, h.call(h.ctx, "PATCH", "/api/v1/items/web-1", `{"attributes":{"memory_gib":64}}`).Code)
		h.observed("agent", map[string]any{"memory_gib": 33})
		m, _ = look()
		require.Equal(t, 64.0, m.Value)
		require.Len(t, m.Others, 2)
		require.Equal(t, 33.0, m.Others[0].Value)
		// A person switches back to what was discovered.
		require.Equal(t, 200, h.call(h.ctx, "PATCH", "/api/v1/items/web-1", `{"attributes":{"memory_gib":null}}`).Code)
		m, _ = look()
		require.Equal(t, []any{33.0, "agent"}, []any{m.Value, m.Source})

		// What does not fit is kept and never wins.
		h.observed("agent", map[string]any{"memory_gib": "plenty"})
		m, _ = look()
		require.Equal(t, []any{31.0, "snmp"}, []any{m.Value, m.Source})
		require.Equal(t, "must be a whole number", m.Others[0].Problem)
		// Precedence of one attribute goes before that of all.
		h.observed("agent", map[string]any{"memory_gib": 35})
		require.Equal(t, 200, h.call(h.ctx, "PUT", "/api/v1/item-kinds/host", `{"attributes":[{"name":"memory_gib","type":"integer","precedence":["snmp","manual"]}]}`).Code)
		m, _ = look()
		require.Equal(t, 31.0, m.Value)
		require.Equal(t, 200, h.call(h.ctx, "PATCH", "/api/v1/items/web-1", `{"attributes":{"memory_gib":64}}`).Code)
		m, _ = look()
		require.Equal(t, 31.0, m.Value, "here snmp goes before a person")

		es := decode[page[Entry]](t, h.call(h.ctx, "GET", "/api/v1/items/web-1/history?field="+url.QueryEscape("attributes.memory_gib"), ""), 200).Items
		require.Equal(t, "snmp", es[0].Source)
	})
}

func TestListByState(t *testing.T) {
	eachDatabase(t, func(t *testing.T, h *house) {
		ids := h.items("a", "b", "c", "d")
		h.svc.states = fixedStates{ids["a"]: "critical", ids["c"]: "critical", ids["d"]: "ok"}
		require.Equal(t, []string{"a", "c"}, h.names("?state=critical"))
		require.Equal(t, []string{"b"}, h.names("?state=none"))
		p := decode[page[View]](t, h.call(h.ctx, "GET", "/api/v1/items?state=critical&limit=1", ""), 200)
		require.Equal(t, []string{"c"}, h.names("?state=critical&limit=1&cursor="+p.Next))
	})
}
