package logparse

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"
)

// jsonReader reads one JSON object into fields without building a tree. Text without
// escapes is not copied.
type jsonReader struct {
	s   string
	i   int
	p   *Parsed
	now time.Time
}

const maxJSONDepth = 16

func (j *jsonReader) blank() byte {
	for j.i < len(j.s) {
		switch j.s[j.i] {
		case ' ', '\t', '\n', '\r':
			j.i++
			continue
		}
		return j.s[j.i]
	}
	return 0
}

func (j *jsonReader) object(prefix string, depth int) bool {
	if depth > maxJSONDepth {
		return false
	}
	j.i++ // the opening brace
	if j.blank() == '}' {
		j.i++
		return true
	}
	for {
		if j.blank() != '"' {
			return false
		}
		k, ok := j.text()
		if !ok || j.blank() != ':' {
			return false
		}
		j.i++
		if prefix != "" {
			k = prefix + "." + k
		}
		if !j.value(k, depth) {
			return false
		}
		switch j.blank() {
		case ',':
			j.i++
		case '}':
			j.i++
			return true
		default:
			return false
		}
	}
}

func (j *jsonReader) value(name string, depth int) bool {
	switch c := j.blank(); {
	case c == '{':
		return j.object(name, depth+1)
	case c == '[':
		return j.array(name, depth+1)
	case c == '"':
		v, ok := j.text()
		if ok {
			j.p.put(name, v, j.now)
		}
		return ok
	case c == '-' || isDigit(c):
		start := j.i
		for j.i < len(j.s) && strings.IndexByte("+-.eE0123456789", j.s[j.i]) >= 0 {
			j.i++
		}
		j.p.put(name, j.s[start:j.i], j.now)
		return true
	}
	for _, w := range [...]string{"true", "false", "null"} {
		if strings.HasPrefix(j.s[j.i:], w) {
			j.i += len(w)
			if w != "null" {
				j.p.add(name, w)
			}
			return true
		}
	}
	return false
}

// array gives the first element the name itself, the others the name and a number.
func (j *jsonReader) array(name string, depth int) bool {
	if depth > maxJSONDepth {
		return false
	}
	j.i++
	if j.blank() == ']' {
		j.i++
		return true
	}
	for n := 0; ; n++ {
		k := name
		if n > 0 {
			k = name + "." + strconv.Itoa(n)
		}
		if !j.value(k, depth) {
			return false
		}
		switch j.blank() {
		case ',':
			j.i++
		case ']':
			j.i++
			return true
		default:
			return false
		}
	}
}

// text reads a string. Escapes are left to the standard library.
func (j *jsonReader) text() (string, bool) {
	start := j.i
	esc := false
	for k := start + 1; k < len(j.s); k++ {
		switch c := j.s[k]; {
		case c == '\\':
			esc = true
			k++
		case c == '"':
			j.i = k + 1
			if !esc {
				return j.s[start+1 : k], true
			}
			var v string
			err := json.Unmarshal([]byte(j.s[start:k+1]), &v)
			return v, err == nil
		case c < 0x20:
			return "", false
		}
	}
	return "", false
}
