// Package signal is the shape in which everything that software says comes in:
// samples, log lines and spans, with the sender they came from. Adapters turn a
// protocol into these shapes, the stores take them, and what stands between
// (limits, counts, the search for the item) sees no protocol.
package signal

import (
	"context"
	"net/netip"
	"time"
)

// Field is a name and a value. Lists of fields keep their order; a name occurs once.
type Field struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Value gives the value of the named field; empty when there is none.
func Value(fs []Field, name string) string {
	for _, f := range fs {
		if f.Name == name {
			return f.Value
		}
	}
	return ""
}

// Source is who sends. It carries what limits and counts are kept by.
type Source struct {
	// Protocol is the name of the adapter: "otlp", "loki", "syslog", "agent".
	Protocol string
	// Sender is the name of the token, agent or edge, or the address of a sender that
	// cannot prove who it is.
	Sender string
	// Address is where it came from; the zero value for what this program itself says.
	Address netip.Addr
}

// Hints are what a signal says about where it belongs. The item is found by the
// first, in the order of the fields, that leads to one.
type Hints struct {
	// Item is the name of an item, for senders that know it.
	Item string
	// MachineID is that of the operating system.
	MachineID string
	// Host is a host name, with or without a domain.
	Host string
	// Service is the name of the program or application (service.name, app).
	Service string
	// Address of the host that it is about. When all fields are empty, the address
	// of the sender is taken instead; a loopback address leads nowhere.
	Address string
}

// Line is one log line.
type Line struct {
	// At is when it was written; the zero value means when it came.
	At time.Time
	// Message is the line as a person reads it. An unparsed line is kept raw.
	Message string
	// Level is one of trace, debug, info, notice, warning, error, critical, alert,
	// emergency; empty when the line does not say.
	Level string
	// Stream identifies where the lines come from (host, app, file, container …).
	// There are few different streams and many lines in each.
	Stream []Field
	// Fields are everything else, such as trace_id, status or user.
	Fields []Field
	Hints  Hints
}

// Sample is one value of one metric.
type Sample struct {
	// Name in the rules of Prometheus; adapters translate other spellings.
	Name string
	// Labels without the name, in any order.
	Labels []Field
	// At is the moment of the value, to the millisecond.
	At    time.Time
	Value float64
	// Hints may be shared by many samples; nil when there are none.
	Hints *Hints
	// Item is the name of the item, when it is known. The store adds it as label
	// "item" unless the labels have one. Adapters leave it empty: it is found by the
	// hints on the way.
	Item string
}

// Meta says what a metric means.
type Meta struct {
	// Type is gauge, counter, histogram, summary or unknown.
	Type string
	// Unit is the base unit; empty when there is none.
	Unit string
	Help string
}

// SpanKind is what role a span has in a call, with the numbers of OpenTelemetry.
type SpanKind uint8

// The kinds of OpenTelemetry.
const (
	KindUnspecified SpanKind = iota
	KindInternal
	KindServer
	KindClient
	KindProducer
	KindConsumer
)

// Span is one timed operation inside a trace.
type Span struct {
	// TraceID has 32 hexadecimal digits in lower case, SpanID and ParentID 16. The
	// ParentID of a root is empty.
	TraceID, SpanID, ParentID string
	Name                      string
	Kind                      SpanKind
	Start, End                time.Time
	// Failed tells that the status is an error; StatusText is what it says.
	Failed     bool
	StatusText string
	// Service is service.name of the resource.
	Service string
	// Resource, Scope and Attributes are as sent, values as text.
	Resource, Scope, Attributes []Field
	Events                      []SpanEvent
	Links                       []SpanLink
	Hints                       Hints
}

// SpanEvent is something that happened during a span, an exception for example.
type SpanEvent struct {
	At         time.Time `json:"at"`
	Name       string    `json:"name"`
	Attributes []Field   `json:"attributes,omitempty"`
}

// SpanLink points at a span of another trace.
type SpanLink struct {
	TraceID    string  `json:"trace_id"`
	SpanID     string  `json:"span_id"`
	Attributes []Field `json:"attributes,omitempty"`
}

// Receipt says what became of a batch. Dropped is part of it that will never be
// stored; sending it again does not help.
type Receipt struct {
	Taken, Dropped int
	// Why is one sentence about the first that was dropped.
	Why string
}

// Lines takes log lines. When it returns nil, those taken survive a kill. The errors
// are errs.TooMany when the sender is over its limit and errs.Unavailable when
// nothing can be written; the sender may repeat the batch then. The slices may be
// used again after it returns; strings are kept.
type Lines interface {
	TakeLines(ctx context.Context, from Source, lines []Line) (Receipt, error)
}

// Samples takes values of metrics, as Lines takes lines. meta is by metric name and
// may be nil. Nothing of samples is kept, the strings neither: they may point into a
// buffer that is used again after the call. A value with the bits of
// StaleMarker ends its series.
type Samples interface {
	TakeSamples(ctx context.Context, from Source, samples []Sample, meta map[string]Meta) (Receipt, error)
}

// Spans takes spans, as Lines takes lines.
type Spans interface {
	TakeSpans(ctx context.Context, from Source, spans []Span) (Receipt, error)
}

// FlowReport is one datagram in which an exporter reports traffic: NetFlow, IPFIX or
// sFlow. It stays in the form of the exporter: what reads it must remember the
// templates of each exporter over a restart.
type FlowReport struct {
	// Item is the name of the item that sent it; adapters leave it empty.
	Item string
	// Bytes are used again after the call.
	Bytes []byte
}

// FlowReports takes datagrams about traffic. records is how many records of traffic
// were read. The error is errs.Invalid when the rest of a datagram cannot be read,
// and errs.Unavailable when nothing can be taken now; nobody sends it again.
type FlowReports interface {
	TakeFlowReport(ctx context.Context, from Source, r FlowReport) (records int, err error)
}

// StaleMarker is the bit pattern of the float that Prometheus sends when a series
// has ended.
const StaleMarker uint64 = 0x7ff0000000000002

// Intake is the way in for modules that bring signals themselves, such as those that
// scrape: what is behind it limits, counts and finds the item as it does for senders.
// observe.ingest provides it.
type Intake interface {
	Lines
	Samples
	Spans
}

// Sinks are the places to which an adapter hands what it read.
type Sinks struct {
	Lines   Lines
	Samples Samples
	Spans   Spans
	Flows   FlowReports
	Alerts  Alerts
}
