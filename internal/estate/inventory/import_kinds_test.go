package inventory

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/estate"
	"github.com/mainstay-ops/mainstay/internal/estate/inventory/match"
)

const routerKinds = `kinds:
  - name: router
    parent: network_device
    attributes:
      - {name: serial, type: text, unique: true, required: true}
      - {name: slots, type: integer}
      - {name: tags, type: list}
      - {name: mode, type: enum, options: [active, spare], default: active}
      - {name: room, type: item, kind: location}
`

func TestImportFollowsTheKinds(t *testing.T) {
	eachDatabase(t, func(t *testing.T, h *house) {
		h.apply(routerKinds)
		// A declared attribute is a column without a prefix, before any item has it.
		file := "name,kind,serial,slots,tags,room\nr1,router,A1,8,red; blue,cellar\nr2,router,A2,,,\ncellar,location,,,,\n"
		r, p, code := h.load("", "text/csv", file)
		require.Equal(t, 200, code, "%+v", p)
		require.Equal(t, 3, r.Created)
		v := decode[View](t, h.call(h.ctx, "GET", "/api/v1/items/r1", ""), 200)
		require.Equal(t, map[string]any{"serial": "A1", "slots": 8.0, "tags": []any{"red", "blue"}, "mode": "active", "room": "cellar"}, v.Attributes)
		require.Equal(t, "default", v.Sources["mode"])
		require.Equal(t, []string{"r1"}, h.names("?attribute=slots%3D8&attribute=tags%3Dblue"), "values can be filtered by")
		r, _, _ = h.load("", "text/csv", file)
		require.Equal(t, 3, r.Unchanged, "8 is what it has already: %+v", r.Changes)
		// What an export writes changes nothing.
		w := h.call(h.ctx, "GET", "/api/v1/export/items?kind=network_device", "")
		r, _, code = h.load("", "text/csv", w.Body.String())
		require.Equal(t, 200, code)
		require.Equal(t, 2, r.Unchanged, "%+v", r.Changes)

		r, p, code = h.load("", "text/csv", strings.Join([]string{
			"name,kind,serial,slots,mode,room",
			"r3,router,A1,,,",       // 2: has r1
			"r4,router,,,,",         // 3: needs a serial
			"r5,router,A5,many,,",   // 4
			"r6,router,A6,,idle,",   // 5
			"r7,router,A7,,,r1",     // 6: r1 is no location
			"r8,router,A8,,,nobody", // 7
			"r9,router,A9,,,attic",  // 8: right
			"r10,router,A9,,,",      // 9: has r9, of this file
			"attic,location,,,,",
			"r2,,-,,,", // 11: takes what is required away
		}, "\n"))
		require.Equal(t, 422, code, "%+v", r)
		var got []string
		for _, e := range p.Errors {
			got = append(got, strings.TrimSpace(strings.Join([]string{e.Location, fmt.Sprint(e.Value), e.Message}, " ")))
			require.Positive(t, e.Line)
		}
		require.Equal(t, []string{
			"attribute:serial A1 is that of r1 already, and must be unique",
			"attribute:serial <nil> is missing; every router needs it",
			"attribute:slots many must be a whole number",
			"attribute:mode idle must be one of active, spare",
			"attribute:room r1 is of the kind router; it must name a location",
			"attribute:room nobody is not the name of an item, here or in the file",
			"attribute:serial A9 is that of r9 in line 8 already, and must be unique",
			"attribute:serial <nil> is missing; every router needs it",
		}, got)
		require.Equal(t, 11, p.Errors[len(p.Errors)-1].Line)
	})
}

func TestImportLeavesWhatADiscoverySays(t *testing.T) {
	eachDatabase(t, func(t *testing.T, h *house) {
		observe := func(source string, cores any) {
			require.NoError(t, h.db.InTx(h.ctx, func(ctx context.Context, tx *db.Tx) error {
				_, err := h.svc.Observed(ctx, tx, estate.NewItem{Name: "web", Kind: "host", Source: source, Attributes: map[string]any{"cores": cores}})
				return err
			}))
		}
		observe("agent", "8")
		_, _, code := h.load("", "text/csv", "name,attribute:cores\nweb,16\n")
		require.Equal(t, 200, code)
		i, err := byName(h.ctx, h.db.Reader(), "web")
		require.NoError(t, err)
		require.Equal(t, "16", i.Attributes["cores"])
		_, _, code = h.load("", "text/csv", "name,attribute:cores\nweb,-\n")
		require.Equal(t, 200, code)
		i, err = byName(h.ctx, h.db.Reader(), "web")
		require.NoError(t, err)
		require.Equal(t, "8", i.Attributes["cores"], "what the agent said shows again")
	})
}

