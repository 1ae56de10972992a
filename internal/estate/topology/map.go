package topology

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/estate"
	"github.com/mainstay-ops/mainstay/internal/estate/topology/link"
)

// Limits of a map.
const (
	maxNodes = 5000
	maxEdges = 50_000
)

// Node is a thing on a map.
type Node struct {
	ID     string `json:"id"`
	Name   string `json:"name"`
	Title  string `json:"title,omitempty"`
	Kind   string `json:"kind" doc:"An item kind; subnet, or unknown for a neighbor that is no item."`
	Role   string `json:"role,omitempty"`
	State  string `json:"state,omitempty" doc:"Worst state of its checks; absent when nothing watches it."`
	Site   string `json:"site,omitempty"`
	Subnet string `json:"subnet,omitempty"`
	Group  string `json:"group,omitempty" doc:"What the asked grouping puts it in."`
	Degree int    `json:"degree" doc:"Number of edges, also those that are not shown."`
}

// Edge joins two nodes.
type Edge struct {
	ID         string          `json:"id"`
	From       string          `json:"from"`
	To         string          `json:"to"`
	FromPort   string          `json:"from_port,omitempty"`
	ToPort     string          `json:"to_port,omitempty"`
	Kind       string          `json:"kind" doc:"link, address, depends_on, runs_on, part_of, or proposed."`
	Evidence   []link.Evidence `json:"evidence,omitempty"`
	Confidence float64         `json:"confidence"`
	SpeedBPS   int64           `json:"speed_bps,omitempty"`
	State      string          `json:"state,omitempty" enum:"up,down" doc:"By the ports at its ends; absent when they are not known."`
	Stale      bool            `json:"stale,omitempty"`
	FirstSeen  *time.Time      `json:"first_seen,omitempty"`
	LastSeen   *time.Time      `json:"last_seen,omitempty"`
}

// Map is the answer to a question about the topology.
type Map struct {
	Layer string `json:"layer"`
	Nodes []Node `json:"nodes"`
	Edges []Edge `json:"edges"`
	// Cut is a sentence; empty when the map is whole.
	Cut string `json:"cut,omitempty" doc:"Says in one sentence what was left out."`
}

// Query narrows a map.
type Query struct {
	Layer, Site, Root, Text, Group string
	Depth                          int
}

// sketch is a map before it is cut.
type sketch struct {
	nodes map[string]*Node
	edges []Edge
}

func (s *Service) draw(ctx context.Context, q bun.IDB, ask Query) (Map, error) {
	var edges []Edge
	var err error
	switch ask.Layer {
	case "3":
		edges, err = s.subnetEdges(ctx, q)
	case link.Service:
		edges, err = s.serviceEdges(ctx, q)
	default:
		edges, err = s.linkEdges(ctx, q)
	}
	if err != nil {
		return Map{}, err
	}
	k := sketch{nodes: map[string]*Node{}}
	if err := s.place(ctx, q, &k, edges); err != nil {
		return Map{}, err
	}
	k.narrow(ask)
	m := Map{Layer: ask.Layer, Cut: k.cut()}
	k.finish(ask.Group, s.states)
	for _, n := range k.nodes {
		m.Nodes = append(m.Nodes, *n)
	}
	slices.SortFunc(m.Nodes, func(a, b Node) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID)) })
	m.Edges = k.edges
	if m.Nodes == nil {
		m.Nodes = []Node{}
	}
	if m.Edges == nil {
		m.Edges = []Edge{}
	}
	return m, nil
}

// linkEdges are the links of layer 2, with speed and state by their ports.
func (s *Service) linkEdges(ctx context.Context, q bun.IDB) ([]Edge, error) {
	rows, err := linksOf(ctx, q, link.Physical, "")
	if err != nil {
		return nil, err
	}
	return s.edges(ctx, q, rows)
}

func (s *Service) edges(ctx context.Context, q bun.IDB, rows []linkRow) ([]Edge, error) {
	set, err := settings(ctx, q)
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, r := range rows {
		ids = append(ids, r.AItem, r.BItem)
	}
	slices.Sort(ids)
	ps, err := ports(ctx, q, orNone(slices.Compact(ids)))
	if err != nil {
		return nil, err
	}
	byKey := map[[2]string]interfaceRow{}
	for item, l := range ps {
		for _, p := range l {
			byKey[[2]string{item, p.key()}] = p
		}
	}
	staleFrom := s.d.DB.Clock().Now().Add(-set.stale())
	out := make([]Edge, len(rows))
	for n, r := range rows {
		to := r.BItem
		if to == "" {
			to = unknownPrefix + r.BUnknown + "\n" + r.BLabel
		}
		e := Edge{ID: r.ID, From: r.AItem, To: to, FromPort: r.APort, ToPort: r.BPort, Kind: "link", Evidence: r.Evidence, Confidence: r.Confidence, Stale: r.LastSeen.Before(staleFrom), FirstSeen: utc(r.FirstSeen), LastSeen: utc(r.LastSeen)}
		for _, k := range [][2]string{{r.AItem, r.APort}, {r.BItem, r.BPort}} {
			p, ok := byKey[k]
			if !ok {
				continue
			}
			if p.SpeedBPS > 0 && (e.SpeedBPS == 0 || p.SpeedBPS < e.SpeedBPS) {
				e.SpeedBPS = p.SpeedBPS
			}
			if !p.OperUp {
				e.State = "down"
			} else if e.State == "" {
				e.State = "up"
			}
		}
		out[n] = e
	}
	return out, nil
}

