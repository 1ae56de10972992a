package payload

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

var errNotObject = errors.New("it is no JSON object")

// object reads a JSON object that is not deeper than maxDepth.
func object(b []byte) (map[string]any, error) {
	b = bytes.TrimSpace(b)
	if len(b) == 0 || b[0] != '{' || deep(b) {
		return nil, errNotObject
	}
	var m map[string]any
	return m, json.Unmarshal(b, &m)
}

func deep(b []byte) bool {
	d, in, esc := 0, false, false
	for _, c := range b {
		switch {
		case esc:
			esc = false
		case in && c == '\\':
			esc = true
		case c == '"':
			in = !in
		case in:
		case c == '{', c == '[':
			if d++; d > maxDepth {
				return true
			}
		case c == '}', c == ']':
			d--
		}
	}
	return false
}

// number reads a plain number or a word for on and off.
func number(b []byte) (float64, bool) {
	if len(b) > 64 {
		return 0, false
	}
	s := strings.TrimSpace(string(b))
	n, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return onOff(strings.ToLower(strings.Trim(s, `"`)))
	}
	return n, !math.IsNaN(n) && !math.IsInf(n, 0)
}

func onOff(s string) (float64, bool) {
	switch s {
	case "on", "true", "open", "online", "yes", "connected", "detected":
		return 1, true
	case "off", "false", "closed", "offline", "no", "disconnected", "clear":
		return 0, true
	}
	return 0, false
}

// figure gives the number in a JSON value.
func figure(v any) (float64, bool) {
	switch v := v.(type) {
	case float64:
		return v, !math.IsInf(v, 0)
	case bool:
		if v {
			return 1, true
		}
		return 0, true
	case string:
		return number([]byte(v))
	}
	return 0, false
}

// stamps are the names under which devices tell their clock.
var stamps = []string{"ts", "time", "timestamp", "last_seen"}

// clock reads a moment as devices write it: seconds or milliseconds since 1970, or
// RFC 3339, or that without a zone, which is taken for UTC.
func clock(v any) (time.Time, bool) {
	switch v := v.(type) {
	case float64:
		if v < 0 || v > 1e16 {
			return time.Time{}, false
		}
		if v > 1e11 {
			return time.UnixMilli(int64(v)).UTC(), true
		}
		return time.UnixMilli(int64(v * 1000)).UTC(), true
	case string:
		for _, l := range []string{time.RFC3339Nano, "2006-01-02T15:04:05"} {
			if t, err := time.Parse(l, v); err == nil {
				return t.UTC(), true
			}
		}
	}
	return time.Time{}, false
}

// flatten puts every number and boolean of an object into the report. Names of nested
// ones are joined.
func flatten(r *Report, obj map[string]any, prefix string) {
	told, _ := obj["unit"].(string)
	walk(obj, prefix, func(path string, v any) {
		key := path[strings.LastIndexByte(path, '.')+1:]
		if slices.Contains(stamps, strings.ToLower(key)) {
			if t, ok := clock(v); ok {
				if r.At.IsZero() {
					r.At = t
				}
				return
			}
		}
		if _, text := v.(string); text {
			n, ok := onOff(strings.ToLower(v.(string)))
			if !ok {
				switch strings.ToLower(key) {
				case "model":
					r.Info.Model = text1(v)
				case "manufacturer", "vendor":
					r.Info.Maker = text1(v)
				case "firmware", "fw", "sw_version", "version":
					r.Info.Firmware = text1(v)
				}
				return
			}
			r.add(measure(path, "", "", n))
			return
		}
		if n, ok := figure(v); ok {
			u := ""
			if key == "value" {
				u = told
			}
			r.add(measure(path, "", u, n))
		}
	})
}

func text1(v any) string {
	s, _ := v.(string)
	return Clip(s, maxName)
}

// Clip cuts a text and takes signs out of it that are no text.
func Clip(s string, n int) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == 0xfffd {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, ""))
	if len(s) > n {
		s = strings.ToValidUTF8(s[:n], "")
	}
	return strings.TrimSpace(s)
}

func (r *Report) add(v Value) {
	if len(r.Values) >= maxValues || math.IsNaN(v.Number) || math.IsInf(v.Number, 0) {
		return
	}
	for i := range r.Values {
		if r.Values[i].Name == v.Name && r.Values[i].Sensor == v.Sensor {
			r.Values[i].Number = v.Number
			return
		}
	}
	r.Values = append(r.Values, v)
}

func walk(v any, path string, f func(path string, v any)) {
	join := func(k string) string {
		if path == "" {
			return k
		}
		return path + "." + k
	}
	switch v := v.(type) {
	case map[string]any:
		keys := make([]string, 0, len(v))
		for k := range v {
			keys = append(keys, k)
		}
		slices.Sort(keys)
		for _, k := range keys {
			walk(v[k], join(k), f)
		}
	case []any:
		for i, x := range v {
			if i < 32 {
				walk(x, join(strconv.Itoa(i+1)), f)
			}
		}
	default:
		f(path, v)
	}
}

// at follows a path like a.b[0].c.
func at(v any, path string) (any, bool) {
	path = strings.TrimPrefix(strings.TrimPrefix(path, "$"), ".")
	for path != "" {
		var step string
		if strings.HasPrefix(path, "[") {
			end := strings.IndexByte(path, ']')
			if end < 0 {
				return nil, false
			}
			step, path = path[1:end], strings.TrimPrefix(path[end+1:], ".")
			if q := strings.Trim(step, `'"`); q != step {
				step = q
			} else if l, ok := v.([]any); ok {
				i, err := strconv.Atoi(step)
				if err != nil || i < 0 || i >= len(l) {
					return nil, false
				}
				v = l[i]
				continue
			}
		} else {
			i := strings.IndexAny(path, ".[")
			if i < 0 {
				i = len(path)
			}
			step, path = path[:i], strings.TrimPrefix(path[i:], ".")
		}
		m, ok := v.(map[string]any)
		if !ok {
			return nil, false
		}
		if v, ok = m[step]; !ok {
			return nil, false
		}
	}
	return v, true
}
