package packet

import (
	"context"
	"slices"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/httpapi"
	corepacket "github.com/mainstay-ops/mainstay/internal/core/packet"
	"github.com/mainstay-ops/mainstay/internal/core/packet/index"
	"github.com/mainstay-ops/mainstay/internal/core/packet/session"
	"github.com/mainstay-ops/mainstay/internal/core/packet/stats"
	"github.com/mainstay-ops/mainstay/internal/observe"
)

const mostRows = 5000 // of a table that is sent

// Talk is a session, or all sessions of two addresses.
type Talk struct {
	Protocol   string    `json:"protocol"`
	Src        string    `json:"src"`
	SrcPort    uint16    `json:"src_port,omitempty"`
	Dst        string    `json:"dst"`
	DstPort    uint16    `json:"dst_port,omitempty"`
	First      time.Time `json:"first"`
	Last       time.Time `json:"last"`
	SrcPackets uint64    `json:"src_packets"`
	SrcBytes   uint64    `json:"src_bytes"`
	DstPackets uint64    `json:"dst_packets"`
	DstBytes   uint64    `json:"dst_bytes"`
	Protocols  []string  `json:"protocols"`
	Stream     int       `json:"stream" doc:"As in tcp.stream or udp.stream; -1 where there is none."`
	Sessions   int       `json:"sessions"`
}

// Tables is a table of a whole capture.
type Tables[T any] struct {
	Items []T `json:"items"`
	Total int `json:"total" doc:"More than the items when the table is cut."`
}

type talksIn struct {
	IDIn
	By string `query:"by" enum:"session,address" default:"session" doc:"address joins all sessions of two addresses."`
}

// Point is a moment of a graph: seconds since 1970 and a value.
type Point [2]float64

// Line is a filter over time.
type Line struct {
	Filter string    `json:"filter"`
	Values []float64 `json:"values"`
	Total  int       `json:"total" doc:"Packets that it chooses."`
}

// Graph is packets or bytes over time.
type Graph struct {
	Start    time.Time `json:"start"`
	Interval float64   `json:"interval" doc:"Seconds."`
	Lines    []Line    `json:"lines"`
}

type graphIn struct {
	IDIn
	Filter []string `query:"filter,explode" maxItems:"8" doc:"One line for each; none is all packets."`
	Unit   string   `query:"unit" enum:"packets,bytes" default:"packets"`
	Points int      `query:"points" minimum:"10" maximum:"2000" default:"300"`
}

// StreamIn is a conversation of a capture in the path.
type StreamIn struct {
	IDIn
	Conversation uint64 `path:"conversation" minimum:"1"`
}

type followIn struct {
	StreamIn
	Max int `query:"max" minimum:"1" maximum:"4194304" default:"262144" doc:"Bytes."`
}

// Said is a run of bytes of one side.
type Said struct {
	Server bool      `json:"server"`
	Number int       `json:"number" doc:"Packet of its first byte."`
	Time   time.Time `json:"time"`
	Data   []byte    `json:"data" doc:"Base64."`
	Gap    int       `json:"gap,omitempty" doc:"Bytes that are missing before it."`
}

// Stream is what both sides of a conversation said.
type Stream struct {
	Protocol    string `json:"protocol" enum:"tcp,udp,other"`
	Client      string `json:"client"`
	Server      string `json:"server"`
	ClientBytes int    `json:"client_bytes"`
	ServerBytes int    `json:"server_bytes"`
	Cut         bool   `json:"cut" doc:"More was said than is here."`
	Pieces      []Said `json:"pieces"`
}

// Timing is how a TCP connection went: round trips and throughput.
type Timing struct {
	RTT        []Point `json:"rtt" doc:"Seconds until bytes of the capture's near side were acknowledged, at the time of the acknowledgment."`
	ToServer   []Point `json:"to_server" doc:"Bits per second."`
	ToClient   []Point `json:"to_client" doc:"Bits per second."`
	Handshake  float64 `json:"handshake,omitempty" doc:"Round trip of the handshake in seconds; absent when it was not captured."`
	Packets    int     `json:"packets"`
	Retransmit int     `json:"retransmissions"`
}

type findingsIn struct {
	IDIn
	Kind     string `query:"kind" maxLength:"100"`
	Position int    `query:"position" minimum:"0"`
	Limit    int    `query:"limit" minimum:"1" maximum:"500" default:"100"`
}

// FoundPacket is a packet with findings.
type FoundPacket struct {
	Row
	Details []string `json:"details"`
}

