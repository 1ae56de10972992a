package trace

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/logdb"
	"github.com/mainstay-ops/mainstay/internal/core/signal"
)

// The names of the fields of a stored span that are not attributes. Attributes keep
// their own names; those of the resource begin with "resource.", and one that has a
// name of these begins with "attribute.".
const (
	fService   = "service"
	fTrace     = "trace_id"
	fSpan      = "span_id"
	fParent    = "parent_id"
	fKind      = "kind"
	fDuration  = "duration"
	fFailed    = "failed"
	fStatus    = "status"
	fItem      = "item"
	fScope     = "scope"
	fEvents    = "events"
	fLinks     = "links"
	fStatement = "statement"

	resourcePrefix  = "resource."
	attributePrefix = "attribute."
)

var reserved = map[string]bool{
	fService: true, fTrace: true, fSpan: true, fParent: true, fKind: true, fDuration: true, fFailed: true, fStatus: true, fItem: true,
	fScope: true, fEvents: true, fLinks: true, fStatement: true, logdb.Message: true, logdb.Time: true, logdb.Stream: true, logdb.StreamID: true, "name": true,
}

var kindWords = [...]string{"unspecified", "internal", "server", "client", "producer", "consumer"}

func kindWord(k signal.SpanKind) string {
	if int(k) < len(kindWords) {
		return kindWords[k]
	}
	return kindWords[0]
}

// noService stands for spans whose resource has no service.name, as OpenTelemetry
// says.
const noService = "unknown_service"

func serviceOf(s *signal.Span) string {
	if s.Service == "" {
		return noService
	}
	return s.Service
}

// toRow is a span as it is stored. Duration is in nanoseconds.
func toRow(s *signal.Span) logdb.Row {
	r := logdb.Row{At: s.Start, Stream: []logdb.Field{{Name: fService, Value: serviceOf(s)}}}
	add := func(name, value string) {
		if value != "" {
			r.Fields = append(r.Fields, logdb.Field{Name: name, Value: value})
		}
	}
	add(logdb.Message, s.Name)
	add(fTrace, s.TraceID)
	add(fSpan, s.SpanID)
	add(fParent, s.ParentID)
	add(fKind, kindWord(s.Kind))
	add(fDuration, strconv.FormatInt(duration(s).Nanoseconds(), 10))
	if s.Failed {
		add(fFailed, "true")
	}
	add(fStatus, s.StatusText)
	add(fScope, signal.Value(s.Scope, "name"))
	if len(s.Events) > 0 {
		add(fEvents, text(s.Events))
	}
	if len(s.Links) > 0 {
		add(fLinks, text(s.Links))
	}
	for _, a := range s.Resource {
		switch a.Name {
		case fItem:
			add(fItem, a.Value)
		case "service.name":
		default:
			add(resourcePrefix+a.Name, a.Value)
		}
	}
	for _, a := range s.Attributes {
		if reserved[a.Name] || strings.HasPrefix(a.Name, resourcePrefix) || strings.HasPrefix(a.Name, attributePrefix) {
			add(attributePrefix+a.Name, a.Value)
		} else {
			add(a.Name, a.Value)
		}
	}
	if q := statementOf(s); q != "" {
		add(fStatement, q)
	}
	return r
}

// text writes what can always be written.
func text(v any) string {
	b, _ := json.Marshal(v)
	return string(b)
}

// duration is never negative: clocks of hosts differ.
func duration(s *signal.Span) time.Duration { return max(0, s.End.Sub(s.Start)) }

// SpanView is a span in the API.
type SpanView struct {
	SpanID     string             `json:"span_id"`
	ParentID   string             `json:"parent_id,omitempty"`
	Name       string             `json:"name"`
	Service    string             `json:"service"`
	Kind       string             `json:"kind" enum:"unspecified,internal,server,client,producer,consumer"`
	Start      time.Time          `json:"start"`
	DurationNS int64              `json:"duration_ns"`
	Failed     bool               `json:"failed"`
	Status     string             `json:"status,omitempty" doc:"What the status says."`
	Item       string             `json:"item,omitempty" doc:"Name of the item that it ran on."`
	Scope      string             `json:"scope,omitempty" doc:"Library that made the span."`
	Attributes map[string]string  `json:"attributes"`
	Resource   map[string]string  `json:"resource"`
	Events     []signal.SpanEvent `json:"events"`
	Links      []signal.SpanLink  `json:"links"`
}

// fromRow reads a stored span; the trace id comes beside.
func fromRow(fs []logdb.Field) (SpanView, string) {
	v := SpanView{Attributes: map[string]string{}, Resource: map[string]string{}, Events: []signal.SpanEvent{}, Links: []signal.SpanLink{}}
	trace := ""
	for _, f := range fs {
		switch f.Name {
		case logdb.Message:
			v.Name = f.Value
		case logdb.Time:
			v.Start, _ = time.Parse(time.RFC3339Nano, f.Value)
		case fService:
			v.Service = f.Value
		case fTrace:
			trace = f.Value
		case fSpan:
			v.SpanID = f.Value
		case fParent:
			v.ParentID = f.Value
		case fKind:
			v.Kind = f.Value
		case fDuration:
			v.DurationNS, _ = strconv.ParseInt(f.Value, 10, 64)
		case fFailed:
			v.Failed = f.Value == "true"
		case fStatus:
			v.Status = f.Value
		case fItem:
			v.Item = f.Value
		case fScope:
			v.Scope = f.Value
		case fEvents:
			// What we wrote ourselves; a part of it that is lost shows no events.
			_ = json.Unmarshal([]byte(f.Value), &v.Events)
		case fLinks:
			_ = json.Unmarshal([]byte(f.Value), &v.Links)
		case fStatement, logdb.Stream, logdb.StreamID, logdb.More:
		default:
			if name, ok := strings.CutPrefix(f.Name, resourcePrefix); ok {
				v.Resource[name] = f.Value
			} else {
				v.Attributes[strings.TrimPrefix(f.Name, attributePrefix)] = f.Value
			}
		}
	}
	return v, trace
}
