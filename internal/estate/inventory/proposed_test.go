package inventory

import (
	"context"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/apply"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/estate"
)

func person(t *testing.T, who string, role access.Role) context.Context {
	return access.With(t.Context(), &access.Principal{Kind: access.Person, ID: who, Name: who, Role: role})
}

// guardedHouse has a critical item db, a plain item app, and the rule switched on.
func guardedHouse(t *testing.T, h *house) (ann, bob context.Context) {
	h.items("db", "app")
	require.Equal(t, 200, h.call(h.ctx, "PATCH", "/api/v1/items/db", `{"criticality":"critical"}`).Code)
	require.Equal(t, 200, h.call(h.ctx, "PUT", "/api/v1/item-settings", `{"precedence":[],"approval":{"enabled":true,"criticality":"high","label":"pci"}}`).Code)
	return person(t, "ann", access.Operator), person(t, "bob", access.Operator)
}

func proposed(t *testing.T, h *house, ctx context.Context, method, path, body string) ProposalView {
	t.Helper()
	return decode[WaitsBody](t, h.call(ctx, method, path, body), http.StatusAccepted).Proposal
}

func (h *house) read(name string) View {
	return decode[View](h.t.(*testing.T), h.call(h.ctx, "GET", "/api/v1/items/"+name, ""), 200)
}

func TestACriticalItemChangesWhenASecondPersonAgrees(t *testing.T) {
	eachDatabase(t, func(t *testing.T, h *house) {
		ann, bob := guardedHouse(t, h)
		require.Equal(t, 200, h.call(ann, "PATCH", "/api/v1/items/app", `{"title":"App"}`).Code, "not covered")
		p := proposed(t, h, ann, "PATCH", "/api/v1/items/db", `{"title":"Database","labels":{"env":"prod"},"attributes":{"n":3}}`)
		require.Equal(t, "waiting", p.State)
		require.True(t, p.Mine)
		require.False(t, p.MayDecide)
		require.Equal(t, []ProposedField{{"title", "", "Database"}, {"labels.env", nil, "prod"}, {"attributes.n", nil, 3.0}}, p.Changes)
		require.Equal(t, "", h.read("db").Title)

		again := proposed(t, h, ann, "PATCH", "/api/v1/items/db", `{"title":"Database","labels":{"env":"prod"},"attributes":{"n":3}}`)
		require.Equal(t, p.ID, again.ID, "the same change waits once")

		path := "/api/v1/item-proposals/" + p.ID
		require.Equal(t, 403, h.call(ann, "POST", path+"/approve", "").Code, "own approval")
		require.Equal(t, 403, h.call(ann, "POST", path+"/reject", `{"reason":"x"}`).Code)
		require.Equal(t, 403, h.call(bob, "POST", path+"/withdraw", "").Code)
		require.Equal(t, 403, h.call(person(t, "eve", access.Viewer), "POST", path+"/approve", "").Code)
		token := access.With(t.Context(), &access.Principal{Kind: access.Token, ID: "t", Name: "token t", Role: access.Admin})
		require.Equal(t, 403, h.call(token, "POST", path+"/approve", "").Code)

		list := decode[page[ProposalView]](t, h.call(bob, "GET", "/api/v1/item-proposals?state=waiting&item=db", ""), 200)
		require.Len(t, list.Items, 1)
		require.True(t, list.Items[0].MayDecide)
		require.Equal(t, "approved", decode[ProposalView](t, h.call(bob, "POST", path+"/approve", ""), 200).State)
		v := h.read("db")
		require.Equal(t, "Database", v.Title)
		require.Equal(t, "prod", v.Labels["env"])
		hist := decode[page[Entry]](t, h.call(h.ctx, "GET", "/api/v1/items/db/history?limit=1", ""), 200)
		require.Equal(t, "ann", hist.Items[0].Actor, "made as its author")
		require.Equal(t, 409, h.call(bob, "POST", path+"/approve", "").Code)
	})
}

