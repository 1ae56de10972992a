package inventory

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"sort"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/estate"
	"github.com/mainstay-ops/mainstay/internal/estate/inventory/match"
	"github.com/mainstay-ops/mainstay/internal/testkit"
)

// see tells what a source observes: key=value pairs.
func (h *house) see(source, name string, keys ...string) estate.Item {
	h.t.Helper()
	in := estate.NewItem{Name: name, Kind: "host", Source: source, Identity: map[string][]string{}}
	for _, kv := range keys {
		k, v, _ := strings.Cut(kv, "=")
		in.Identity[k] = append(in.Identity[k], v)
	}
	var out estate.Item
	require.NoError(h.t, h.db.InTx(h.ctx, func(ctx context.Context, tx *db.Tx) (err error) {
		out, err = h.svc.Observed(ctx, tx, in)
		return err
	}))
	return out
}

func (h *house) matches() []MatchView {
	h.t.Helper()
	var out struct{ Items []MatchView }
	w := h.call(h.ctx, "GET", "/api/v1/inventory/matches", "")
	require.Equal(h.t, 200, w.Code, w.Body)
	require.NoError(h.t, json.Unmarshal(w.Body.Bytes(), &out))
	return out.Items
}

func TestAnItemIsFoundUnderAnyName(t *testing.T) {
	eachDatabase(t, func(t *testing.T, h *house) {
		a := h.see("snmp", "web-1", "serial=SN1", "mac=02:00:00:00:00:01")
		require.Equal(t, a.ID, h.see("agent", "web-1.example.org", "serial=sn1", "machine_id=m1").ID)
		require.Equal(t, a.ID, h.see("sweep", "10.0.0.7", "mac=02-00-00-00-00-01").ID)
		require.Equal(t, a.ID, h.see("cloud", "i-77", "machine_id=m1", "cloud_id=i-77").ID)
		i, err := h.svc.ByName(h.ctx, h.db.Reader(), "web-1.example.org")
		require.NoError(t, err, "the name that another source has leads there")
		require.Equal(t, "web-1", i.Name)
		require.Empty(t, h.matches())
	})
}

func TestDoubtsWaitForAPerson(t *testing.T) {
	eachDatabase(t, func(t *testing.T, h *house) {
		a := h.see("agent", "web-1", "serial=SN1", "machine_id=same")
		b := h.see("agent", "web-2", "serial=SN2", "machine_id=same")
		require.NotEqual(t, a.ID, b.ID, "a cloned machine id does not merge")
		ms := h.matches()
		require.Len(t, ms, 1)
		require.Equal(t, []string{"machine_id same"}, ms[0].Agree)
		require.Equal(t, []string{"serial sn2 / sn1"}, ms[0].Against)
		// What makers leave in the BIOS identifies nothing.
		c := h.see("agent", "junk-1", "serial=To be filled by O.E.M.", "system_uuid=00000000-0000-0000-0000-000000000000")
		require.NotEqual(t, c.ID, h.see("agent", "junk-2", "serial=To Be Filled By O.E.M.").ID)
		// The same name with another serial is another thing.
		d := h.see("agent", "web-1", "serial=SN9")
		require.NotEqual(t, a.ID, d.ID)
		require.Equal(t, "web-1@sn9", d.Name)
		require.Equal(t, d.ID, h.see("agent", "web-1", "serial=SN9").ID)
		require.Len(t, h.matches(), 2)
		// Different is remembered.
		w := h.call(h.ctx, "POST", "/api/v1/inventory/matches/"+ms[0].ID, `{"decision":"different"}`)
		require.Equal(t, 204, w.Code, w.Body)
		h.see("agent", "web-2", "serial=SN2", "machine_id=same")
		require.Len(t, h.matches(), 1)
		// Keys that point to two items do not merge them.
		h.see("snmp", "sw", "serial=X1")
		h.see("sweep", "sw-mgmt", "mac=02:00:00:00:00:09")
		require.Equal(t, "sw", h.see("agent", "sw", "serial=X1", "mac=02:00:00:00:00:09").Name)
		require.Len(t, h.matches(), 2)
	})
}

