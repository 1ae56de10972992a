package statsd

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/signal"
)

// event hands an event or the result of a service check of DogStatsD on as a log
// line.
func (a *aggregate) event(from signal.Source, line []byte) {
	l, err := parseEvent(string(line))
	if err != nil {
		a.env.Malformed(from, err.Error())
		return
	}
	_, _ = a.env.Lines.TakeLines(context.Background(), from, []signal.Line{l})
}

var errEvent = errors.New("the event of DogStatsD cannot be read")

// checkLevels are the states 0 to 3 of a service check.
var checkLevels = [...]string{"info", "warning", "error", "notice"}

// parseEvent reads _e{title length,text length}:title|text|… and _sc|name|status|….
func parseEvent(s string) (l signal.Line, err error) {
	var rest string
	if body, ok := strings.CutPrefix(s, "_sc|"); ok {
		parts := strings.SplitN(body, "|", 3)
		if len(parts) < 2 {
			return l, errEvent
		}
		n, err := strconv.Atoi(parts[1])
		if err != nil || n < 0 || n >= len(checkLevels) {
			return l, errEvent
		}
		l.Message, l.Level = parts[0], checkLevels[n]
		l.Fields = []signal.Field{{Name: "check", Value: parts[0]}, {Name: "status", Value: parts[1]}}
		if len(parts) == 3 {
			rest = parts[2]
		}
	} else {
		sizes, body, ok := strings.Cut(strings.TrimPrefix(s, "_e{"), "}:")
		a, b, two := strings.Cut(sizes, ",")
		n, err1 := strconv.Atoi(a)
		k, err2 := strconv.Atoi(b)
		if !ok || !two || err1 != nil || err2 != nil || n < 0 || k < 0 || n > len(body) || k > len(body) || n+k+1 > len(body) || body[n] != '|' {
			return l, errEvent
		}
		text := strings.ReplaceAll(body[n+1:n+1+k], `\n`, "\n")
		l.Message = body[:n]
		if text != "" {
			l.Message += ": " + text
		}
		l.Level, rest = "info", strings.TrimPrefix(body[n+1+k:], "|")
	}
	l.Stream = []signal.Field{{Name: "app", Value: "dogstatsd"}}
	for part := range strings.SplitSeq(rest, "|") {
		k, v, _ := strings.Cut(part, ":")
		switch {
		case strings.HasPrefix(part, "#"):
			var m measure
			if m.tag(part[1:], ":") == nil {
				for _, t := range m.tags {
					if signal.Value(l.Fields, t.Name) == "" {
						l.Fields = append(l.Fields, t)
					}
				}
				if l.Hints.Host == "" {
					l.Hints.Host = m.host
				}
			}
		case k == "h":
			l.Hints.Host = v
			l.Stream = append(l.Stream[:1:1], signal.Field{Name: "host", Value: v})
		case k == "m":
			l.Message += ": " + v
		case k == "t":
			switch v {
			case "error", "warning":
				l.Level = v
			}
		case k == "d":
			if n, err := strconv.ParseInt(v, 10, 64); err == nil && n > 0 && n < 1<<33 {
				l.At = time.Unix(n, 0)
			}
		}
	}
	return l, nil
}
