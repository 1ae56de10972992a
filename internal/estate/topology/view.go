package topology

import (
	"cmp"
	"context"
	"slices"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/audit"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/live"
	"github.com/mainstay-ops/mainstay/internal/estate"
	"github.com/mainstay-ops/mainstay/internal/estate/topology/link"
	"github.com/mainstay-ops/mainstay/internal/observe"
)

// finish gives the nodes their group and their state.
func (k *sketch) finish(group string, states observe.ItemStates) {
	var ids []string
	for nodeID, n := range k.nodes {
		ids = append(ids, nodeID)
		switch group {
		case "site":
			n.Group = n.Site
		case "subnet":
			n.Group = n.Subnet
		case "role":
			n.Group = cmp.Or(n.Role, n.Kind)
		case "kind":
			n.Group = n.Kind
		}
	}
	if states == nil {
		return
	}
	for nodeID, state := range states.ItemStates(ids) {
		k.nodes[nodeID].State = state
	}
}

// linksOf lists links of a layer ("" for any), of one item if given.
func linksOf(ctx context.Context, q bun.IDB, layer, itemID string) ([]linkRow, error) {
	var out []linkRow
	s := q.NewSelect().Model(&out).OrderExpr("id")
	if layer != "" {
		s = s.Where("layer = ?", layer)
	}
	if itemID != "" {
		s = s.Where("(a_item = ? OR b_item = ?)", itemID, itemID)
	}
	err := s.Scan(ctx)
	return out, err
}

// proposals lists the service links that nobody has decided on and that are no
// relation yet.
func (s *Service) proposals(ctx context.Context, q bun.IDB, itemID string) ([]linkRow, error) {
	rows, err := linksOf(ctx, q, link.Service, itemID)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	rels, err := s.graph.Relations(ctx, q, []string{"depends_on", "runs_on"}, 300_000)
	if err != nil {
		return nil, err
	}
	known := make(map[[2]string]bool, len(rels))
	for _, r := range rels {
		known[[2]string{r.FromID, r.ToID}] = true
	}
	return slices.DeleteFunc(rows, func(r linkRow) bool { return r.Decided != "" || known[[2]string{r.AItem, r.BItem}] }), nil
}

// Proposal is a dependency that connections suggest.
type Proposal struct {
	ID         string          `json:"id"`
	Item       string          `json:"item" doc:"Name of the item that connects."`
	DependsOn  string          `json:"depends_on" doc:"Name of the item that it connects to."`
	Confidence float64         `json:"confidence"`
	Evidence   []link.Evidence `json:"evidence"`
}

func (s *Service) listProposals(ctx context.Context, q bun.IDB, itemID string) ([]Proposal, error) {
	rows, err := s.proposals(ctx, q, itemID)
	if err != nil {
		return nil, err
	}
	names, err := s.names(ctx, q, rows)
	out := []Proposal{}
	for _, r := range rows {
		if a, b := names[r.AItem], names[r.BItem]; a != "" && b != "" {
			out = append(out, Proposal{ID: r.ID, Item: a, DependsOn: b, Confidence: r.Confidence, Evidence: r.Evidence})
		}
	}
	slices.SortFunc(out, func(a, b Proposal) int {
		return cmp.Or(cmp.Compare(a.Item, b.Item), cmp.Compare(a.DependsOn, b.DependsOn))
	})
	return out[:min(len(out), 500)], err
}

// names gives the names of those items of the links that whoever acts may see.
func (s *Service) names(ctx context.Context, q bun.IDB, rows []linkRow) (map[string]string, error) {
	var ids []string
	for _, r := range rows {
		ids = append(ids, r.AItem, r.BItem)
	}
	slices.Sort(ids)
	nodes, err := s.graph.Nodes(ctx, q, slices.Compact(ids))
	out := make(map[string]string, len(nodes))
	for _, n := range nodes {
		out[n.ID] = n.Name
	}
	return out, err
}

// decide accepts a proposal, which makes the relation, or puts it away for good.
func (s *Service) decide(ctx context.Context, linkID string, accept bool) error {
	err := s.d.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		var r linkRow
		if err := tx.NewSelect().Model(&r).Where("id = ? AND layer = ?", linkID, link.Service).Scan(ctx); err != nil {
			return db.NotFound(err, "There is no such proposal; the connection may be gone.")
		}
		items, err := s.items.ByIDs(ctx, tx, []string{r.AItem, r.BItem})
		if err != nil {
			return err
		}
		a, b := items[r.AItem], items[r.BItem]
		if err := access.Check(ctx, estate.WriteItems, a.OwnerTeamID); err != nil {
			return err
		}
		r.Decided = "dismissed"
		if accept {
			r.Decided = "accepted"
			if err := s.graph.Relate(ctx, tx, a.Name, "depends_on", b.Name); err != nil {
				return err
			}
		}
		if _, err := tx.NewRaw("UPDATE links SET decided = ? WHERE id = ?", r.Decided, r.ID).Exec(ctx); err != nil {
			return err
		}
		return audit.Write(ctx, tx, audit.Change{Action: "topology.proposal", Ref: estate.Ref(a.ID), Name: a.Name, After: map[string]string{"depends_on": b.Name, "decided": r.Decided}})
	})
	if err == nil {
		s.d.Live.Send(live.Note{Topic: "topology", Kind: "changed", ID: "proposals"})
	}
	return err
}