func TestMerge(t *testing.T) {
	eachDatabase(t, func(t *testing.T, h *house) {
		h.items("shop", "up", "db")
		a := h.see("agent", "web-1", "serial=SN1")
		b := h.see("agent", "web-1", "serial=SN2")
		h.relate("shop depends_on "+b.Name, b.Name+" depends_on db", "web-1 depends_on up")
		_, err := h.svc.Update(h.ctx, b.Name, "", Fields{Attributes: map[string]any{"rack": "7"}, Labels: map[string]*string{"env": ptr("prod")}})
		require.NoError(t, err)
		ms := h.matches()
		require.Len(t, ms, 1)
		w := h.call(h.ctx, "POST", "/api/v1/inventory/matches/"+ms[0].ID, `{"decision":"same","keep":"nobody"}`)
		require.Equal(t, 422, w.Code, w.Body)
		w = h.call(h.ctx, "POST", "/api/v1/inventory/matches/"+ms[0].ID, `{"decision":"same","keep":"web-1"}`)
		require.Equal(t, 204, w.Code, w.Body)
		i, err := readable(h.ctx, h.db.Reader(), b.Name)
		require.NoError(t, err, "the old name leads to what stays")
		require.Equal(t, a.ID, i.ID)
		require.Equal(t, "7", i.Attributes["rack"])
		require.Equal(t, "prod", i.Labels["env"])
		is, err := h.svc.ByIDs(h.ctx, h.db.Reader(), []string{b.ID})
		require.NoError(t, err, "and so does the old id")
		require.Equal(t, a.ID, is[b.ID].ID)
		for _, q := range []func() ([]estate.Reached, error){
			func() ([]estate.Reached, error) { return h.svc.Needs(h.ctx, h.db.Reader(), []string{a.ID}) },
		} {
			needs, err := q()
			require.NoError(t, err)
			require.Len(t, needs, 2, "up and db")
		}
		hit, err := h.svc.Impact(h.ctx, h.db.Reader(), []string{a.ID})
		require.NoError(t, err)
		require.Len(t, hit, 1)
		require.Equal(t, "shop", hit[0].Name)
		require.Equal(t, a.ID, h.see("agent", "x", "serial=SN2").ID, "the identity came along")
		require.Empty(t, h.matches())
		require.True(t, errs.Is(h.svc.Merge(h.ctx, "web-1", "web-1"), errs.Invalid))
	})
}

// Any order in which sources speak gives the same things, when all that they say of
// one thing shares a strong key and no two things share any.
func TestTheOrderOfObservationsDoesNotMatter(t *testing.T) {
	t.Parallel()
	testkit.Databases(t, func(t *testing.T, d *db.DB) {
		h := newHouse(t, d)
		r := rand.New(rand.NewPCG(7, 11))
		for round := range 12 {
			type said struct {
				source, name string
				keys         []string
			}
			var all []said
			want := map[string]int{}
			for thing := range 5 {
				tag := fmt.Sprintf("r%dt%d", round, thing)
				serial := "serial=" + tag
				mac := fmt.Sprintf("mac=02:00:00:%02x:%02x:01", round, thing)
				all = append(all,
					said{"snmp", tag + "-snmp", []string{serial, mac}},
					said{"agent", tag, []string{serial, "machine_id=m" + tag, "fqdn=" + tag + ".example.org"}},
					said{"cloud", "i-" + tag, []string{serial, "cloud_id=c" + tag}},
					said{"sheet", tag, []string{serial, "asset_tag=a" + tag}},
				)
				want[tag] = 6
			}
			r.Shuffle(len(all), func(a, b int) { all[a], all[b] = all[b], all[a] })
			for range 2 {
				for _, s := range all {
					h.see(s.source, s.name, s.keys...)
				}
			}
			has := map[string]map[string]bool{}
			var rows []struct{ ItemID, Key, Value string }
			require.NoError(t, d.Reader().NewRaw("SELECT item_id, key, value FROM item_identities WHERE item_id IN (SELECT item_id FROM item_identities WHERE key = 'serial' AND value LIKE ?)", fmt.Sprintf("r%dt%%", round)).Scan(h.ctx, &rows))
			owner := map[string]string{}
			for _, x := range rows {
				if x.Key == "serial" {
					require.Empty(t, owner[x.Value], "one item per serial")
					owner[x.Value] = x.ItemID
				}
				if has[x.ItemID] == nil {
					has[x.ItemID] = map[string]bool{}
				}
				has[x.ItemID][x.Key+x.Value] = true
			}
			require.Len(t, has, 5)
			for tag, n := range want {
				require.Len(t, has[owner[tag]], n, "everything said of %s is on one item", tag)
			}
		}
		require.Empty(t, h.matches())
	})
}

