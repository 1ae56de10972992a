// Package logfield turns the documents of log protocols into lines: nested objects
// become fields with dots, and the usual names of message, time, level, host and
// program are found.
package logfield

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/signal"
)

const (
	maxDepth  = 20
	maxFields = 2000
)

var errDeep = errors.New("objects are nested more than 20 deep")

// Flatten reads one JSON object. A field inside an object gets its name with a dot
// between; a list stays as JSON. null is left out. The order is kept.
func Flatten(doc []byte) ([]signal.Field, error) {
	d := json.NewDecoder(bytes.NewReader(doc))
	d.UseNumber()
	t, err := d.Token()
	if err != nil {
		return nil, plain(err)
	}
	if t != json.Delim('{') {
		return nil, errors.New("it is not a JSON object")
	}
	out, err := object(d, "", nil, 0)
	if err != nil {
		return nil, plain(err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows the JSON object")
	}
	return out, nil
}

func plain(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("the JSON object ends too early")
	}
	return err
}

func object(d *json.Decoder, prefix string, out []signal.Field, depth int) ([]signal.Field, error) {
	if depth > maxDepth {
		return nil, errDeep
	}
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return nil, err
		}
		name, ok := t.(string)
		if !ok {
			return nil, fmt.Errorf("%v is no name of a field", t)
		}
		name = prefix + name
		if out, err = value(d, name, out, depth); err != nil {
			return nil, err
		}
		if len(out) > maxFields {
			return nil, fmt.Errorf("it has more than %d fields", maxFields)
		}
	}
	_, err := d.Token() // the closing brace
	return out, err
}

func value(d *json.Decoder, name string, out []signal.Field, depth int) ([]signal.Field, error) {
	var raw json.RawMessage
	if err := d.Decode(&raw); err != nil {
		return nil, err
	}
	switch raw[0] {
	case '{':
		if string(raw) == "{}" {
			return out, nil
		}
		in := json.NewDecoder(bytes.NewReader(raw))
		in.UseNumber()
		if _, err := in.Token(); err != nil {
			return nil, err
		}
		return object(in, name+".", out, depth+1)
	case 'n':
		return out, nil
	case '"':
		var s string
		if err := json.Unmarshal(raw, &s); err != nil {
			return nil, err
		}
		return append(out, signal.Field{Name: name, Value: s}), nil
	}
	return append(out, signal.Field{Name: name, Value: string(raw)}), nil
}

// Take removes the first of the names that has a value and gives it.
func Take(fs *[]signal.Field, names ...string) string {
	for _, n := range names {
		for i, f := range *fs {
			if f.Name == n && f.Value != "" {
				*fs = append((*fs)[:i], (*fs)[i+1:]...)
				return f.Value
			}
		}
	}
	return ""
}

// Find gives the first of the names that has a value.
func Find(fs []signal.Field, names ...string) string {
	for _, n := range names {
		if v := signal.Value(fs, n); v != "" {
			return v
		}
	}
	return ""
}

// The usual names.
var (
	messages = []string{"message", "msg", "log", "short_message", "body", "text"}
	times    = []string{"@timestamp", "timestamp", "time", "ts", "date"}
	levels   = []string{"log.level", "level", "severity", "loglevel", "severity_text", "lvl"}
	hosts    = []string{"host.name", "host.hostname", "hostname", "host", "agent.hostname", "beat.hostname", "kubernetes.host", "node", "nodename", "node_name"}
	services = []string{"service.name", "service_name", "app", "application", "program", "ident", "app_name", "kubernetes.labels.app", "container.name", "container_name", "job"}
	// streams are fields that tell streams apart, besides host and program.
	streams = []string{
		"kubernetes.namespace_name", "kubernetes.namespace", "kubernetes.pod_name", "kubernetes.pod.name", "kubernetes.container_name", "kubernetes.container.name",
		"container_name", "container.name", "container.id", "log.file.path", "file", "filename", "source", "stream", "tag", "fileset.name", "event.dataset",
	}
)

