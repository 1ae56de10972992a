package logdb

import (
	"encoding/json"
	"strings"
	"sync"
	"time"
)

// More is the field that keeps fields which are above a limit, as a JSON object.
const More = "_more"

// names knows the field names of each stream. The engine drops rows without a word
// when the rows of one stream have more than 2,000 different names at one time, so
// names above MaxNames never reach it.
type names struct {
	mu      sync.Mutex
	since   time.Time
	streams map[string]map[string]struct{}
}

// namesAge is how long names count. Two ages may meet in one block of the engine,
// which must stay below 2,000 together with the fields of one row.
const namesAge = 10 * time.Minute

// tidy gives the row as it can be stored. It returns r itself nearly always.
func (n *names) tidy(now time.Time, r Row, last *[]Field, lastKey *string) Row {
	if len(r.Stream) > MaxStream {
		r.Fields = append(append([]Field(nil), r.Stream[MaxStream:]...), r.Fields...)
		r.Stream = r.Stream[:MaxStream:MaxStream]
	}
	for _, f := range r.Stream {
		if len(f.Name) > MaxName || f.Name == "" || strings.HasPrefix(f.Name, "_") {
			return n.tidy(now, streamless(r), last, lastKey)
		}
	}
	key := streamKey(r.Stream)
	if key == *lastKey && sameNames(*last, r.Fields) {
		return r
	}
	n.mu.Lock()
	if n.streams == nil || now.Sub(n.since) >= namesAge {
		n.streams, n.since = map[string]map[string]struct{}{}, now
	}
	known := n.streams[key]
	if known == nil {
		known = map[string]struct{}{}
		n.streams[key] = known
	}
	var keep, more []Field
	kept := 0
	for i, f := range r.Fields {
		ok := kept < MaxFields && len(f.Name) <= MaxName && f.Name != Time && f.Name != Stream && f.Name != StreamID && !has(r.Stream, f.Name) && !has(r.Fields[:i], f.Name)
		if ok && f.Name != Message && f.Name != "" {
			if _, seen := known[f.Name]; !seen {
				if ok = len(known) < MaxNames; ok {
					known[strings.Clone(f.Name)] = struct{}{}
				}
			}
		}
		switch {
		case ok:
			kept++
			if keep != nil {
				keep = append(keep, f)
			}
		default:
			if keep == nil {
				keep = append(make([]Field, 0, len(r.Fields)), r.Fields[:i]...)
			}
			more = append(more, f)
		}
	}
	n.mu.Unlock()
	if more == nil {
		*last, *lastKey = r.Fields, key
		return r
	}
	keep = append(keep, Field{Name: More, Value: asJSON(more)})
	r.Fields = keep
	return r
}

// streamless moves fields that cannot name a stream to the other fields.
func streamless(r Row) Row {
	out := Row{At: r.At}
	for _, f := range r.Stream {
		if len(f.Name) > MaxName || f.Name == "" || strings.HasPrefix(f.Name, "_") {
			out.Fields = append(out.Fields, f)
		} else {
			out.Stream = append(out.Stream, f)
		}
	}
	out.Fields = append(out.Fields, r.Fields...)
	return out
}

func has(fs []Field, name string) bool {
	for i := range fs {
		if fs[i].Name == name {
			return true
		}
	}
	return false
}

func sameNames(a, b []Field) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i].Name != b[i].Name {
			return false
		}
	}
	return true
}

// asJSON gives a name that occurs more than once a list of its values.
func asJSON(fs []Field) string {
	m := make(map[string][]string, len(fs))
	for _, f := range fs {
		m[f.Name] = append(m[f.Name], f.Value)
	}
	flat := make(map[string]any, len(m))
	for k, v := range m {
		flat[k] = v[0]
		if len(v) > 1 {
			flat[k] = v
		}
	}
	b, err := json.Marshal(flat)
	if err != nil {
		return "" // a map of strings always has a form in JSON
	}
	return string(b)
}
