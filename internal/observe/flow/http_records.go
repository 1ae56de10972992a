package flow

import (
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/config"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	netflow "github.com/mainstay-ops/mainstay/internal/core/flow"
	"github.com/mainstay-ops/mainstay/internal/core/httpapi"
	"github.com/mainstay-ops/mainstay/internal/core/logdb"
	"github.com/mainstay-ops/mainstay/internal/observe"
)

type recordsIn struct {
	RangeIn
	httpapi.Page
}

// Record is one report of traffic in one direction.
type Record struct {
	At        time.Time         `json:"at" doc:"When it came."`
	Exporter  Label             `json:"exporter"`
	From      Label             `json:"from"`
	To        Label             `json:"to"`
	In        Label             `json:"in"`
	Out       Label             `json:"out"`
	Bytes     uint64            `json:"bytes" doc:"Of the traffic, estimated where packets were sampled."`
	Packets   uint64            `json:"packets"`
	FlowStart *time.Time        `json:"flow_start,omitempty"`
	FlowEnd   *time.Time        `json:"flow_end,omitempty"`
	FlagsText string            `json:"flags_text,omitempty"`
	ClassText string            `json:"class_text,omitempty"`
	Fields    map[string]string `json:"fields" doc:"All that is stored."`
}

func (s *Service) getRecords(ctx context.Context, in *recordsIn) (*httpapi.Body[httpapi.List[Record]], error) {
	if err := all(ctx); err != nil {
		return nil, err
	}
	q, err := s.rangeOf(in.RangeIn)
	if err != nil {
		return nil, err
	}
	if in.Cursor != "" {
		n, err := strconv.ParseInt(in.Cursor, 10, 64)
		if err != nil {
			return nil, errs.New(errs.Invalid, "The cursor is not one of this list.")
		}
		q.to = time.Unix(0, n)
	}
	st := s.store.Load()
	if st == nil {
		return nil, errs.New(errs.Unavailable, "The flow store is not open.")
	}
	where, err := logsQL(q.filters)
	if err != nil {
		return nil, err
	}
	out := make([]Record, 0, in.Limit)
	next := ""
	l := s.labels(ctx)
	if !q.from.Before(q.to) {
		return httpapi.NewList(out, ""), nil
	}
	info, err := st.Query(ctx, logdb.Query{LogsQL: where, From: q.from, To: q.to, Limit: in.Limit}, func(fs []logdb.Field) error {
		out = append(out, l.record(fs))
		return nil
	})
	if err != nil {
		return nil, err
	}
	if info.More && len(out) > 0 {
		next = strconv.FormatInt(out[len(out)-1].At.UnixNano(), 10)
	}
	return httpapi.NewList(out, next), nil
}

func (l *labeler) record(fs []logdb.Field) Record {
	v := Record{Fields: make(map[string]string, len(fs))}
	for _, f := range fs {
		switch f.Name {
		case logdb.Time:
			v.At, _ = time.Parse(time.RFC3339Nano, f.Value)
		case logdb.Stream, logdb.StreamID:
		default:
			v.Fields[f.Name] = f.Value
		}
	}
	side := func(addr string) Label { return l.of(dimensionOf(addr), v.Fields[addr]) }
	v.Exporter, v.From, v.To, v.In, v.Out = side("exporter"), side("src"), side("dst"), side("in"), side("out")
	v.Bytes, v.Packets = wholeNumber(v.Fields["bytes"]), wholeNumber(v.Fields["packets"])
	moment := func(name string) *time.Time {
		if ms, err := strconv.ParseInt(v.Fields[name], 10, 64); err == nil {
			t := time.UnixMilli(ms).UTC()
			return &t
		}
		return nil
	}
	v.FlowStart, v.FlowEnd = moment("start"), moment("end")
	if n, err := strconv.Atoi(v.Fields["tcp_flags"]); err == nil {
		v.FlagsText = flagsText(n)
	}
	if d := v.Fields["dscp"]; d != "" {
		v.ClassText = l.of(dimensionOf("dscp"), d).Text
	}
	return v
}

