package log

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/logdb"
	"github.com/mainstay-ops/mainstay/internal/core/signal"
	"github.com/mainstay-ops/mainstay/internal/observe"
)

// QueryLogs implements observe.Logs.
func (s *Service) QueryLogs(ctx context.Context, q observe.LogQuery, row func([]signal.Field) error) error {
	st, lq, err := s.ask(ctx, logdb.Query{LogsQL: q.LogsQL, From: q.From, To: q.To, Limit: q.Limit})
	if err != nil {
		return err
	}
	_, err = st.Query(ctx, lq, row)
	return err
}

// CheckLogs implements observe.Logs.
func (s *Service) CheckLogs(logsQL string) error {
	st, err := s.open()
	if err != nil {
		return err
	}
	return st.Check(logsQL)
}

// ask adds what whoever acts may see.
func (s *Service) ask(ctx context.Context, q logdb.Query) (*logdb.Store, logdb.Query, error) {
	st, err := s.open()
	if err != nil {
		return nil, q, err
	}
	q.Only, err = s.visible(ctx)
	return st, q, err
}

// Context are the lines around one.
type Context struct {
	// Before and After have the line nearest to it last and first; both are by time.
	Before []map[string]string `json:"before"`
	After  []map[string]string `json:"after"`
}

// around gives the lines of the same stream before and after a moment. The line
// itself is in neither; lines with the same time are in After.
func (s *Service) around(ctx context.Context, streamID string, at time.Time, before, after int) (Context, error) {
	out := Context{Before: []map[string]string{}, After: []map[string]string{}}
	if streamID == "" || strings.Trim(streamID, "0123456789abcdef") != "" {
		return out, errs.Fields(errs.Field{Path: "stream_id", Value: streamID, Message: "must be the value of the field _stream_id of a line"})
	}
	read := func(into *[]map[string]string, q logdb.Query) error {
		if q.Limit <= 0 {
			return nil
		}
		q.LogsQL = "_stream_id:" + streamID
		st, q, err := s.ask(ctx, q)
		if err != nil {
			return err
		}
		_, err = st.Query(ctx, q, func(fs []signal.Field) error {
			*into = append(*into, object(fs))
			return nil
		})
		return err
	}
	if err := read(&out.Before, logdb.Query{To: at, Limit: before}); err != nil {
		return out, err
	}
	for i, j := 0, len(out.Before)-1; i < j; i, j = i+1, j-1 {
		out.Before[i], out.Before[j] = out.Before[j], out.Before[i]
	}
	return out, read(&out.After, logdb.Query{From: at, Limit: after, Oldest: true})
}

func object(fs []signal.Field) map[string]string {
	m := make(map[string]string, len(fs))
	for _, f := range fs {
		m[f.Name] = f.Value
	}
	return m
}

func quoted(s string) string { return strconv.Quote(s) }

// moment reads a time of a request: RFC 3339, seconds or milliseconds since 1970, now,
// or an age such as 15m or 2d.
func moment(path, text string, now time.Time) (time.Time, error) {
	bad := func() (time.Time, error) {
		return time.Time{}, errs.Fields(errs.Field{Path: path, Value: text, Message: "must be a time such as 2026-03-01T08:00:00Z, seconds since 1970, or an age such as 15m or 2d"})
	}
	switch text {
	case "":
		return time.Time{}, nil
	case "now":
		return now, nil
	}
	if t, err := time.Parse(time.RFC3339Nano, text); err == nil {
		return t, nil
	}
	if n, err := strconv.ParseFloat(text, 64); err == nil {
		switch {
		case !(n >= 1e8 && n <= 1e14): // not since 1973, and not until 5000
			return bad()
		case n > 1e11:
			return time.UnixMilli(int64(n)).UTC(), nil
		}
		return time.UnixMicro(int64(n * 1e6)).UTC(), nil
	}
	age, err := duration(strings.TrimPrefix(text, "-"))
	if err != nil {
		return bad()
	}
	return now.Add(-age), nil
}

// maxHours is a hundred years.
const maxHours = 100 * 366 * 24

// duration reads what time.ParseDuration reads, and days and weeks.
func duration(text string) (time.Duration, error) {
	for unit, hours := range map[string]float64{"d": 24, "w": 7 * 24} {
		if n, err := strconv.ParseFloat(strings.TrimSuffix(text, unit), 64); err == nil && strings.HasSuffix(text, unit) && n >= 0 && n*hours < maxHours {
			return time.Duration(n * hours * float64(time.Hour)), nil
		}
	}
	d, err := time.ParseDuration(text)
	if err == nil && d < 0 {
		return 0, fmt.Errorf("%s is negative", text)
	}
	return d, err
}
