package http

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"strconv"
	"strings"
)

// step is one part of a JSON path: a member name, or an index (from the end when
// negative).
type step struct {
	name  string
	index int
	array bool
}

// parsePath reads the simple form of JSON paths: $.a.b[0]['c d'], where "$." may be
// left out.
func parsePath(s string) ([]step, error) {
	bad := errors.New("must be a path such as \"$.data.items[0].state\"")
	if len(s) > 1024 {
		return nil, bad
	}
	s = strings.TrimPrefix(s, "$")
	if s != "" && s[0] != '.' && s[0] != '[' {
		s = "." + s
	}
	steps := []step{}
	for s != "" {
		switch {
		case s[0] == '.':
			end := strings.IndexAny(s[1:], ".[")
			if end < 0 {
				end = len(s) - 1
			}
			if end == 0 {
				return nil, bad
			}
			steps = append(steps, step{name: s[1 : 1+end]})
			s = s[1+end:]
		case len(s) > 1 && (s[1] == '\'' || s[1] == '"'):
			end := strings.Index(s[2:], s[1:2]+"]")
			if end < 0 {
				return nil, bad
			}
			steps = append(steps, step{name: s[2 : 2+end]})
			s = s[2+end+2:]
		default:
			in, rest, ok := strings.Cut(s[1:], "]")
			n, err := strconv.Atoi(in)
			if s[0] != '[' || !ok || err != nil {
				return nil, bad
			}
			steps = append(steps, step{index: n, array: true})
			s = rest
		}
	}
	return steps, nil
}

// lookup gives the value at the path as JSON.
func lookup(doc []byte, path []step) (json.RawMessage, error) {
	at := json.RawMessage(doc)
	if !json.Valid(doc) {
		return nil, errors.New("the body is not JSON")
	}
	for _, st := range path {
		if st.array {
			var list []json.RawMessage
			if json.Unmarshal(at, &list) != nil {
				return nil, errors.New("there is no list where one is expected")
			}
			i := st.index
			if i < 0 {
				i += len(list)
			}
			if i < 0 || i >= len(list) {
				return nil, errors.New("the list has only " + strconv.Itoa(len(list)) + " entries")
			}
			at = list[i]
			continue
		}
		var obj map[string]json.RawMessage
		if json.Unmarshal(at, &obj) != nil {
			return nil, errors.New("there is no object where one is expected")
		}
		v, ok := obj[st.name]
		if !ok {
			return nil, errors.New("there is no value")
		}
		at = v
	}
	return bytes.TrimSpace(at), nil
}

// equalsJSON compares a value with a text: strings as they are, everything else as JSON.
func equalsJSON(got json.RawMessage, want string) bool {
	var a, b any
	if json.Unmarshal(got, &a) != nil {
		return false
	}
	if s, ok := a.(string); ok && s == want {
		return true
	}
	return json.Unmarshal([]byte(want), &b) == nil && reflect.DeepEqual(a, b)
}
