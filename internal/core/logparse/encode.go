package logparse

import (
	"strconv"
	"time"
	"unicode/utf8"
)

// AppendJSON appends p as one JSON object and a line feed: message (the raw line), time
// (RFC 3339), level, host, app, pid, format, text (the message without its header, when
// that is less than the line), then the fields. A name that is there already gets a
// number behind it.
func (p Parsed) AppendJSON(b []byte, raw string) []byte {
	b = append(b, `{"message":`...)
	b = appendString(b, raw)
	put := func(k, v string) {
		if v != "" {
			b = append(b, ',')
			b = appendString(b, k)
			b = append(b, ':')
			b = appendString(b, v)
		}
	}
	if !p.Time.IsZero() {
		put("time", p.Time.Format(time.RFC3339Nano))
	}
	put("level", p.Level)
	put("host", p.Host)
	put("app", p.App)
	put("pid", p.PID)
	put("format", p.Format)
	if p.Message != raw {
		put("text", p.Message)
	}
	used := map[string]bool{"message": true, "time": true, "level": true, "host": true, "app": true, "pid": true, "format": true, "text": true}
	for _, f := range p.Fields {
		name := f.Name
		for n := 2; used[name]; n++ {
			name = f.Name + "_" + strconv.Itoa(n)
		}
		used[name] = true
		put(name, f.Value)
	}
	return append(b, '}', '\n')
}

const hexDigits = "0123456789abcdef"

// appendString writes s as a JSON string. Bytes that are no UTF-8 become the replacement
// character, control characters are escaped.
func appendString(b []byte, s string) []byte {
	b = append(b, '"')
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf {
			i++
			switch {
			case c == '"' || c == '\\':
				b = append(b, '\\', c)
			case c == '\t':
				b = append(b, '\\', 't')
			case c == '\n':
				b = append(b, '\\', 'n')
			case c < 0x20 || c == 0x7f:
				b = append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
			default:
				b = append(b, c)
			}
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && n == 1 {
			b = append(b, "\ufffd"...)
		} else {
			b = append(b, s[i:i+n]...)
		}
		i += n
	}
	return append(b, '"')
}