// Line makes a line out of the fields of a document. Fields that have a place in the
// line are taken out.
func Line(fs []signal.Field) signal.Line {
	var l signal.Line
	for _, n := range times {
		if v := signal.Value(fs, n); v != "" {
			if at, ok := Moment(v); ok {
				l.At = at
				Take(&fs, n)
				break
			}
		}
	}
	l.Message = Take(&fs, messages...)
	l.Level = TakeLevel(&fs)
	l.Hints = Hints(fs)
	if v := Take(&fs, hosts...); v != "" {
		l.Stream = append(l.Stream, signal.Field{Name: "host", Value: v})
	}
	if v := Take(&fs, services...); v != "" {
		l.Stream = append(l.Stream, signal.Field{Name: "app", Value: v})
	}
	for _, n := range streams {
		if v := Take(&fs, n); v != "" && len(v) <= 256 {
			l.Stream = append(l.Stream, signal.Field{Name: n, Value: v})
		}
	}
	for i := range fs {
		if signal.Value(l.Stream, fs[i].Name) != "" {
			fs[i].Name += "_" // a second "host" for example
		}
	}
	l.Fields = fs
	return l
}

// TakeLevel takes out the field with the level when it says one that is known.
func TakeLevel(fs *[]signal.Field) string {
	for _, n := range levels {
		if level := Level(signal.Value(*fs, n)); level != "" {
			Take(fs, n)
			return level
		}
	}
	return ""
}

// Hints are what fields say of where a line belongs.
func Hints(fs []signal.Field) signal.Hints {
	return signal.Hints{
		MachineID: Find(fs, "host.id", "machine_id", "_MACHINE_ID"),
		Host:      Find(fs, hosts...),
		Service:   Find(fs, services...),
		Address:   Find(fs, "host.ip", "ip"),
	}
}

// Level translates the usual names and the numbers of syslog into the levels of
// signal.Line; empty when the text is none.
func Level(s string) string {
	switch strings.ToLower(strings.Trim(s, "[]<> ")) {
	case "trace", "finest", "finer", "verbose", "silly", "trc":
		return "trace"
	case "debug", "fine", "dbg", "7", "d":
		return "debug"
	case "info", "information", "informational", "inf", "6", "i", "log":
		return "info"
	case "notice", "5":
		return "notice"
	case "warn", "warning", "wrn", "4", "w":
		return "warning"
	case "error", "err", "eror", "severe", "3", "e", "failure":
		return "error"
	case "critical", "crit", "fatal", "2", "f", "panic", "dpanic":
		return "critical"
	case "alert", "1":
		return "alert"
	case "emergency", "emerg", "0":
		return "emergency"
	}
	return ""
}

// Severity is the level of a number of syslog (RFC 5424, section 6.2.1).
func Severity(n int) string {
	return [8]string{"emergency", "alert", "critical", "error", "warning", "notice", "info", "debug"}[n&7]
}

var layouts = []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999Z0700", "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999Z07:00", "2006-01-02 15:04:05.999999999", "2006-01-02 15:04:05,999999999", time.RFC1123Z, time.RFC1123}

// Moment reads a time: the usual layouts, and numbers of seconds, milliseconds,
// microseconds or nanoseconds since 1970. A time without a zone is UTC.
func Moment(s string) (time.Time, bool) {
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return number(float64(n), n)
	}
	if f, err := strconv.ParseFloat(s, 64); err == nil {
		return number(f, int64(f))
	}
	for _, l := range layouts {
		if t, err := time.Parse(l, s); err == nil {
			return t.UTC(), true
		}
	}
	return time.Time{}, false
}

func number(f float64, n int64) (time.Time, bool) {
	switch {
	case math.IsNaN(f) || f < 1e8: // not since 1973
		return time.Time{}, false
	case f < 1e11:
		sec, part := math.Modf(f)
		return time.Unix(int64(sec), int64(math.Round(part*1e9))).UTC(), true
	case f < 1e14:
		return time.UnixMilli(n).UTC(), true
	case f < 1e17:
		return time.UnixMicro(n).UTC(), true
	case f < 9.2e18:
		return time.Unix(0, n).UTC(), true
	}
	return time.Time{}, false
}