func TestMergeKeepsClaimsGroupsAndThePast(t *testing.T) {
	eachDatabase(t, func(t *testing.T, h *house) {
		h.apply(routerKinds)
		h.apply(`items:
  - {name: r1, kind: router, attributes: {serial: A1}}
  - {name: r2, kind: router, attributes: {serial: A2, slots: 4}, depends_on: [power]}
  - {name: r3, kind: router, attributes: {serial: A3}}
  - {name: power, kind: service}
  - name: shop
    kind: service
    depends_on: [r2, r3]
    redundancy: [{name: core, of: [r2, r3]}]
  - {name: site, kind: location, attributes: {gateway: r2}}
kinds:
  - {name: location, attributes: [{name: gateway, type: item}]}
`)
		observe := func(name, source string, slots any) {
			require.NoError(t, h.db.InTx(h.ctx, func(ctx context.Context, tx *db.Tx) error {
				_, err := h.svc.Observed(ctx, tx, estate.NewItem{Name: name, Source: source, Attributes: map[string]any{"slots": slots}})
				return err
			}))
		}
		observe("r1", "snmp", 2)
		observe("r2", "agent", 6)
		r2, err := byName(h.ctx, h.db.Reader(), "r2")
		require.NoError(t, err)
		before := time.Now()
		require.NoError(t, h.svc.Merge(h.ctx, "r1", "r2"))
		i, err := byName(h.ctx, h.db.Reader(), "r1")
		require.NoError(t, err)
		require.Equal(t, "A1", i.Attributes["serial"], "what a person said of the item that stays")
		require.Equal(t, 4.0, i.Attributes["slots"], "what a person said of the other counts more than a discovery")
		cs, err := claimsOf(h.ctx, h.db.Reader(), i, []string{"slots"})
		require.NoError(t, err)
		require.Len(t, cs["slots"], 3, "manual, snmp and agent: %+v", cs)
		require.Equal(t, []string{"r1"}, h.names("?attribute=slots%3D4"))
		v := decode[View](t, h.call(h.ctx, "GET", "/api/v1/items/shop", ""), 200)
		require.Equal(t, []string{"r1", "r3"}, v.Redundancy[0].Of)
		site, err := byName(h.ctx, h.db.Reader(), "site")
		require.NoError(t, err)
		require.Equal(t, "r1", site.Attributes["gateway"], "what named the other names what stays")
		power, err := byName(h.ctx, h.db.Reader(), "power")
		require.NoError(t, err)
		hit, err := h.svc.Impact(h.ctx, h.db.Reader(), []string{power.ID})
		require.NoError(t, err)
		require.Len(t, hit, 1, "r1; shop still has r3: %+v", hit)

		// The past knows both.
		p, err := h.svc.AsOf(h.ctx, h.db.Reader(), "r2", before)
		require.NoError(t, err)
		require.Equal(t, r2.ID, p.item.ID)
		require.Equal(t, []PastRelation{{"depends_on", "power"}, {"used_by", "shop"}}, p.relations)
		p, err = h.svc.AsOf(h.ctx, h.db.Reader(), "r1", before)
		require.NoError(t, err)
		require.Empty(t, p.relations)
		require.NotContains(t, p.item.Attributes, "agent")
		p, err = h.svc.AsOf(h.ctx, h.db.Reader(), "shop", before)
		require.NoError(t, err)
		require.Equal(t, []PastRelation{{"depends_on", "r2"}, {"depends_on", "r3"}}, p.relations)
		require.Equal(t, []string{"r2", "r3"}, p.groups[0].Of)
	})
}

func TestAMatchRuleCountsForWhatExtendsItsKind(t *testing.T) {
	eachDatabase(t, func(t *testing.T, h *house) {
		h.apply(routerKinds + "match_rules: [{name: network_device, strong: [fqdn], weak: []}]\n")
		r, err := h.svc.ruleFor(h.ctx, h.db.Reader(), "router")
		require.NoError(t, err)
		require.Equal(t, []string{"fqdn"}, r.Strong)
		r, err = h.svc.ruleFor(h.ctx, h.db.Reader(), "host")
		require.NoError(t, err)
		require.Equal(t, match.Builtin().Strong, r.Strong)
	})
}
