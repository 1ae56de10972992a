package flow

import (
	"context"
	"strconv"
	"strings"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/observe"
)

// Label is how people call a value.
type Label struct {
	Text string `json:"text" doc:"For people; the value itself where there is no other name."`
	Item string `json:"item,omitempty" doc:"Name of the item that it is."`
}

// maxLooked bounds how many addresses of one answer are looked up.
const maxLooked = 5000

// labeler gives names to values, for one answer.
type labeler struct {
	s     *Service
	ctx   context.Context
	items map[string]found
}

func (s *Service) labels(ctx context.Context) *labeler {
	return &labeler{s: s, ctx: ctx, items: map[string]found{}}
}

// found is the item that has an address; zero when there is none.
type found struct{ id, name string }

// itemAt names the item that has an address.
func (l *labeler) itemAt(address string) string {
	return l.find(l.ctx, l.s.d.DB.Reader(), address).name
}

// itemIn is itemAt inside a transaction.
func (l *labeler) itemIn(ctx context.Context, q bun.IDB, address string) string {
	return l.find(ctx, q, address).name
}

func (l *labeler) itemID(address string) string { return l.find(l.ctx, l.s.d.DB.Reader(), address).id }

func (l *labeler) find(ctx context.Context, q bun.IDB, address string) found {
	v, known := l.items[address]
	if known {
		return v
	}
	if l.s.owners != nil && len(l.items) < maxLooked {
		if id, err := l.s.owners.ItemAt(ctx, q, address); err == nil {
			if its, err := l.s.items.ByIDs(ctx, q, []string{id}); err == nil && its[id].Name != "" {
				v = found{its[id].ID, its[id].Name}
			}
		}
	}
	l.items[address] = v
	return v
}

func (l *labeler) of(d *dimension, v string) Label {
	out := Label{Text: v}
	if v == "" {
		out.Text = "not reported"
		return out
	}
	switch {
	case d.name == fExporter:
		if a, ok := parseOrigin(v); ok {
			if x := l.s.exporters.get(a); x != nil {
				x.mu.Lock()
				out.Item = x.item
				x.mu.Unlock()
			}
		}
		if out.Item != "" {
			out.Text = out.Item
			if _, edge, ok := strings.Cut(v, "@"); ok {
				out.Text += " (" + edge + ")"
			}
		}
	case d.name == fEdge:
		if v == observe.FromServer {
			out.Text = "Server"
		}
	case d.kind == anAddress:
		if out.Item = l.itemAt(v); out.Item != "" {
			out.Text = out.Item
		}
	case d.kind == aPair:
		from, to, _ := strings.Cut(v, ">")
		name := func(a string) string {
			if n := l.itemAt(a); n != "" {
				return n
			}
			return a
		}
		out.Text = name(from) + " → " + name(to)
	case d.kind == anInterface:
		out.Text, out.Item = l.iface(v)
	case d.name == "dscp":
		n, _ := strconv.Atoi(v)
		if name := dscpNames[n]; name != "" {
			out.Text = name + " (" + v + ")"
		}
	case d.name == "tcp_flags":
		n, _ := strconv.Atoi(v)
		out.Text = flagsText(n)
	case d.kind == aService:
		proto, port, ok := strings.Cut(v, "/")
		if n, err := strconv.ParseUint(port, 10, 16); ok && err == nil {
			if name, known := portName(protocolNumber(proto), uint16(n)); known {
				out.Text = v + " (" + name + ")"
			}
		}
	case d.kind == aPort:
		if n, err := strconv.ParseUint(v, 10, 16); err == nil {
			if name, known := portName(6, uint16(n)); known {
				out.Text = v + " (" + name + ")"
			}
		}
	case d.name == "src_as" || d.name == "dst_as":
		out.Text = "AS" + v
	}
	return out
}

// iface names an interface with its device.
func (l *labeler) iface(v string) (text, item string) {
	from, index, _ := splitPlace(v)
	a, ok := parseOrigin(from)
	n, nerr := strconv.ParseUint(index, 10, 32)
	if !ok || nerr != nil {
		return v, ""
	}
	name, alias, dev := "interface "+index, "", from
	if x := l.s.exporters.get(a); x != nil {
		if s, d, _ := x.interfaceName(uint32(n)); s != "" {
			name, alias = s, d
		}
		x.mu.Lock()
		item = x.item
		x.mu.Unlock()
	}
	if item != "" {
		dev = item
	}
	text = dev + " · " + name
	if alias != "" && alias != name {
		text += " (" + alias + ")"
	}
	return text, item
}