// Source is what is known of one source of an exporter.
type Source struct {
	Version    string  `json:"version"`
	Domain     uint32  `json:"domain" doc:"Observation domain, source id, engine or sub-agent."`
	Received   uint64  `json:"received" doc:"Since the start of the program, by the sequence numbers: datagrams of NetFlow 9 and sFlow, records of NetFlow 5 and IPFIX."`
	Lost       uint64  `json:"lost" doc:"Missing by the sequence numbers."`
	LostPart   float64 `json:"lost_percent"`
	Restarts   uint64  `json:"restarts"`
	Templates  int     `json:"templates"`
	Waiting    int     `json:"waiting" doc:"Sets of records that wait for their template."`
	NoTemplate uint64  `json:"no_template" doc:"Sets that came before their template."`
	Recovered  uint64  `json:"recovered" doc:"Of these, sets that were read later."`
	Sampling   []int64 `json:"sampling" doc:"Rates told in options data: n of one of n packets."`
}

// Exporter is a device that reports traffic.
type Exporter struct {
	Address      string    `json:"address"`
	Edge         string    `json:"edge,omitempty" doc:"The edge that it reports to; absent for those that report to the server."`
	Value        string    `json:"value" doc:"For filters and paths: the address, and behind an @ the edge."`
	Item         string    `json:"item,omitempty"`
	SentBy       string    `json:"sent_by,omitempty" doc:"Address that its datagrams came from last."`
	First        time.Time `json:"first_seen"`
	Last         time.Time `json:"last_seen"`
	Versions     []string  `json:"versions"`
	Records      uint64    `json:"records"`
	Skipped      uint64    `json:"skipped" doc:"Records without addresses, and those that speak of more than a pebibyte."`
	Bytes        uint64    `json:"bytes" doc:"Of the traffic it reported."`
	Sampling     uint64    `json:"sampling" doc:"One of n packets was looked at, by its last record; 0 when nobody said."`
	Longest      float64   `json:"longest_seconds" doc:"The longest time that one record of the last hour spoke of."`
	Interfaces   int       `json:"interfaces" doc:"Named by SNMP or by itself."`
	Applications int       `json:"applications" doc:"Named by itself."`
	Rate         []float64 `json:"rate" doc:"Records per second, in steps of ten seconds, the newest last."`
	Sources      []Source  `json:"sources"`
}

// Interface is one of an exporter, as flows name it.
type Interface struct {
	Value string `json:"value" doc:"For filters: exporter and index."`
	Index uint32 `json:"index"`
	Name  string `json:"name"`
	Alias string `json:"alias,omitempty"`
	Speed uint64 `json:"speed_bps,omitempty"`
}

// Status is how receiving goes.
type Status struct {
	Ports     []PortState `json:"ports"`
	Stored    uint64      `json:"stored" doc:"Records since the start of the program."`
	Dropped   uint64      `json:"dropped" doc:"Records that could not be stored since the start."`
	Waiting   int         `json:"waiting" doc:"Records that wait to be stored."`
	Rows      uint64      `json:"rows" doc:"Records that are kept."`
	Bytes     uint64      `json:"bytes" doc:"Size of their files."`
	Oldest    *time.Time  `json:"oldest,omitempty"`
	KeepHours float64     `json:"keep_hours"`
	Full      bool        `json:"full" doc:"Nothing is stored because the disk is full."`
}

// PortState is a port for flows.
type PortState struct {
	Name    string `json:"name"`
	Usual   int    `json:"usual"`
	Address string `json:"address,omitempty" doc:"Empty when it is off."`
}

// ExporterIn names an exporter.
type ExporterIn struct {
	Address string `path:"address" maxLength:"300" doc:"The value of the exporter."`
}

// ItemIn names an item.
type ItemIn struct {
	Item string `query:"item" maxLength:"200" doc:"Only that of this item."`
}

func (s *Service) exporterRoutes(api *httpapi.API) {
	const tag, base = "flows", "/api/v1/flows"
	httpapi.Handle(api, httpapi.Op{ID: "list-flow-exporters", Method: "GET", Path: base + "/exporters", Need: observe.ReadFlows, Tag: tag, Summary: "The devices that report traffic, and how well"},
		func(ctx context.Context, in *ItemIn) (*httpapi.Body[httpapi.List[Exporter]], error) {
			if err := all(ctx); err != nil {
				return nil, err
			}
			out := []Exporter{}
			for _, x := range s.exporters.all() {
				s.look(ctx, x, s.now())
				if v := s.view(x); in.Item == "" || v.Item == in.Item {
					out = append(out, v)
				}
			}
			return httpapi.NewList(out, ""), nil
		})
	httpapi.Handle(api, httpapi.Op{ID: "list-flow-interfaces", Method: "GET", Path: base + "/exporters/{address}/interfaces", Need: observe.ReadFlows, Tag: tag, Summary: "The interfaces of an exporter"},
		func(ctx context.Context, in *ExporterIn) (*httpapi.Body[httpapi.List[Interface]], error) {
			if err := all(ctx); err != nil {
				return nil, err
			}
			a, ok := parseOrigin(in.Address)
			x := s.exporters.get(a)
			if !ok || x == nil {
				return nil, errs.New(errs.NotFound, "Nothing came from an exporter with the address %s.", strconv.Quote(in.Address))
			}
			s.look(ctx, x, s.now())
			return httpapi.NewList(x.interfaces(), ""), nil
		})
	httpapi.Handle(api, httpapi.Op{ID: "get-flow-status", Method: "GET", Path: base + "/status", Need: observe.ReadFlows, Tag: tag, Summary: "How receiving of flows goes"}, s.status)
}

