package packet

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/httpapi"
	corepacket "github.com/mainstay-ops/mainstay/internal/core/packet"
	"github.com/mainstay-ops/mainstay/internal/core/packet/filter"
	"github.com/mainstay-ops/mainstay/internal/core/packet/index"
	"github.com/mainstay-ops/mainstay/internal/observe"
)

// complete helps whoever writes a filter.
func complete(src string, at int) Completion {
	out := Completion{Items: filter.Complete(src, at, 30)}
	if out.Items == nil {
		out.Items = []filter.Suggestion{}
	}
	if _, err := filter.Compile(src); err != nil {
		var e *filter.Error
		if errors.As(err, &e) {
			out.Message = e.Error()
			out.From = len([]rune(src[:min(e.Pos, len(src))]))
			out.To = max(len([]rune(src[:min(max(e.End, e.Pos), len(src))])), out.From+1)
		}
	}
	return out
}

// Row is a packet in the list.
type Row struct {
	Number       int       `json:"number"`
	Time         time.Time `json:"time"`
	Src          string    `json:"src"`
	Dst          string    `json:"dst"`
	Protocol     string    `json:"protocol"`
	Length       int       `json:"length"`
	Info         string    `json:"info"`
	Findings     []string  `json:"findings,omitempty" doc:"Kinds, such as tcp_retransmission."`
	Severity     string    `json:"severity,omitempty" enum:"note,warning,error" doc:"Of the worst finding."`
	Conversation uint64    `json:"conversation,omitempty" doc:"Number for follow and timing; absent when it belongs to none."`
}

// List is a part of the list.
type List struct {
	Items    []Row     `json:"items"`
	Position int       `json:"position" doc:"Place of the first item among those that the filter chooses, from 0."`
	Total    int       `json:"total" doc:"How many the filter chooses."`
	Packets  int       `json:"packets" doc:"How many the capture has so far."`
	First    time.Time `json:"first" doc:"Time of the first packet of the capture."`
}

type packetsIn struct {
	IDIn
	Filter   string `query:"filter" maxLength:"4096" doc:"A display filter in Wireshark's syntax."`
	Position int    `query:"position" minimum:"0" doc:"Where to begin among those that the filter chooses."`
	Around   int    `query:"around" minimum:"0" doc:"Instead: so that the packet of this number, or the next one after it, is in the middle."`
	Limit    int    `query:"limit" minimum:"1" maximum:"500" default:"100"`
}

// NumberIn is a packet of a capture in the path.
type NumberIn struct {
	IDIn
	Number int `path:"number" minimum:"1"`
}

// Bytes are what fields point into.
type Bytes struct {
	Name string `json:"name"`
	Data []byte `json:"data" doc:"Base64."`
	Size int    `json:"size"`
}

// Explained is a finding of one packet.
type Explained struct {
	Kind     string `json:"kind"`
	Severity string `json:"severity" enum:"note,warning,error"`
	Title    string `json:"title"`
	Meaning  string `json:"meaning"`
	Detail   string `json:"detail,omitempty"`
}

// Detail is one packet taken apart.
type Detail struct {
	Row
	Captured int                `json:"captured" doc:"Bytes that were kept."`
	Tree     []*corepacket.Node `json:"tree"`
	Sources  []Bytes            `json:"sources" doc:"The frame, and bytes put together from several packets."`
	Explain  []Explained        `json:"explain"`
	Position int                `json:"position" doc:"Place among those that the filter chooses; -1 when it does not choose this one."`
}

type packetIn struct {
	NumberIn
	Filter string `query:"filter" maxLength:"4096"`
}

const mostSource = 64 << 10 // bytes of one source that are sent

