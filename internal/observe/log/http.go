package log

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/httpapi"
	"github.com/mainstay-ops/mainstay/internal/core/logdb"
	"github.com/mainstay-ops/mainstay/internal/observe"
)

// RangeIn is a query with a range of time.
type RangeIn struct {
	Query string `query:"query" maxLength:"20000" doc:"LogsQL; empty means every line."`
	Start string `query:"start" maxLength:"60" doc:"RFC 3339, seconds since 1970, or an age such as 15m or 2d. The last hour when both ends are empty."`
	End   string `query:"end" maxLength:"60" doc:"As start; now when empty."`
}

type hitsIn struct {
	RangeIn
	Step  string `query:"step" maxLength:"20" doc:"Width of a step, such as 30s or 5m; fitting the range when empty."`
	Field string `query:"field" maxLength:"128" default:"level" doc:"Field whose values are counted apart; none when it is a minus sign."`
}

// Hits is a histogram.
type Hits struct {
	logdb.Histogram
	StepMS int64 `json:"step_ms" doc:"Width of a step in milliseconds."`
}

type valuesIn struct {
	RangeIn
	Name  string `path:"name" maxLength:"128"`
	Limit int    `query:"limit" minimum:"1" maximum:"1000" default:"10"`
}

type patternsIn struct {
	Limit int `query:"limit" minimum:"1" maximum:"1000" default:"100"`
}

type contextIn struct {
	StreamID string `query:"stream_id" maxLength:"100" required:"true" doc:"The field _stream_id of the line."`
	Time     string `query:"time" maxLength:"60" required:"true" doc:"The field _time of the line."`
	Before   int    `query:"before" minimum:"0" maximum:"1000" default:"20"`
	After    int    `query:"after" minimum:"0" maximum:"1000" default:"20"`
}

// Status is what the store holds.
type Status struct {
	Rows      uint64     `json:"rows"`
	Bytes     uint64     `json:"bytes" doc:"Size of the files."`
	RawBytes  uint64     `json:"raw_bytes" doc:"Size of the same lines before they were packed."`
	Days      int        `json:"days"`
	Oldest    *time.Time `json:"oldest,omitempty"`
	Newest    *time.Time `json:"newest,omitempty"`
	FreeBytes int64      `json:"free_bytes"`
	Full      bool       `json:"full" doc:"Nothing is stored because the disk is full."`
	Dropped   uint64     `json:"dropped" doc:"Lines that were not stored since the start: too old, too new or too large."`
	KeepHours float64    `json:"keep_hours" doc:"How long lines are kept (logs.retention)."`
	MaxBytes  int64      `json:"max_bytes"`
}

// Routes adds the operations. The query and the live tail are streams and no typed
// operations; docs/logs.md describes them.
func (s *Service) Routes(api *httpapi.API) {
	const tag, base = "logs", "/api/v1/logs"
	api.Mux().Handle("GET "+base+"/query", api.Guard(observe.ReadLogs, http.HandlerFunc(s.serveQuery)))
	api.Mux().Handle("GET "+base+"/tail", api.Guard(observe.ReadLogs, http.HandlerFunc(s.serveTail)))
	httpapi.Handle(api, httpapi.Op{ID: "count-logs", Method: "GET", Path: base + "/hits", Need: observe.ReadLogs, Tag: tag, Summary: "Count log lines by steps of time and by the values of a field"}, s.hits)
	httpapi.Handle(api, httpapi.Op{ID: "list-log-fields", Method: "GET", Path: base + "/fields", Need: observe.ReadLogs, Tag: tag, Summary: "The fields of the lines that a query finds"},
		func(ctx context.Context, in *RangeIn) (*httpapi.Body[httpapi.List[logdb.Count]], error) {
			q, err := s.rangeOf(*in)
			if err != nil {
				return nil, err
			}
			st, q, err := s.ask(ctx, q)
			if err != nil {
				return nil, err
			}
			out, err := st.Fields(ctx, q)
			return httpapi.NewList(out, ""), err
		})
	httpapi.Handle(api, httpapi.Op{ID: "list-log-values", Method: "GET", Path: base + "/fields/{name}/values", Need: observe.ReadLogs, Tag: tag, Summary: "The most frequent values of a field"},
		func(ctx context.Context, in *valuesIn) (*httpapi.Body[httpapi.List[logdb.Count]], error) {
			q, err := s.rangeOf(in.RangeIn)
			if err != nil {
				return nil, err
			}
			st, q, err := s.ask(ctx, q)
			if err != nil {
				return nil, err
			}
			out, err := st.Top(ctx, q, in.Name, in.Limit)
			return httpapi.NewList(out, ""), err
		})
	httpapi.Handle(api, httpapi.Op{ID: "get-log-context", Method: "GET", Path: base + "/context", Need: observe.ReadLogs, Tag: tag, Summary: "The lines of the same stream before and after a line"},
		func(ctx context.Context, in *contextIn) (*httpapi.Body[Context], error) {
			at, err := time.Parse(time.RFC3339Nano, in.Time)
			if err != nil {
				return nil, errs.Fields(errs.Field{Path: "time", Value: in.Time, Message: "must be the value of the field _time of a line"})
			}
			out, err := s.around(ctx, in.StreamID, at, in.Before, in.After)
			return &httpapi.Body[Context]{Body: out}, err
		})
	httpapi.Handle(api, httpapi.Op{ID: "get-log-status", Method: "GET", Path: base + "/status", Need: observe.ReadLogs, Tag: tag, Summary: "What the log store holds"}, s.status)
	httpapi.Handle(api, httpapi.Op{ID: "list-log-patterns", Method: "GET", Path: base + "/patterns", Need: observe.ReadLogs, Tag: tag, Summary: "The templates of log lines with most lines", Description: "Only for those who may see all logs."},
		func(ctx context.Context, in *patternsIn) (*httpapi.Body[httpapi.List[Pattern]], error) {
			if err := access.Check(ctx, observe.ReadLogs, ""); err != nil {
				return nil, err
			}
			if _, err := s.open(); err != nil {
				return nil, err
			}
			return httpapi.NewList(s.patterns.most(in.Limit), ""), nil
		})
	s.viewRoutes(api)
	s.parserRoutes(api)
}