func TestAProposalOnAnOldBaseIsRefused(t *testing.T) {
	eachDatabase(t, func(t *testing.T, h *house) {
		ann, bob := guardedHouse(t, h)
		p := proposed(t, h, ann, "PATCH", "/api/v1/items/db", `{"title":"Database"}`)
		require.Equal(t, 200, h.call(h.ctx, "PATCH", "/api/v1/items/db", `{"title":"Other"}`).Code)
		w := h.call(bob, "POST", "/api/v1/item-proposals/"+p.ID+"/approve", "")
		require.Equal(t, 409, w.Code)
		require.Contains(t, w.Body.String(), "is Other now")
		require.Equal(t, "Other", h.read("db").Title)
		v := decode[ProposalView](t, h.call(bob, "POST", "/api/v1/item-proposals/"+p.ID+"/reject", `{"reason":"made already"}`), 200)
		require.Equal(t, "rejected", v.State)
		require.Equal(t, "made already", v.Reason)

		// What a source says of something else is no conflict.
		p = proposed(t, h, ann, "PATCH", "/api/v1/items/db", `{"title":"Third"}`)
		require.NoError(t, h.db.InTx(ann, func(ctx context.Context, tx *db.Tx) error {
			_, err := h.svc.Observed(ctx, tx, estate.NewItem{Name: "db", Kind: "service", Source: "snmp", Attributes: map[string]any{"serial": "X1"}})
			return err
		}))
		require.Equal(t, "X1", h.read("db").Attributes["serial"], "what a source sees comes in")
		require.Equal(t, 200, h.call(bob, "POST", "/api/v1/item-proposals/"+p.ID+"/approve", "").Code)
		require.Equal(t, "Third", h.read("db").Title)
	})
}

func TestRelationsAndDeletionWait(t *testing.T) {
	eachDatabase(t, func(t *testing.T, h *house) {
		ann, bob := guardedHouse(t, h)
		p := proposed(t, h, ann, "POST", "/api/v1/items/db/relations", `{"type":"depends_on","item":"app"}`)
		require.Equal(t, []ProposedField{{"depends_on", nil, "app"}}, p.Changes)
		require.Empty(t, decode[page[RelationView]](t, h.call(h.ctx, "GET", "/api/v1/items/db/relations", ""), 200).Items)
		require.Equal(t, 200, h.call(bob, "POST", "/api/v1/item-proposals/"+p.ID+"/approve", "").Code)
		require.Len(t, decode[page[RelationView]](t, h.call(h.ctx, "GET", "/api/v1/items/db/relations", ""), 200).Items, 1)
		p = proposed(t, h, ann, "DELETE", "/api/v1/items/db/relations/depends_on/app", "")
		require.Equal(t, "withdrawn", decode[ProposalView](t, h.call(ann, "POST", "/api/v1/item-proposals/"+p.ID+"/withdraw", ""), 200).State)

		p = proposed(t, h, ann, "DELETE", "/api/v1/items/db", "")
		require.Equal(t, "delete", p.Action)
		h.item("late", "service")
		h.relate("late depends_on db")
		w := h.call(bob, "POST", "/api/v1/item-proposals/"+p.ID+"/approve", "")
		require.Equal(t, 409, w.Code, "something new depends on it")
		require.Contains(t, w.Body.String(), "used_by")
		require.Equal(t, 200, h.call(ann, "POST", "/api/v1/item-proposals/"+p.ID+"/withdraw", "").Code)
		p = proposed(t, h, ann, "DELETE", "/api/v1/items/db", "")
		require.Equal(t, 200, h.call(bob, "POST", "/api/v1/item-proposals/"+p.ID+"/approve", "").Code)
		require.Equal(t, 404, h.call(h.ctx, "GET", "/api/v1/items/db", "").Code)
		require.Equal(t, 204, h.call(ann, "DELETE", "/api/v1/items/late", "").Code)
	})
}

func TestMergeBulkAndImportWait(t *testing.T) {
	eachDatabase(t, func(t *testing.T, h *house) {
		ann, bob := guardedHouse(t, h)
		bulk := decode[bulkOut](t, h.call(ann, "POST", "/api/v1/inventory/change", `{"items":["db","app"],"lifecycle":"retired"}`), 200)
		require.Equal(t, bulkOut{Changed: 1, Waiting: 1}, bulk)
		require.EqualValues(t, "in_use", h.read("db").Lifecycle)

		w := h.call(ann, "POST", "/api/v1/items/import", `[{"name":"db","kind":"service","description":"From a file","depends_on":["app"]},{"name":"app","kind":"service","title":"New"}]`)
		require.Equal(t, 200, w.Code, w.Body.String())
		require.Equal(t, "", h.read("db").Description)
		require.Equal(t, "New", h.read("app").Title)
		list := decode[page[ProposalView]](t, h.call(bob, "GET", "/api/v1/item-proposals?state=waiting", ""), 200).Items
		require.Len(t, list, 2)
		require.Equal(t, []ProposedField{{"description", "", "From a file"}, {"depends_on", nil, "app"}}, list[0].Changes)
		require.Equal(t, 200, h.call(bob, "POST", "/api/v1/item-proposals/"+list[0].ID+"/approve", "").Code)
		require.Equal(t, "From a file", h.read("db").Description)

		p := proposed(t, h, ann, "POST", "/api/v1/items/app/merge", `{"other":"db"}`)
		require.Equal(t, "merge", p.Action)
		require.Equal(t, "db", h.read("db").Name)
	})
}