func (x *exporter) interfaces() []Interface {
	x.mu.Lock()
	indexes := map[uint32]bool{}
	for i := range x.polled {
		indexes[i] = true
	}
	for i := range x.names.Interfaces {
		indexes[i] = true
	}
	x.mu.Unlock()
	out := make([]Interface, 0, len(indexes))
	for i := range indexes {
		name, alias, speed := x.interfaceName(i)
		out = append(out, Interface{Value: place{x.origin, i}.String(), Index: i, Name: name, Alias: alias, Speed: speed})
	}
	slices.SortFunc(out, func(a, b Interface) int { return int(int64(a.Index) - int64(b.Index)) })
	return out
}

func (s *Service) view(x *exporter) Exporter {
	var sources []netflow.SourceStats
	if x.edge == "" {
		sources = s.decoder.Sources(x.addr)
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.edge != "" {
		sources = x.sources
	}
	v := Exporter{
		Address: x.addr.String(), Edge: x.edge, Value: x.String(), Item: x.item, SentBy: x.figures.SentBy, First: x.first.UTC(), Last: x.last.UTC(), Versions: slices.Clone(x.figures.Versions),
		Records: x.figures.Records, Skipped: x.figures.Skipped, Bytes: x.figures.Bytes, Sampling: x.sampling, Longest: x.longest.Seconds(),
		Interfaces: max(len(x.polled), len(x.names.Interfaces)), Applications: len(x.names.Applications), Rate: x.rate(s.now()), Sources: []Source{},
	}
	if v.Versions == nil {
		v.Versions = []string{}
	}
	for _, c := range sources {
		v.Sources = append(v.Sources, sourceView(c))
	}
	return v
}

func sourceView(c netflow.SourceStats) Source {
	v := Source{
		Version: string(c.Version), Domain: c.Domain, Received: c.Units, Lost: c.Lost, LostPart: share(c.Lost, c.Units+c.Lost), Restarts: c.Restarts,
		Templates: c.Templates, Waiting: c.Waiting, NoTemplate: c.NoTemplate, Recovered: c.Recovered, Sampling: []int64{},
	}
	for _, n := range c.Samplers {
		if i := int64(n.N); !slices.Contains(v.Sampling, i) { //nolint:gosec // the decoder takes rates below 2^32
			v.Sampling = append(v.Sampling, i)
		}
	}
	return v
}

func (s *Service) status(ctx context.Context, _ *struct{}) (*httpapi.Body[Status], error) {
	if err := all(ctx); err != nil {
		return nil, err
	}
	st := s.store.Load()
	if st == nil {
		return nil, errs.New(errs.Unavailable, "The flow store is not open.")
	}
	v, err := st.Stats()
	if err != nil {
		return nil, err
	}
	out := Status{Stored: s.stored.Load(), Dropped: s.dropped.Load(), Rows: v.Rows, Bytes: v.Bytes, Full: v.Full, KeepHours: s.opts.Retention.Hours(), Ports: []PortState{}}
	if !v.Oldest.IsZero() {
		out.Oldest = &v.Oldest
	}
	s.queueMu.Lock()
	out.Waiting = len(s.queue)
	s.queueMu.Unlock()
	for _, p := range config.Ports() {
		if p.Name == "netflow" || p.Name == "ipfix" || p.Name == "sflow" {
			addr, _ := s.d.Config.Listen.Address(p.Name)
			out.Ports = append(out.Ports, PortState{Name: p.Name, Usual: p.Usual, Address: addr})
		}
	}
	return &httpapi.Body[Status]{Body: out}, nil
}
