package logparse

import (
	"encoding/json"
	"io"
	"strconv"
	"strings"
	"time"
)

// pairs reads key=value pairs and gives how many there were. With strict it stops at the
// first word that is no pair and gives -1.
func (p *Parsed) pairs(s string, strict bool) int {
	n := 0
	for s != "" {
		s = strings.TrimLeft(s, " \t,;")
		if s == "" {
			break
		}
		i := 0
		for i < len(s) && s[i] != '=' && s[i] != ' ' && s[i] != '"' {
			i++
		}
		if i == 0 || i >= len(s) || s[i] != '=' || !validName(strings.TrimPrefix(s[:i], "@")) {
			if strict {
				return -1
			}
			w := len(firstWord(s))
			if w == 0 {
				w = 1
			}
			s = s[w:]
			continue
		}
		key := s[:i]
		s = s[i+1:]
		var v string
		if strings.HasPrefix(s, "\"") {
			q, k := quotedAt(s)
			if k == 0 {
				q, k = s[1:], len(s)
			}
			v, s = q, s[k:]
		} else {
			e := strings.IndexAny(s, " \t")
			if e < 0 {
				e = len(s)
			}
			if c := strings.Index(s[:e], ","); c > 0 && strings.Contains(s[c:e], "=") {
				e = c
			}
			v, s = strings.TrimRight(s[:e], ",;"), s[e:]
		}
		p.add(key, v)
		n++
	}
	return n
}

// logfmt reads a line that is nothing but key=value pairs.
func (p *Parsed) logfmt(s string, now time.Time) bool {
	i := strings.IndexByte(s, '=')
	if i <= 0 || i > 64 || strings.IndexByte(s[:i], ' ') >= 0 {
		return false
	}
	q := Parsed{}
	if q.pairs(s, true) < 2 {
		return false
	}
	for _, f := range q.Fields {
		if !p.known(f.Name, f.Value, now) {
			p.add(f.Name, f.Value)
		}
	}
	p.Format = "logfmt"
	if strings.Contains(s, "devname=") && strings.Contains(s, "logid=") {
		p.Format = "fortinet"
		p.normalize()
	} else if p.Message != s && p.Message != "" {
		p.inner(now)
	}
	return true
}

// known moves what every structured log has into its place.
func (p *Parsed) known(name, v string, now time.Time) bool {
	switch name {
	case "time", "ts", "timestamp", "@timestamp", "t", "Timestamp", "eventTime", "datetime", "asctime", "start_time", "StartUTC":
		t, n := parseTime(v, now)
		if n == 0 || n < len(v)-8 {
			if ms, err := strconv.ParseInt(v, 10, 64); err == nil && len(v) == 13 {
				t = time.UnixMilli(ms).UTC()
			} else if err == nil && len(v) == 19 {
				t = time.Unix(0, ms).UTC()
			} else if f, err := strconv.ParseFloat(v, 64); err == nil && f > 1e8 && f < 4e9 {
				t = time.UnixMicro(int64(f * 1e6)).UTC()
			} else {
				return false
			}
		}
		if name == "StartUTC" && !p.Time.IsZero() {
			return false
		}
		p.Time = t
		return true
	case "level", "lvl", "severity", "loglevel", "log.level", "levelname", "s":
		if l := level(v); l != "" {
			p.Level = l
			return true
		}
		if name == "s" && len(v) == 1 {
			if i := strings.IndexByte("DIWEF", v[0]); i >= 0 {
				p.Level = [5]string{"debug", "info", "warning", "error", "critical"}[i]
				return true
			}
		}
		if name == "level" && len(v) == 2 && v[1] == '0' && v[0] >= '1' && v[0] <= '6' { // pino and bunyan
			p.Level = [6]string{"trace", "debug", "info", "warning", "error", "critical"}[v[0]-'1']
			return true
		}
	case "msg", "message", "MESSAGE":
		p.Message = v
		return true
	}
	return false
}

// json reads a line that is one JSON object. Nested names are joined by ".".
func (p *Parsed) json(s string, now time.Time) bool {
	if !strings.HasPrefix(s, "{") || !strings.HasSuffix(s, "}") {
		return false
	}
	d := json.NewDecoder(strings.NewReader(s))
	d.UseNumber()
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return false
	}
	q := Parsed{Message: p.Message}
	if !q.object(d, "", 0, now) {
		return false
	}
	if _, err := d.Token(); err != io.EOF {
		return false
	}
	for _, f := range q.Fields {
		p.add(f.Name, f.Value)
	}
	if !q.Time.IsZero() {
		p.Time = q.Time
	}
	if q.Level != "" {
		p.Level = q.Level
	}
	p.Message = q.Message
	p.Format = "json"
	p.normalize()
	if p.Message != s && p.Message != "" {
		// A line of a known format inside JSON.
		p.inner(now)
	}
	return true
}

// inner reads the text that a structured line carries.
func (p *Parsed) inner(now time.Time) {
	in := Parsed{App: p.App}
	switch {
	case in.access(p.Message, now), in.free(p.Message, now):
		p.Format = in.Format
	case strings.HasPrefix(p.Message, "{") && in.json(p.Message, now):
	case len(p.Message) > 32:
		in.brackets(p.Message)
	}
	for _, f := range in.Fields {
		p.add(f.Name, f.Value)
	}
	if p.Time.IsZero() {
		p.Time = in.Time
	}
}

func (p *Parsed) object(d *json.Decoder, prefix string, depth int, now time.Time) bool {
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return false
		}
		k, ok := t.(string)
		if !ok || !p.value(d, prefix+k, depth, now) {
			return false
		}
	}
	_, err := d.Token()
	return err == nil
}

func (p *Parsed) value(d *json.Decoder, name string, depth int, now time.Time) bool {
	if depth > 16 {
		return false
	}
	t, err := d.Token()
	if err != nil {
		return false
	}
	switch v := t.(type) {
	case json.Delim:
		if v == '{' {
			return p.object(d, name+".", depth+1, now)
		}
		for i := 0; d.More(); i++ {
			n := name
			if i > 0 {
				n = name + "." + strconv.Itoa(i)
			}
			if !p.value(d, n, depth+1, now) {
				return false
			}
		}
		_, err := d.Token()
		return err == nil
	case string:
		p.put(name, v, now)
	case json.Number:
		p.put(name, v.String(), now)
	case bool:
		p.add(name, strconv.FormatBool(v))
	}
	return true
}

func (p *Parsed) put(name, v string, now time.Time) {
	if !p.known(name, v, now) && !(name == "t.$date" && p.known("t", v, now)) {
		p.add(name, v)
	}
}
