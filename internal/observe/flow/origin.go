package flow

import (
	"cmp"
	"net/netip"
	"strings"

	"github.com/mainstay-ops/mainstay/internal/observe"
)

// origin is an exporter: its address, and the edge that it reports to. Two sites may
// use the same addresses, so the address alone does not say who it is.
type origin struct {
	edge string // empty for those that report to the server
	addr netip.Addr
}

// String is the address, and behind an @ the name of the edge.
func (o origin) String() string {
	if o.edge == "" {
		return o.addr.String()
	}
	return o.addr.String() + "@" + o.edge
}

// site is what the dimension edge says of what it reports.
func (o origin) site() string { return cmp.Or(o.edge, observe.FromServer) }

// parseOrigin reads what String writes.
func parseOrigin(s string) (origin, bool) {
	text, edge, at := strings.Cut(s, "@")
	a, err := netip.ParseAddr(text)
	if err != nil || at && edge == "" {
		return origin{}, false
	}
	return origin{edge, a.Unmap().WithZone("")}, true
}

// siteIn is the value of the dimension edge for a written origin.
func siteIn(exporter string) string {
	if _, edge, ok := strings.Cut(exporter, "@"); ok {
		return edge
	}
	return observe.FromServer
}

// splitPlace takes the index off an interface; the name of an edge may have a slash.
func splitPlace(s string) (exporter, index string, ok bool) {
	i := strings.LastIndexByte(s, '/')
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+1:], true
}
