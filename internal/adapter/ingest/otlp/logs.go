package otlp

import (
	"context"
	"math"
	"strings"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/mainstay-ops/mainstay/internal/core/signal"
)

// streamNames are the resource attributes that tell streams apart; few different
// values, many lines each.
var streamNames = []string{
	"service.name", "service.namespace", "host.name", "deployment.environment.name", "deployment.environment",
	"k8s.cluster.name", "k8s.namespace.name", "k8s.pod.name", "k8s.container.name", "container.name", "log.file.path",
}

func (t *taker) logs(ctx context.Context, from signal.Source, ld plog.Logs) (outcome, error) {
	lines := make([]signal.Line, 0, ld.LogRecordCount())
	for _, rl := range ld.ResourceLogs().All() {
		res := rl.Resource().Attributes()
		hints := hintsOf(res)
		var stream, rest []signal.Field
		for _, n := range streamNames {
			if v := text(res, n); v != "" {
				stream = append(stream, signal.Field{Name: n, Value: v})
			}
		}
		for k, v := range res.All() {
			if signal.Value(stream, k) == "" {
				rest = set(rest, k, v.AsString())
			}
		}
		for _, sl := range rl.ScopeLogs().All() {
			fs := rest[:len(rest):len(rest)]
			for _, f := range scopeFields(sl.Scope()) {
				fs = append(fs, signal.Field{Name: "scope." + f.Name, Value: f.Value})
			}
			for _, lr := range sl.LogRecords().All() {
				l := line(lr, fs)
				l.Stream, l.Hints = stream, hints
				lines = append(lines, l)
			}
		}
	}
	if len(lines) == 0 {
		return outcome{}, nil
	}
	got, err := t.env.Lines.TakeLines(ctx, from, lines)
	return outcome{got.Dropped, got.Why}, err
}

func moment(ts ...pcommon.Timestamp) time.Time {
	for _, t := range ts {
		if t != 0 && uint64(t) <= math.MaxInt64 {
			return time.Unix(0, int64(t))
		}
	}
	return time.Time{}
}

// line turns a log record into a line; around are the fields of resource and scope.
func line(lr plog.LogRecord, around []signal.Field) signal.Line {
	l := signal.Line{At: moment(lr.Timestamp(), lr.ObservedTimestamp()), Level: level(lr)}
	fs := make([]signal.Field, len(around), len(around)+lr.Attributes().Len()+4)
	copy(fs, around)
	body := lr.Body()
	if body.Type() == pcommon.ValueTypeMap {
		// A structured body: its message is the line, the rest are fields.
		l.Message = text(body.Map(), "message", "msg", "body")
		for k, v := range body.Map().All() {
			if s := v.AsString(); s != l.Message {
				fs = set(fs, k, s)
			}
		}
	}
	if l.Message == "" {
		l.Message = body.AsString()
	}
	for k, v := range lr.Attributes().All() {
		fs = set(fs, k, v.AsString())
	}
	if id := lr.TraceID(); !id.IsEmpty() {
		fs = set(fs, "trace_id", id.String())
	}
	if id := lr.SpanID(); !id.IsEmpty() {
		fs = set(fs, "span_id", id.String())
	}
	if n := lr.EventName(); n != "" {
		fs = set(fs, "event_name", n)
		if l.Message == "" {
			l.Message = n
		}
	}
	l.Fields = fs
	return l
}

// level translates severity numbers (OpenTelemetry logs data model, "SeverityNumber")
// and, without one, the usual words.
func level(lr plog.LogRecord) string {
	switch n := lr.SeverityNumber(); {
	case n >= plog.SeverityNumberFatal:
		return "critical"
	case n >= plog.SeverityNumberError:
		return "error"
	case n >= plog.SeverityNumberWarn:
		return "warning"
	case n >= plog.SeverityNumberInfo:
		return "info"
	case n >= plog.SeverityNumberDebug:
		return "debug"
	case n >= plog.SeverityNumberTrace:
		return "trace"
	}
	switch w := strings.ToLower(strings.TrimSpace(lr.SeverityText())); w {
	case "trace", "debug", "info", "notice", "warning", "error", "critical", "alert", "emergency":
		return w
	case "warn":
		return "warning"
	case "err", "severe":
		return "error"
	case "fatal", "crit", "panic":
		return "critical"
	case "emerg":
		return "emergency"
	case "information", "informational":
		return "info"
	case "verbose":
		return "debug"
	}
	return ""
}