func utc(t time.Time) *time.Time { t = t.UTC(); return &t }

const (
	unknownPrefix = "unknown:"
	subnetPrefix  = "subnet:"
)

// subnetEdges lead from items to the subnets of their addresses.
func (s *Service) subnetEdges(ctx context.Context, q bun.IDB) ([]Edge, error) {
	rows, err := read[addressRow](ctx, q, nil, "item_id, address, source")
	if err != nil {
		return nil, err
	}
	ps, err := ports(ctx, q, nil)
	if err != nil {
		return nil, err
	}
	names := map[string]interfaceRow{}
	for item, l := range ps {
		for _, p := range l {
			if p.nameless() {
				continue
			}
			names[fmt.Sprint(item, " ", p.Index)] = p
		}
	}
	rows = believed(rows, ofAddress)
	place := placer(rows)
	var out []Edge
	seen := map[string]bool{}
	for _, r := range rows {
		if names[fmt.Sprint(r.ItemID, " ", r.Index)].inner() {
			continue
		}
		net, ok := place(r)
		k := r.ItemID + " " + net + " " + r.Address
		if !ok || seen[k] {
			continue
		}
		seen[k] = true
		e := Edge{ID: k, From: r.ItemID, To: subnetPrefix + net, FromPort: r.Address, Kind: "address", Confidence: 1}
		if p, ok := names[fmt.Sprint(r.ItemID, " ", r.Index)]; ok {
			e.ToPort, e.SpeedBPS = p.key(), p.SpeedBPS
			e.State = map[bool]string{true: "up", false: "down"}[p.OperUp]
		}
		out = append(out, e)
	}
	return out, nil
}

// subnet names the subnet of an address; none for loopback, link-local and single
// addresses.
func subnet(r addressRow) (string, bool) {
	ip, err := netip.ParseAddr(r.Address)
	if err != nil || ip.IsLoopback() || ip.IsLinkLocalUnicast() || r.Prefix == 0 || r.Prefix >= ip.BitLen() {
		return "", false
	}
	p, err := ip.Prefix(r.Prefix)
	if err != nil {
		return "", false
	}
	if r.VRF != "" {
		return p.String() + " (" + r.VRF + ")", true
	}
	return p.String(), true
}

// placer gives the subnet of an address also where its prefix is not known: that is
// the smallest that some interface is in.
func placer(rows []addressRow) func(addressRow) (string, bool) {
	known := map[netip.Prefix]bool{}
	for _, r := range rows {
		if ip, err := netip.ParseAddr(r.Address); err == nil && r.Prefix > 0 && r.Prefix < ip.BitLen() && r.VRF == "" {
			if p, err := ip.Prefix(r.Prefix); err == nil {
				known[p] = true
			}
		}
	}
	return func(r addressRow) (string, bool) {
		ip, err := netip.ParseAddr(r.Address)
		if err != nil || r.Prefix > 0 || r.VRF != "" {
			return subnet(r)
		}
		for bits := ip.BitLen() - 1; bits > 0; bits-- {
			if p, err := ip.Prefix(bits); err == nil && known[p] {
				r.Prefix = bits
				return subnet(r)
			}
		}
		return "", false
	}
}

// serviceEdges are relations, and what connections propose.
func (s *Service) serviceEdges(ctx context.Context, q bun.IDB) ([]Edge, error) {
	rels, err := s.graph.Relations(ctx, q, []string{"depends_on", "runs_on", "part_of"}, 300_000)
	if err != nil {
		return nil, err
	}
	out := make([]Edge, 0, len(rels))
	for _, r := range rels {
		out = append(out, Edge{ID: r.FromID + " " + r.Type + " " + r.ToID, From: r.FromID, To: r.ToID, Kind: r.Type, Confidence: 1})
	}
	ps, err := s.proposals(ctx, q, "")
	if err != nil {
		return nil, err
	}
	es, err := s.edges(ctx, q, ps)
	for i := range es {
		es[i].Kind = "proposed"
	}
	return append(out, es...), err
}