// rangeOf reads the range of a request: the last hour when nothing is said.
func (s *Service) rangeOf(in RangeIn) (logdb.Query, error) {
	now := s.d.DB.Clock().Now()
	q := logdb.Query{LogsQL: strings.TrimSpace(in.Query)}
	var err error
	if q.From, err = moment("start", in.Start, now); err != nil {
		return q, err
	}
	if q.To, err = moment("end", in.End, now); err != nil {
		return q, err
	}
	if q.To.IsZero() {
		q.To = now
	}
	if q.From.IsZero() {
		q.From = q.To.Add(-time.Hour)
	}
	if !q.From.Before(q.To) {
		return q, errs.Fields(errs.Field{Path: "start", Value: in.Start, Message: "must be before the end"})
	}
	return q, nil
}

func (s *Service) hits(ctx context.Context, in *hitsIn) (*httpapi.Body[Hits], error) {
	q, err := s.rangeOf(in.RangeIn)
	if err != nil {
		return nil, err
	}
	step := fitting(q.To.Sub(q.From))
	if in.Step != "" {
		if step, err = duration(in.Step); err != nil {
			return nil, errs.Fields(errs.Field{Path: "step", Value: in.Step, Message: "must be a width such as 30s, 5m or 1h"})
		}
	}
	field := in.Field
	if field == "-" {
		field = ""
	}
	st, q, err := s.ask(ctx, q)
	if err != nil {
		return nil, err
	}
	h, err := st.Hits(ctx, q, step, field)
	if h.Series == nil {
		h.Series = []logdb.Series{}
	}
	return &httpapi.Body[Hits]{Body: Hits{Histogram: h, StepMS: step.Milliseconds()}}, err
}

// fitting is a round width that makes about 60 to 120 steps of a range.
func fitting(of time.Duration) time.Duration {
	const day = 24 * time.Hour
	for _, w := range []time.Duration{
		time.Millisecond, 5 * time.Millisecond, 10 * time.Millisecond, 50 * time.Millisecond, 100 * time.Millisecond, 500 * time.Millisecond,
		time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second, 15 * time.Second, 30 * time.Second,
		time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 15 * time.Minute, 30 * time.Minute,
		time.Hour, 2 * time.Hour, 3 * time.Hour, 6 * time.Hour, 12 * time.Hour, day, 2 * day,
	} {
		if of/w <= 120 {
			return w
		}
	}
	return 7 * day
}

func (s *Service) status(context.Context, *struct{}) (*httpapi.Body[Status], error) {
	st, err := s.open()
	if err != nil {
		return nil, err
	}
	v, err := st.Stats()
	if err != nil {
		return nil, err
	}
	out := Status{
		Rows: v.Rows, Bytes: v.Bytes, RawBytes: v.RawBytes, Days: v.Days, FreeBytes: v.FreeBytes, Full: v.Full, Dropped: v.Dropped,
		KeepHours: s.d.Config.Logs.Retention.D().Hours(), MaxBytes: int64(s.d.Config.Logs.MaxBytes),
	}
	if !v.Oldest.IsZero() {
		out.Oldest, out.Newest = &v.Oldest, &v.Newest
	}
	return &httpapi.Body[Status]{Body: out}, nil
}
