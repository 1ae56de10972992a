package sheet

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/strict"
)

// ReadJSON reads an array of objects, or an object with such an array as items.
func ReadJSON(b []byte, s Schema, bad *Mistakes) ([]Row, error) {
	b = bytes.TrimPrefix(b, bom)
	dec := json.NewDecoder(bytes.NewReader(b))
	t, err := dec.Token()
	if err == nil && t == json.Delim('{') {
		// {"items": [...]}, as a list of the API answers.
		if t, err = dec.Token(); err == nil && t != "items" {
			return nil, errs.New(errs.Invalid, "The file must be a JSON array of items, or an object that begins with items.")
		}
		if err == nil {
			t, err = dec.Token()
		}
	}
	if errors.Is(err, io.EOF) {
		return nil, errs.New(errs.Invalid, "The file is empty. It must be a JSON array of items.")
	}
	if err != nil || t != json.Delim('[') {
		return nil, errs.New(errs.Invalid, "The file must be a JSON array of items.")
	}
	var rows []Row
	for n := 1; dec.More(); n++ {
		if n > MaxRows {
			return nil, errs.New(errs.TooLarge, "The file has more than %d items. Split it.", MaxRows)
		}
		var raw json.RawMessage
		if err := dec.Decode(&raw); err != nil {
			return nil, errs.Fields(errs.Field{Line: n, Message: "is not JSON: " + err.Error()})
		}
		if row, ok := object(raw, n, s, bad); ok {
			rows = append(rows, row)
		}
	}
	if _, err := dec.Token(); err != nil {
		return nil, errs.New(errs.Invalid, "The JSON array has no end. Is the file whole?")
	}
	return rows, nil
}

// ReadLines reads one JSON object a line.
func ReadLines(b []byte, s Schema, bad *Mistakes) ([]Row, error) {
	sc := bufio.NewScanner(bytes.NewReader(bytes.TrimPrefix(b, bom)))
	sc.Buffer(nil, maxLine)
	var rows []Row
	n := 0
	for sc.Scan() {
		n++
		l := bytes.TrimSpace(sc.Bytes())
		if len(l) == 0 {
			continue
		}
		if len(rows) == MaxRows {
			return nil, errs.New(errs.TooLarge, "The file has more than %d items. Split it.", MaxRows)
		}
		if row, ok := object(l, n, s, bad); ok {
			rows = append(rows, row)
		}
	}
	if sc.Err() != nil {
		return nil, errs.Fields(errs.Field{Line: n + 1, Message: fmt.Sprintf("has more than %d bytes in one line", maxLine)})
	}
	return rows, nil
}

func object(raw []byte, line int, s Schema, bad *Mistakes) (Row, bool) {
	row, before := blank(line), bad.Total
	wrong := func(path string, v []byte, msg string) {
		bad.Add(errs.Field{Line: line, Path: path, Value: clip(string(bytes.ToValidUTF8(v, []byte("�")))), Message: msg})
	}
	var m map[string]json.RawMessage
	if err := json.Unmarshal(raw, &m); err != nil || m == nil {
		wrong("", raw, `must be an object such as {"name": "web-1", "kind": "host"}`)
		return row, false
	}
	for _, k := range slices.Sorted(maps.Keys(m)) {
		v := m[k]
		switch {
		case k == "labels":
			if json.Unmarshal(v, &row.Labels) != nil {
				wrong(k, v, "must be an object of text")
			}
		case k == "attributes":
			if json.Unmarshal(v, &row.Attributes) != nil {
				wrong(k, v, "must be an object")
			}
		case slices.Contains(Fields(), k):
			var t *string
			if json.Unmarshal(v, &t) != nil {
				wrong(k, v, "must be text")
			} else if t == nil {
				t = new(string)
			}
			if t != nil && k == "name" {
				row.Name = *t
			} else if t != nil {
				row.Fields[k] = *t
			}
		case slices.Contains(s.Relations, k):
			list := []string{}
			if json.Unmarshal(v, &list) != nil {
				wrong(k, v, "must be a list of names")
			}
			if list == nil {
				list = []string{}
			}
			row.Relations[k] = list
		default:
			known := append(append(Fields(), "labels", "attributes"), s.Relations...)
			wrong(k, v, "is not a known key"+strict.DidYouMean(k, known)+"; attributes go into attributes")
		}
	}
	if row.Labels == nil {
		row.Labels = map[string]*string{}
	}
	if row.Attributes == nil {
		row.Attributes = map[string]any{}
	}
	if row.Name == "" && bad.Total == before {
		wrong("name", nil, "is missing; every item has a name")
	}
	return row, bad.Total == before
}