// place makes the nodes of the edges, of those that whoever acts may see.
func (s *Service) place(ctx context.Context, q bun.IDB, k *sketch, edges []Edge) error {
	ids := map[string]bool{}
	for i := range edges {
		e := &edges[i]
		ids[e.From] = true
		if name, ok := strings.CutPrefix(e.To, unknownPrefix); ok {
			key, label, _ := strings.Cut(name, "\n")
			e.To = unknownPrefix + key
			k.nodes[e.To] = &Node{ID: e.To, Name: cmp.Or(label, key), Kind: "unknown"}
		} else if name, ok := strings.CutPrefix(e.To, subnetPrefix); ok {
			k.nodes[e.To] = &Node{ID: e.To, Name: name, Kind: "subnet", Subnet: name}
		} else {
			ids[e.To] = true
		}
	}
	list := make([]string, 0, len(ids))
	for i := range ids {
		list = append(list, i)
	}
	slices.Sort(list)
	items, err := s.graph.Nodes(ctx, q, list)
	if err != nil {
		return err
	}
	for _, i := range items {
		k.nodes[i.ID] = &Node{ID: i.ID, Name: i.Name, Title: i.Title, Kind: i.Kind, Role: textOf(i, "role"), Site: cmp.Or(textOf(i, "site"), textOf(i, "location"))}
	}
	nets, err := read[addressRow](ctx, q, list, "item_id, address")
	if err != nil {
		return err
	}
	nets = believed(nets, ofAddress)
	in := placer(nets)
	for _, r := range nets {
		if n := k.nodes[r.ItemID]; n != nil && n.Subnet == "" {
			n.Subnet, _ = in(r)
		}
	}
	for _, e := range edges {
		if a, b := k.nodes[e.From], k.nodes[e.To]; a != nil && b != nil && a != b {
			a.Degree++
			b.Degree++
			k.edges = append(k.edges, e)
		}
	}
	// What hangs on nothing that may be seen tells of nothing.
	for nodeID, n := range k.nodes {
		if n.Degree == 0 {
			delete(k.nodes, nodeID)
		}
	}
	return nil
}

// textOf reads a label, or else an attribute.
func textOf(n estate.Node, key string) string {
	if v := n.Labels[key]; v != "" {
		return v
	}
	v, _ := n.Attributes[key].(string)
	return v
}

// narrow keeps what was asked for.
func (k *sketch) narrow(ask Query) {
	if ask.Root != "" {
		k.around(ask.Root, ask.Depth)
	}
	if ask.Site == "" && ask.Text == "" {
		return
	}
	text := strings.ToLower(ask.Text)
	match := func(n *Node) bool {
		return (ask.Site == "" || n.Site == ask.Site) && (text == "" || strings.Contains(strings.ToLower(n.Name+"\n"+n.Title), text))
	}
	near := map[string]bool{}
	for _, e := range k.edges {
		if match(k.nodes[e.From]) {
			near[e.To] = true
		}
		if match(k.nodes[e.To]) {
			near[e.From] = true
		}
	}
	k.keep(func(n *Node) bool {
		// Subnets and strangers have no site: they come with their neighbors.
		return match(n) || near[n.ID] && (n.Kind == "subnet" || n.Kind == "unknown" || text != "")
	})
}

func (k *sketch) keep(want func(*Node) bool) {
	for nodeID, n := range k.nodes {
		if !want(n) {
			delete(k.nodes, nodeID)
		}
	}
	k.edges = slices.DeleteFunc(k.edges, func(e Edge) bool { return k.nodes[e.From] == nil || k.nodes[e.To] == nil })
}

// around keeps what is within depth edges of the item named root.
func (k *sketch) around(root string, depth int) {
	next := map[string][]string{}
	for _, e := range k.edges {
		next[e.From], next[e.To] = append(next[e.From], e.To), append(next[e.To], e.From)
	}
	far, queue := map[string]int{}, []string{}
	for nodeID, n := range k.nodes {
		if n.Name == root {
			far[nodeID] = 0
			queue = append(queue, nodeID)
		}
	}
	for len(queue) > 0 {
		at := queue[0]
		queue = queue[1:]
		if far[at] >= depth {
			continue
		}
		for _, to := range next[at] {
			if _, seen := far[to]; !seen {
				far[to] = far[at] + 1
				queue = append(queue, to)
			}
		}
	}
	k.keep(func(n *Node) bool { _, in := far[n.ID]; return in })
}

// cut keeps the nodes with the most edges when there are too many.
func (k *sketch) cut() string {
	said := ""
	if total := len(k.nodes); total > maxNodes {
		all := make([]*Node, 0, total)
		for _, n := range k.nodes {
			all = append(all, n)
		}
		slices.SortFunc(all, func(a, b *Node) int { return cmp.Or(cmp.Compare(b.Degree, a.Degree), cmp.Compare(a.Name, b.Name)) })
		in := map[string]bool{}
		for _, n := range all[:maxNodes] {
			in[n.ID] = true
		}
		k.keep(func(n *Node) bool { return in[n.ID] })
		said = fmt.Sprintf("The map has %d nodes; the %d with the most connections are shown. Choose a site or a starting point to see the rest.", total, maxNodes)
	}
	if total := len(k.edges); total > maxEdges {
		k.edges = k.edges[:maxEdges]
		said = strings.TrimSpace(fmt.Sprintf("%s Of %d connections, %d are drawn.", said, total, maxEdges))
	}
	return said
}
