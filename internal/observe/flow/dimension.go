package flow

import (
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
)

// dimension is something by which traffic is told apart.
type dimension struct {
	name, title string
	// fields of a stored record that hold its values. One with two counts a record for
	// both ends, once if they are the same.
	fields []string
	// column is where a conversation has it; -1 when it has not. With two fields the
	// second is in the next column.
	column int
	kind   valueKind
}

type valueKind int

const (
	anAddress valueKind = iota
	aNetwork
	aPort
	aService
	aText
	aNumber
	anInterface
	anExporter
	aPair
)

// The columns of the conversations that are kept for filters.
const (
	colSrc = iota
	colDst
	colIn
	colOut
	colSrcNet
	colDstNet
	colExporter
	colService
	colApp
	colSide // toServer, or empty
	columns
)

var dimensions = []dimension{
	{"src", "Source", []string{"src"}, colSrc, anAddress},
	{"dst", "Destination", []string{"dst"}, colDst, anAddress},
	{"address", "Address", []string{"src", "dst"}, colSrc, anAddress},
	{"pair", "Source and destination", []string{"src", "dst"}, colSrc, aPair},
	{"src_net", "Source network", []string{"src_net"}, colSrcNet, aNetwork},
	{"dst_net", "Destination network", []string{"dst_net"}, colDstNet, aNetwork},
	{"app", "Application", []string{"app"}, colApp, aText},
	{"service", "Service port", []string{"service"}, colService, aService},
	{"src_port", "Source port", []string{"src_port"}, -1, aPort},
	{"dst_port", "Destination port", []string{"dst_port"}, -1, aPort},
	{"protocol", "Protocol", []string{"protocol"}, -1, aText},
	{"exporter", "Exporter", []string{"exporter"}, colExporter, anExporter},
	{fEdge, "Site", []string{fEdge}, colExporter, aText},
	{"in", "Interface in", []string{"in"}, colIn, anInterface},
	{"out", "Interface out", []string{"out"}, colOut, anInterface},
	{"interface", "Interface", []string{"in", "out"}, colIn, anInterface},
	{"src_as", "Source AS", []string{"src_as"}, -1, aNumber},
	{"dst_as", "Destination AS", []string{"dst_as"}, -1, aNumber},
	{"dscp", "DSCP", []string{"dscp"}, -1, aNumber},
	{"tcp_flags", "TCP flags", []string{"tcp_flags"}, -1, aNumber},
}

func dimensionOf(name string) *dimension {
	for i := range dimensions {
		if dimensions[i].name == name {
			return &dimensions[i]
		}
	}
	return nil
}

func dimensionNames() []string {
	out := make([]string, len(dimensions))
	for i := range dimensions {
		out[i] = dimensions[i].name
	}
	return out
}

// both tells whether either end of a record may have the value.
func (d *dimension) both() bool { return len(d.fields) == 2 && d.kind != aPair }

// filter keeps records whose dimension has one of the values, or none of them.
type filter struct {
	dim    *dimension
	not    bool
	values []string
	nets   []netip.Prefix // values that are prefixes, of dimensions of addresses
}

const maxFilters = 20

var plainText = regexp.MustCompile(`^[^\x00-\x1f"\\]{1,200}$`)

// parseFilters reads "src:10.0.0.1" and "!app:https". Several of one dimension mean
// one of them; different dimensions must all hold.
func parseFilters(texts []string) ([]filter, error) {
	if len(texts) > maxFilters {
		return nil, errs.Fields(errs.Field{Path: "filter", Message: "may be given at most 20 times"})
	}
	var out []filter
	for _, text := range texts {
		bad := func(msg string) error {
			return errs.Fields(errs.Field{Path: "filter", Value: text, Message: msg})
		}
		rest, not := strings.CutPrefix(text, "!")
		name, value, ok := strings.Cut(rest, ":")
		d := dimensionOf(name)
		if !ok || d == nil {
			return nil, bad("must be a dimension and a value such as src:10.0.0.1; dimensions are " + strings.Join(dimensionNames(), ", "))
		}
		value = strings.TrimSpace(value)
		canon, net, msg := d.value(value)
		if msg != "" {
			return nil, bad(msg)
		}
		i := slices.IndexFunc(out, func(f filter) bool { return f.dim == d && f.not == not })
		if i < 0 {
			i = len(out)
			out = append(out, filter{dim: d, not: not})
		}
		if net.IsValid() {
			out[i].nets = append(out[i].nets, net)
		} else {
			out[i].values = append(out[i].values, canon)
		}
	}
	return out, nil
}