func TestMatchRules(t *testing.T) {
	eachDatabase(t, func(t *testing.T, h *house) {
		w := h.call(h.ctx, "PUT", "/api/v1/inventory/match-rules/host", `{"strong":["asset_tag"],"weak":["mac"]}`)
		require.Equal(t, 200, w.Code, w.Body)
		a := h.see("x", "a", "asset_tag=A7", "serial=1")
		require.Equal(t, a.ID, h.see("x", "b", "asset_tag=A7", "serial=2").ID, "the serial says nothing of hosts now")
		w = h.call(h.ctx, "PUT", "/api/v1/inventory/match-rules/host", `{"strong":["color"],"weak":[]}`)
		require.Equal(t, 422, w.Code, w.Body)
		w = h.call(h.ctx, "PUT", "/api/v1/inventory/match-rules/no-such-kind", `{"strong":[],"weak":[]}`)
		require.Equal(t, 422, w.Code, w.Body)
		out, err := h.engine.Export(h.ctx)
		require.NoError(t, err)
		require.Contains(t, string(out), "match_rules:")
		cs, err := h.engine.Run(h.ctx, out, false)
		require.NoError(t, err)
		for _, c := range cs {
			require.Equal(t, "unchanged", string(c.Outcome), c.Name)
		}
		w = h.call(h.ctx, "DELETE", "/api/v1/inventory/match-rules/host", "")
		require.Equal(t, 204, w.Code, w.Body)
		rs, err := rules(h.ctx, h.db.Reader())
		require.NoError(t, err)
		require.Equal(t, []match.Rule{match.Builtin()}, rs)
	})
}

func TestHealth(t *testing.T) {
	eachDatabase(t, func(t *testing.T, h *house) {
		h.team("ops")
		h.items("shop", "api")
		h.relate("shop depends_on api")
		h.item("web-1", "host")
		h.item("WEB-1.example.org", "host")
		h.item("old", "host")
		h.see("agent", "d1", "mac=02:00:00:00:00:01")
		h.see("agent", "lost")
		require.NoError(t, h.db.InTx(h.ctx, func(ctx context.Context, tx *db.Tx) error {
			other := h.svc.itemID(ctx, t, tx, "old")
			_, err := tx.NewRaw("INSERT INTO item_identities (item_id, key, value, source, seen_at) VALUES (?, 'mac', '02:00:00:00:00:01', 'x', ?)", other, tx.Now()).Exec(ctx)
			if err == nil {
				_, err = tx.NewRaw("UPDATE item_seen SET at = ? WHERE item_id = ?", tx.Now().AddDate(0, 0, -90), h.svc.itemID(ctx, t, tx, "lost")).Exec(ctx)
			}
			return err
		}))
		list := func(name string) string {
			var out struct{ Items []HealthEntry }
			w := h.call(h.ctx, "GET", "/api/v1/inventory/health/"+name+"?limit=100", "")
			require.Equal(t, 200, w.Code, w.Body)
			require.NoError(t, json.Unmarshal(w.Body.Bytes(), &out))
			var names []string
			for _, e := range out.Items {
				names = append(names, e.Name)
				require.NotEmpty(t, e.Reason)
			}
			sort.Strings(names)
			return strings.Join(names, " ")
		}
		require.Equal(t, "WEB-1.example.org d1 lost old web-1", list("orphans"))
		require.Equal(t, "lost", list("stale"))
		require.Equal(t, "WEB-1.example.org d1 old web-1", list("duplicates"))
		require.Equal(t, "WEB-1.example.org api d1 lost old shop web-1", list("no-owner"))
		require.Equal(t, "", list("no-backup"), "nobody has said anything of backups")

		w := h.call(h.ctx, "POST", "/api/v1/inventory/health/stale/dismiss", `{"items":["lost"],"reason":"in repair","until":"2999-01-01T00:00:00Z"}`)
		require.Equal(t, 204, w.Code, w.Body)
		require.Equal(t, "", list("stale"), "at once")
		w = h.call(h.ctx, "POST", "/api/v1/inventory/health/stale/restore", `{"items":["lost"]}`)
		require.Equal(t, 204, w.Code, w.Body)
		require.Equal(t, "lost", list("stale"))
		w = h.call(h.ctx, "POST", "/api/v1/inventory/change", `{"items":["web-1","d1"],"owner":"ops"}`)
		require.Equal(t, 200, w.Code, w.Body)
		require.Equal(t, "WEB-1.example.org api lost old shop", list("no-owner"), "what is mended is gone at once")
		w = h.call(h.ctx, "POST", "/api/v1/inventory/change", `{"items":["lost","nobody"],"lifecycle":"retired"}`)
		require.Equal(t, 404, w.Code, w.Body)

		testkit.Eventually(t, 10e9, "the lists are made again", func() bool {
			var v HealthView
			w := h.call(h.ctx, "GET", "/api/v1/inventory/health", "")
			require.Equal(t, 200, w.Code, w.Body)
			require.NoError(t, json.Unmarshal(w.Body.Bytes(), &v))
			counts := map[string]int{}
			for _, l := range v.Lists {
				counts[l.Name] = l.Count
			}
			return v.Items == 7 && counts["no-owner"] == 5 && counts["stale"] == 1 && len(v.Kinds) == 2 && v.Kinds[1].Correctness == 1
		})
	})
}

func (s *Service) itemID(ctx context.Context, t *testing.T, tx *db.Tx, name string) string {
	i, err := byName(ctx, tx, name)
	require.NoError(t, err)
	return i.ID
}