func (s *Service) packetRoutes(api *httpapi.API) {
	const base = "/api/v1/captures/{id}/packets"
	httpapi.Handle(api, httpapi.Op{ID: "list-packets", Method: "GET", Path: base, Need: observe.ReadCaptures, Tag: tag, Summary: "Packets of a capture that a display filter chooses, from any place"},
		func(ctx context.Context, in *packetsIn) (*httpapi.Body[List], error) {
			o, done, err := s.use(ctx, in.ID)
			if err != nil {
				return nil, err
			}
			defer done()
			l, err := o.list(ctx, in.Filter, in.Position, in.Around, in.Limit)
			return &httpapi.Body[List]{Body: l}, err
		})
	httpapi.Handle(api, httpapi.Op{ID: "get-packet", Method: "GET", Path: base + "/{number}", Need: observe.ReadCaptures, Tag: tag, Summary: "One packet: its fields with the places of their bytes, and the bytes"},
		func(ctx context.Context, in *packetIn) (*httpapi.Body[Detail], error) {
			o, done, err := s.use(ctx, in.ID)
			if err != nil {
				return nil, err
			}
			defer done()
			d, err := o.one(ctx, in.Number, in.Filter)
			return &httpapi.Body[Detail]{Body: d}, err
		})
}

func (o *opened) list(ctx context.Context, src string, position, around, limit int) (List, error) {
	out := List{Items: []Row{}}
	found, total, err := o.match(ctx, src)
	if err != nil {
		return out, err
	}
	out.Total, out.Packets = total, o.index.Len()
	if around > 0 {
		position = around - 1
		if found != nil {
			position, _ = slices.BinarySearch(found, uint32(around))
		}
		position = max(min(position, total-1)-limit/2, 0)
	}
	out.Position = position
	var numbers []uint32
	switch {
	case position >= total:
	case found != nil:
		numbers = found[position:min(position+limit, total)]
	default:
		for n := position; n < min(position+limit, total); n++ {
			numbers = append(numbers, uint32(n+1))
		}
	}
	if out.Packets > 0 {
		if err := o.index.Times([]uint32{1}, func(_ int, at time.Time, _ int) { out.First = at.UTC() }); err != nil {
			return out, err
		}
	}
	rows, err := o.index.Rows(numbers)
	for _, r := range rows {
		out.Items = append(out.Items, packetRow(r))
	}
	return out, err
}

var worse = map[corepacket.Severity]int{"": 0, corepacket.Note: 1, corepacket.Warning: 2, corepacket.Error: 3}

func packetRow(r index.Row) Row {
	v := Row{Number: r.Number, Time: r.Time, Src: r.Src, Dst: r.Dst, Protocol: r.Protocol, Length: r.Length, Info: r.Info, Conversation: r.Conversation}
	worst := corepacket.Severity("")
	for _, f := range r.Findings {
		if k := string(f.Kind); !slices.Contains(v.Findings, k) {
			v.Findings = append(v.Findings, k)
		}
		if sev := corepacket.Explain(f.Kind).Severity; worse[sev] > worse[worst] {
			worst = sev
		}
	}
	v.Severity = string(worst)
	return v
}

func (o *opened) one(ctx context.Context, number int, src string) (Detail, error) {
	var out Detail
	rows, err := o.index.Rows([]uint32{uint32(min(number, 1<<31))})
	if err != nil {
		return out, err
	}
	if len(rows) == 0 {
		return out, errs.New(errs.NotFound, "The capture has no packet %d.", number)
	}
	p, c, err := o.index.One(ctx, number)
	if err != nil {
		return out, err
	}
	out = Detail{Row: packetRow(rows[0]), Captured: len(c.Data), Tree: p.Tree(), Sources: []Bytes{}, Explain: []Explained{}, Position: number - 1}
	for _, b := range p.Sources {
		out.Sources = append(out.Sources, Bytes{Name: b.Name, Data: b.Data[:min(len(b.Data), mostSource)], Size: len(b.Data)})
	}
	for _, f := range rows[0].Findings {
		e := corepacket.Explain(f.Kind)
		out.Explain = append(out.Explain, Explained{Kind: string(f.Kind), Severity: string(e.Severity), Title: e.Title, Meaning: e.Meaning, Detail: f.Detail})
	}
	found, _, err := o.match(ctx, src)
	if err != nil {
		return out, err
	}
	if found != nil {
		i, ok := slices.BinarySearch(found, uint32(number))
		if out.Position = i; !ok {
			out.Position = -1
		}
	}
	return out, nil
}
