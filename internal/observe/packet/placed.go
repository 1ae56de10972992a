package packet

import (
	"slices"
	"strings"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/edgewire"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/packet/sniff"
	"github.com/mainstay-ops/mainstay/internal/observe"
)

// fromEdge is where captures come from that an edge took; a row has the name of the edge
// behind a slash.
const fromEdge = "edge"

// edgeGrace is how much longer than its duration a capture on an edge may take: its
// line may have been cut.
const edgeGrace = 5 * time.Minute

// sourceOf writes where a capture comes from.
func sourceOf(from string) string {
	if from == "" || from == observe.FromServer {
		return fromServer
	}
	return fromEdge + "/" + from
}

// origin reads it.
func (r *row) origin() (source, edge string) {
	source, edge, _ = strings.Cut(r.Source, "/")
	return source, edge
}

// permittedAt refuses what cannot work on an edge before anything is written down.
func (s *Service) permittedAt(edge, name string) error {
	if s.places == nil {
		return errs.Fields(errs.Field{Path: "from", Value: edge, Message: "is not an edge"})
	}
	v, err := s.places.Sniffer(edge)
	if err != nil {
		return err
	}
	if v.Problem != "" {
		return errs.New(errs.Invalid, "%s", v.Problem)
	}
	if name != "any" && !slices.ContainsFunc(v.Interfaces, func(i sniff.Interface) bool { return i.Name == name }) {
		return errs.Fields(errs.Field{Path: "interface", Value: name, Message: "is not an interface of the edge " + edge})
	}
	return nil
}

// openSource begins to take packets, here or on an edge.
func (s *Service) openSource(r *row, p *plan) (sniff.Source, error) {
	source, edge := r.origin()
	if source != fromEdge {
		src, err := sniff.Open(p.options)
		if err != nil {
			err = errs.New(errs.Invalid, "%s.", sentence(err))
		}
		return src, err
	}
	o := edgewire.Capture{
		ID: r.ID, Interface: p.options.Interface, Filter: p.options.Filter, Promiscuous: p.options.Promiscuous, HeadersOnly: p.headersOnly,
		Packets: p.packets, Bytes: p.bytes, Duration: p.duration, Ring: p.ring,
	}
	p.duration += edgeGrace // it ends by itself
	return s.places.Capture(edge, o)
}

// placeAt says what an edge can capture.
func (s *Service) placeAt(edge string, out *Place) error {
	if s.places == nil {
		return errs.Fields(errs.Field{Path: "from", Value: edge, Message: "is not an edge"})
	}
	v, err := s.places.Sniffer(edge)
	if errs.Is(err, errs.Unavailable) {
		out.Problem, err = errs.Message(err), nil
	} else {
		out.Problem = v.Problem
	}
	if len(v.Interfaces) > 0 {
		out.Interfaces = v.Interfaces
	}
	return err
}