func TestOpsYAMLWaits(t *testing.T) {
	eachDatabase(t, func(t *testing.T, h *house) {
		ann, bob := guardedHouse(t, h)
		const file = "items:\n  - name: db\n    kind: service\n    title: From the file\n    depends_on: [app]\n  - name: fresh\n    kind: service\n    criticality: critical\n    depends_on: [app]\n"
		for range 2 {
			res, err := h.engine.Run(ann, []byte(file), false)
			require.NoError(t, err)
			require.Equal(t, apply.Waits, res[0].Outcome)
			require.Equal(t, "", h.read("db").Title)
		}
		list := decode[page[ProposalView]](t, h.call(bob, "GET", "/api/v1/item-proposals?state=waiting&item=db", ""), 200).Items
		require.Len(t, list, 1, "the same file waits once")
		require.Equal(t, 200, h.call(bob, "POST", "/api/v1/item-proposals/"+list[0].ID+"/approve", "").Code)
		require.Equal(t, "From the file", h.read("db").Title)
		res, err := h.engine.Run(ann, []byte(file), false)
		require.NoError(t, err)
		require.Equal(t, apply.Unchanged, res[0].Outcome)
	})
}

func TestOneOfTwoApprovalsWins(t *testing.T) {
	eachDatabase(t, func(t *testing.T, h *house) {
		ann, bob := guardedHouse(t, h)
		p := proposed(t, h, ann, "PATCH", "/api/v1/items/db", `{"title":"Once"}`)
		codes := make([]int, 4)
		var wg sync.WaitGroup
		for n := range codes {
			wg.Go(func() { codes[n] = h.call(bob, "POST", "/api/v1/item-proposals/"+p.ID+"/approve", "").Code })
		}
		wg.Wait()
		won := 0
		for _, c := range codes {
			if c == 200 {
				won++
			} else {
				require.Equal(t, 409, c)
			}
		}
		require.Equal(t, 1, won)
	})
}

func TestProposalsExpire(t *testing.T) {
	eachDatabase(t, func(t *testing.T, h *house) {
		ann, bob := guardedHouse(t, h)
		p := proposed(t, h, ann, "PATCH", "/api/v1/items/db", `{"title":"Late"}`)
		require.Equal(t, 30*24*time.Hour, p.ExpiresAt.Sub(p.MadeAt))
		require.NoError(t, h.svc.expire(h.ctx))
		require.Equal(t, "waiting", decode[ProposalView](t, h.call(bob, "GET", "/api/v1/item-proposals/"+p.ID, ""), 200).State)
		require.NoError(t, h.db.InTx(h.ctx, func(ctx context.Context, tx *db.Tx) error {
			_, err := tx.NewRaw("UPDATE item_proposals SET expires_at = made_at WHERE id = ?", p.ID).Exec(ctx)
			return err
		}))
		require.Equal(t, 409, h.call(bob, "POST", "/api/v1/item-proposals/"+p.ID+"/approve", "").Code)
		require.NoError(t, h.svc.expire(h.ctx))
		require.Equal(t, "expired", decode[ProposalView](t, h.call(bob, "GET", "/api/v1/item-proposals/"+p.ID, ""), 200).State)
	})
}

func TestTheRuleOfApproval(t *testing.T) {
	t.Parallel()
	i := &Item{Criticality: estate.High, Labels: map[string]string{"zone": "pci"}}
	for _, c := range []struct {
		rule Approval
		want bool
	}{
		{Approval{Criticality: "low"}, false},
		{Approval{Enabled: true, Criticality: "high"}, true},
		{Approval{Enabled: true, Criticality: "critical"}, false},
		{Approval{Enabled: true, Label: "zone"}, true},
		{Approval{Enabled: true, Label: "zone=pci"}, true},
		{Approval{Enabled: true, Label: "zone=dmz"}, false},
		{Approval{Enabled: true, Criticality: "critical", Label: "zone"}, true},
	} {
		require.Equal(t, c.want, c.rule.covers(i), c.rule)
	}
	require.Error(t, Approval{Enabled: true}.check())
	require.Error(t, Approval{Criticality: "huge"}.check())
}