// readable finds an item that whoever acts may see.
func (s *Service) readable(ctx context.Context, q bun.IDB, name string) (estate.Item, error) {
	i, err := s.items.ByName(ctx, q, name)
	if err != nil {
		return i, err
	}
	return i, access.Check(ctx, estate.ReadItems, i.OwnerTeamID)
}

// Port is an interface of an item, with its addresses.
type Port struct {
	Index     int64    `json:"index"`
	Name      string   `json:"name"`
	Descr     string   `json:"descr,omitempty"`
	Alias     string   `json:"alias,omitempty"`
	Type      string   `json:"type,omitempty"`
	MAC       string   `json:"mac,omitempty"`
	SpeedBPS  int64    `json:"speed_bps,omitempty"`
	MTU       int64    `json:"mtu,omitempty"`
	AdminUp   bool     `json:"admin_up"`
	OperUp    bool     `json:"oper_up"`
	Duplex    string   `json:"duplex,omitempty"`
	VLAN      int64    `json:"vlan,omitempty"`
	Addresses []string `json:"addresses,omitempty" doc:"With the prefix length."`
	Source    string   `json:"source"`
}

// ItemLink is a link seen from one of its ends.
type ItemLink struct {
	Edge
	Layer string `json:"layer"`
	Port  string `json:"port,omitempty" doc:"The port of this item."`
	Other string `json:"other" doc:"Name of the item at the other end, or what is known of the neighbor."`
	// Known tells whether other is the name of an item.
	Known     bool   `json:"known" doc:"Whether the other end is an item."`
	OtherPort string `json:"other_port,omitempty"`
	Side      string `json:"side" enum:"a,b" doc:"Which side of the evidence this item is."`
}

func (s *Service) itemLinks(ctx context.Context, q bun.IDB, name string) ([]ItemLink, error) {
	i, err := s.readable(ctx, q, name)
	if err != nil {
		return nil, err
	}
	rows, err := linksOf(ctx, q, "", i.ID)
	if err != nil {
		return nil, err
	}
	names, err := s.names(ctx, q, rows)
	if err != nil {
		return nil, err
	}
	es, err := s.edges(ctx, q, rows)
	if err != nil {
		return nil, err
	}
	out := []ItemLink{}
	for n, r := range rows {
		l := ItemLink{Edge: es[n], Layer: r.Layer, Port: r.APort, Other: names[r.BItem], Known: r.BItem != "", OtherPort: r.BPort, Side: "a"}
		switch r.BItem {
		case i.ID:
			l.Port, l.Other, l.OtherPort, l.Side = r.BPort, names[r.AItem], r.APort, "b"
		case "":
			l.Other = cmp.Or(r.BLabel, r.BUnknown)
			l.To = unknownPrefix + r.BUnknown
		}
		if l.Other != "" {
			out = append(out, l)
		}
	}
	slices.SortFunc(out, func(a, b ItemLink) int {
		return cmp.Or(cmp.Compare(a.Layer, b.Layer), cmp.Compare(a.Port, b.Port), cmp.Compare(a.Other, b.Other))
	})
	return out, nil
}

func (s *Service) itemPorts(ctx context.Context, q bun.IDB, name string) ([]Port, error) {
	i, err := s.readable(ctx, q, name)
	if err != nil {
		return nil, err
	}
	ps, err := ports(ctx, q, []string{i.ID})
	if err != nil {
		return nil, err
	}
	addrs, err := read[addressRow](ctx, q, []string{i.ID}, "address, source")
	if err != nil {
		return nil, err
	}
	out := []Port{}
	for _, r := range ps[i.ID] {
		if r.nameless() {
			continue
		}
		p := Port{Index: r.Index, Name: r.key(), Descr: r.Descr, Alias: r.Alias, Type: r.Type, MAC: r.MAC, SpeedBPS: r.SpeedBPS, MTU: r.MTU, AdminUp: r.AdminUp, OperUp: r.OperUp, Duplex: r.Duplex, VLAN: r.VLAN, Source: r.Source}
		for _, a := range addrs {
			if a.Index == r.Index && a.Source == r.Source {
				p.Addresses = append(p.Addresses, prefixed(a))
			}
		}
		out = append(out, p)
	}
	return out, nil
}

// statesOf gives the states of named items, of those that whoever acts may see.
func (s *Service) statesOf(ctx context.Context, q bun.IDB, names []string) (map[string]string, error) {
	out := map[string]string{}
	for _, name := range names {
		i, err := s.readable(ctx, q, name)
		if errs.Is(err, errs.NotFound) || errs.Is(err, errs.Forbidden) {
			continue
		}
		if err != nil {
			return nil, err
		}
		out[name] = ""
		if s.states != nil {
			out[name] = s.states.ItemStates([]string{i.ID})[i.ID]
		}
	}
	return out, nil
}