// value writes a value in the form in which it is stored, or tells what would be right.
func (d *dimension) value(s string) (canon string, net netip.Prefix, wrong string) {
	switch d.kind {
	case anAddress:
		if a, err := netip.ParseAddr(s); err == nil {
			return a.Unmap().WithZone("").String(), net, ""
		}
		p, err := netip.ParsePrefix(s)
		if err != nil {
			return "", net, "must be an address such as 10.0.0.1, or a network such as 10.0.0.0/8"
		}
		return "", p.Masked(), ""
	case anExporter:
		o, ok := parseOrigin(s)
		if !ok || !plainText.MatchString(s) {
			return "", net, "must be the address of an exporter such as 10.0.0.1, or 10.0.0.1@branch when it reports to the edge branch"
		}
		return o.String(), net, ""
	case aNetwork:
		p, err := netip.ParsePrefix(s)
		if err != nil {
			return "", net, "must be a network such as 10.0.0.0/24"
		}
		return p.Masked().String(), net, ""
	case aPort:
		if n, err := strconv.ParseUint(s, 10, 16); err != nil || n == 0 {
			return "", net, "must be a port from 1 to 65535"
		}
		return s, net, ""
	case aNumber:
		if _, err := strconv.ParseUint(s, 10, 32); err != nil {
			return "", net, "must be a number"
		}
		return s, net, ""
	case anInterface:
		from, index, ok := splitPlace(s)
		a, aok := parseOrigin(from)
		_, nerr := strconv.ParseUint(index, 10, 32)
		if !ok || !aok || nerr != nil || !plainText.MatchString(s) {
			return "", net, "must be the address of the exporter and the index of the interface, such as 10.0.0.1/3"
		}
		return a.String() + "/" + index, net, ""
	case aPair:
		from, to, ok := strings.Cut(s, ">")
		a, err := netip.ParseAddr(from)
		b, berr := netip.ParseAddr(to)
		if !ok || err != nil || berr != nil {
			return "", net, "must be two addresses such as 10.0.0.1>10.0.0.2"
		}
		return a.Unmap().String() + ">" + b.Unmap().String(), net, ""
	}
	if !plainText.MatchString(s) {
		return "", net, "must be 1 to 200 characters without quotes"
	}
	return s, net, ""
}

// logsQL writes filters for the records in the log engine. IPv6 networks cannot be
// asked for there.
func logsQL(filters []filter) (string, error) {
	parts := []string{}
	for _, f := range filters {
		var any []string
		for _, v := range f.values {
			if f.dim.kind == aPair {
				from, to, _ := strings.Cut(v, ">")
				any = append(any, "(src:="+strconv.Quote(from)+" dst:="+strconv.Quote(to)+")")
				continue
			}
			for _, field := range f.dim.fields {
				any = append(any, strconv.Quote(field)+":="+strconv.Quote(v))
			}
		}
		for _, p := range f.nets {
			if !p.Addr().Is4() {
				return "", errs.Fields(errs.Field{Path: "filter", Value: p.String(), Message: "IPv6 networks can be asked for as src_net and dst_net only"})
			}
			for _, field := range f.dim.fields {
				any = append(any, strconv.Quote(field)+":ipv4_range("+strconv.Quote(p.String())+")")
			}
		}
		text := "(" + strings.Join(any, " or ") + ")"
		if f.not {
			text = "!" + text
		}
		parts = append(parts, text)
	}
	if len(parts) == 0 {
		return "*", nil
	}
	return strings.Join(parts, " "), nil
}

// inConversations tells whether the kept conversations know all that is asked for.
func inConversations(dims []*dimension, filters []filter) bool {
	known := func(d *dimension) bool { return d.column >= 0 || d.name == "protocol" }
	return !slices.ContainsFunc(dims, func(d *dimension) bool { return !known(d) }) && !slices.ContainsFunc(filters, func(f filter) bool { return !known(f.dim) })
}

// valuesIn gives the values of the dimension in a conversation: one, or two.
func (d *dimension) valuesIn(cols []string) (a, b string) {
	switch {
	case d.name == "protocol":
		a, _, _ = strings.Cut(cols[colService], "/")
		return a, ""
	case d.name == fEdge:
		return siteIn(cols[colExporter]), ""
	case d.kind == aPair:
		return cols[colSrc] + ">" + cols[colDst], ""
	case d.both():
		if cols[d.column] == cols[d.column+1] {
			return cols[d.column], ""
		}
		return cols[d.column], cols[d.column+1]
	}
	return cols[d.column], ""
}

// keeps tells whether a conversation passes.
func (f *filter) keeps(cols []string) bool {
	a, b := f.dim.valuesIn(cols)
	return (f.has(a) || f.has(b)) != f.not
}

func (f *filter) has(v string) bool {
	if v == "" {
		return false
	}
	if slices.Contains(f.values, v) {
		return true
	}
	if len(f.nets) == 0 {
		return false
	}
	a, err := netip.ParseAddr(v)
	return err == nil && slices.ContainsFunc(f.nets, func(p netip.Prefix) bool { return p.Contains(a) })
}