func (s *Service) statisticRoutes(api *httpapi.API) {
	const base = "/api/v1/captures/{id}"
	op := func(id, path, summary string) httpapi.Op {
		return httpapi.Op{ID: id, Method: "GET", Path: base + path, Need: observe.ReadCaptures, Tag: tag, Summary: summary}
	}
	httpapi.Handle(api, op("list-capture-conversations", "/conversations", "Who talked to whom, the busiest first"),
		with(s, func(in *talksIn) string { return in.ID }, func(_ context.Context, o *opened, in *talksIn) (Tables[Talk], error) {
			return talks(o.index.Sessions(), in.By == "address"), nil
		}))
	httpapi.Handle(api, op("list-capture-endpoints", "/endpoints", "Addresses with what they sent and received, the busiest first"),
		with(s, func(in *IDIn) string { return in.ID }, func(_ context.Context, o *opened, _ *IDIn) (Tables[*stats.Endpoint], error) {
			all := stats.Endpoints(slices.Values(o.index.Sessions()))
			return Tables[*stats.Endpoint]{Items: append([]*stats.Endpoint{}, all[:min(len(all), mostRows)]...), Total: len(all)}, nil
		}))
	httpapi.Handle(api, op("get-capture-hierarchy", "/hierarchy", "Packets and bytes by protocol"),
		with(s, func(in *IDIn) string { return in.ID }, func(_ context.Context, o *opened, _ *IDIn) (Tables[*stats.Layer], error) {
			l := o.index.Totals().Layers
			return Tables[*stats.Layer]{Items: append([]*stats.Layer{}, l...), Total: len(l)}, nil
		}))
	httpapi.Handle(api, op("list-capture-findings", "/findings", "What is noteworthy, with what it means"),
		with(s, func(in *IDIn) string { return in.ID }, func(_ context.Context, o *opened, _ *IDIn) (Tables[*stats.Finding], error) {
			f := o.index.Totals().Findings
			return Tables[*stats.Finding]{Items: append([]*stats.Finding{}, f...), Total: len(f)}, nil
		}))
	httpapi.Handle(api, op("list-capture-finding-packets", "/finding-packets", "Packets with findings, all or of one kind"),
		with(s, func(in *findingsIn) string { return in.ID }, func(_ context.Context, o *opened, in *findingsIn) (Tables[FoundPacket], error) {
			return o.findings(in)
		}))
	httpapi.Handle(api, op("get-capture-graph", "/graph", "Packets or bytes over time, a line for each display filter"),
		with(s, func(in *graphIn) string { return in.ID }, func(ctx context.Context, o *opened, in *graphIn) (Graph, error) { return o.graph(ctx, in) }))
	httpapi.Handle(api, op("follow-capture-stream", "/streams/{conversation}", "What both sides of a conversation said"),
		with(s, func(in *followIn) string { return in.ID }, func(ctx context.Context, o *opened, in *followIn) (Stream, error) {
			return o.follow(ctx, in.Conversation, in.Max)
		}))
	httpapi.Handle(api, op("get-capture-stream-timing", "/streams/{conversation}/timing", "Round trips and throughput of a TCP connection"),
		with(s, func(in *StreamIn) string { return in.ID }, func(_ context.Context, o *opened, in *StreamIn) (Timing, error) {
			return o.timing(in.Conversation)
		}))
	httpapi.Handle(api, op("list-capture-objects", "/objects", "What was transferred over HTTP and can be taken out"),
		with(s, func(in *IDIn) string { return in.ID }, func(_ context.Context, o *opened, _ *IDIn) (Tables[index.Object], error) {
			l := o.index.Totals().Objects
			return Tables[index.Object]{Items: append([]index.Object{}, l[:min(len(l), mostRows)]...), Total: len(l)}, nil
		}))
}

// with opens the capture of an operation.
func with[In, Out any](s *Service, captureID func(*In) string, f func(context.Context, *opened, *In) (Out, error)) func(context.Context, *In) (*httpapi.Body[Out], error) {
	return func(ctx context.Context, in *In) (*httpapi.Body[Out], error) {
		o, done, err := s.use(ctx, captureID(in))
		if err != nil {
			return nil, err
		}
		defer done()
		out, err := f(ctx, o, in)
		if index.IsNone(err) {
			err = errs.New(errs.NotFound, "The capture has no such conversation.")
		}
		return &httpapi.Body[Out]{Body: out}, err
	}
}

func talks(all []*session.Session, byAddress bool) Tables[Talk] {
	out := Tables[Talk]{Items: []Talk{}}
	if byAddress {
		for _, c := range stats.Conversations(slices.Values(all)) {
			out.Items = append(out.Items, Talk{Src: c.A, Dst: c.B, First: c.First, Last: c.Last, SrcPackets: c.APackets, SrcBytes: c.ABytes, DstPackets: c.BPackets, DstBytes: c.BBytes, Protocols: []string{}, Stream: -1, Sessions: c.Sessions})
		}
	} else {
		for _, x := range all {
			t := Talk{
				Protocol: x.Protocol, Src: x.Src, SrcPort: x.SrcPort, Dst: x.Dst, DstPort: x.DstPort, First: x.First, Last: x.Last, SrcPackets: x.SrcPackets,
				SrcBytes: x.SrcBytes, DstPackets: x.DstPackets, DstBytes: x.DstBytes, Protocols: append([]string{}, x.Protocols...), Stream: x.Stream, Sessions: 1,
			}
			out.Items = append(out.Items, t)
		}
		slices.SortStableFunc(out.Items, func(a, b Talk) int { return int(int64(b.SrcBytes+b.DstBytes) - int64(a.SrcBytes+a.DstBytes)) })
	}
	out.Total = len(out.Items)
	out.Items = out.Items[:min(len(out.Items), mostRows)]
	return out
}

func (o *opened) findings(in *findingsIn) (Tables[FoundPacket], error) {
	out := Tables[FoundPacket]{Items: []FoundPacket{}}
	numbers, err := o.index.WithFinding(corepacket.FindingKind(in.Kind))
	if err != nil {
		return out, err
	}
	out.Total = len(numbers)
	if in.Position >= len(numbers) {
		return out, nil
	}
	rows, err := o.index.Rows(numbers[in.Position:min(in.Position+in.Limit, len(numbers))])
	for _, r := range rows {
		p := FoundPacket{Row: packetRow(r), Details: []string{}}
		for _, f := range r.Findings {
			if (in.Kind == "" || string(f.Kind) == in.Kind) && f.Detail != "" {
				p.Details = append(p.Details, f.Detail)
			}
		}
		out.Items = append(out.Items, p)
	}
	return out, err
}

func (o *opened) graph(ctx context.Context, in *graphIn) (Graph, error) {
	t := o.index.Totals()
	filters := in.Filter
	if len(filters) == 0 {
		filters = []string{""}
	}
	span := max(t.Last.Sub(t.First), time.Millisecond)
	step := span/time.Duration(in.Points) + 1
	out := Graph{Start: t.First.UTC(), Interval: step.Seconds(), Lines: []Line{}}
	for _, src := range filters {
		found, total, err := o.match(ctx, src)
		if err != nil {
			return out, err
		}
		l := Line{Filter: src, Values: make([]float64, in.Points), Total: total}
		if found == nil || len(found) > 0 {
			err = o.index.Times(found, func(_ int, at time.Time, n int) {
				i := min(max(int(at.Sub(t.First)/step), 0), in.Points-1)
				if in.Unit == "bytes" {
					l.Values[i] += float64(n)
				} else {
					l.Values[i]++
				}
			})
			if err != nil {
				return out, err
			}
		}
		out.Lines = append(out.Lines, l)
	}
	return out, nil
}

func (o *opened) follow(ctx context.Context, conversation uint64, most int) (Stream, error) {
	f, err := o.index.Follow(ctx, conversation, most)
	if err != nil {
		return Stream{Pieces: []Said{}}, err
	}
	out := Stream{Protocol: "other", Client: f.Talk.Client.String(), Server: f.Talk.Server.String(), ClientBytes: f.Client, ServerBytes: f.Server, Cut: f.Cut, Pieces: []Said{}}
	switch f.Talk.Protocol {
	case 6:
		out.Protocol = "tcp"
	case 17:
		out.Protocol = "udp"
	}
	for _, p := range f.Pieces {
		out.Pieces = append(out.Pieces, Said{Server: p.FromServer, Number: p.Number, Time: p.Time, Data: p.Data, Gap: p.Gap})
	}
	return out, nil
}

const mostPoints = 2000

func (o *opened) timing(conversation uint64) (Timing, error) {
	out := Timing{RTT: []Point{}, ToServer: []Point{}, ToClient: []Point{}}
	numbers, err := o.index.Conversation(conversation)
	if err != nil {
		return out, err
	}
	if len(numbers) == 0 {
		return out, errs.New(errs.NotFound, "The capture has no such conversation.")
	}
	out.Packets = len(numbers)
	rows, err := o.index.Rows(numbers)
	if err != nil {
		return out, err
	}
	first, last := rows[0].Time, rows[len(rows)-1].Time
	step := max(last.Sub(first)/200, 10*time.Millisecond)
	at := map[int]time.Time{}
	sums := [2]map[int]float64{{}, {}}
	most := 0
	for _, r := range rows {
		at[r.Number] = r.Time
		k, i := max(int(r.Time.Sub(first)/step), 0), 0
		if r.FromServer {
			i = 1
		}
		sums[i][k] += float64(r.Length) * 8
		most = max(most, k)
		for _, f := range r.Findings {
			switch f.Kind {
			case corepacket.FindRetransmission, corepacket.FindFastRetransmission, corepacket.FindSpurious:
				out.Retransmit++
			}
		}
	}
	for k := range most + 1 {
		t := float64(first.Add(time.Duration(k)*step).UnixNano()) / 1e9
		out.ToServer = append(out.ToServer, Point{t, sums[0][k] / step.Seconds()})
		out.ToClient = append(out.ToClient, Point{t, sums[1][k] / step.Seconds()})
	}
	if err := o.index.Values(corepacket.Lookup("tcp.analysis.ack_rtt"), numbers, func(n int, v uint64) {
		out.RTT = append(out.RTT, Point{float64(at[n].UnixNano()) / 1e9, float64(v) / 1e9})
	}); err != nil {
		return out, err
	}
	for len(out.RTT) > mostPoints { // every second one
		half := out.RTT[:0]
		for i := 0; i < len(out.RTT); i += 2 {
			half = append(half, out.RTT[i])
		}
		out.RTT = half
	}
	return out, o.index.Values(corepacket.Lookup("tcp.analysis.initial_rtt"), numbers, func(_ int, v uint64) { out.Handshake = float64(v) / 1e9 })
}
