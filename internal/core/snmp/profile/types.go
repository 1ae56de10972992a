package profile

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/strict"
)

// UnmarshalText implements encoding.TextUnmarshaler.
func (o *OID) UnmarshalText(b []byte) error {
	s := strings.TrimPrefix(string(b), ".")
	if !isOID(s) {
		return fmt.Errorf("must be an OID in numbers, for example 1.3.6.1.2.1.1.1.0")
	}
	*o = OID(s)
	return nil
}

func isOID(s string) bool {
	if len(s) > 512 || !strings.Contains(s, ".") {
		return false
	}
	for part := range strings.SplitSeq(s, ".") {
		if _, err := strconv.ParseUint(part, 10, 32); err != nil {
			return false
		}
	}
	return true
}

// Pattern is a regular expression of Go's package regexp.
type Pattern struct{ re *regexp.Regexp }

// UnmarshalText implements encoding.TextUnmarshaler.
func (p *Pattern) UnmarshalText(b []byte) error {
	if len(b) == 0 || len(b) > maxPattern {
		return fmt.Errorf("must be a regular expression of 1 to %d characters", maxPattern)
	}
	re, err := regexp.Compile(string(b))
	if err != nil {
		msg := strings.TrimPrefix(err.Error(), "error parsing regexp: ")
		return fmt.Errorf("is not a regular expression: %s", msg)
	}
	p.re = re
	return nil
}

func (p Pattern) given() bool { return p.re != nil }

func (p Pattern) text() string {
	if p.re == nil {
		return ""
	}
	return p.re.String()
}

// take gives the first group that holds something, or the whole match when the
// expression has no group.
func (p Pattern) take(s string) (string, bool) {
	m := p.re.FindStringSubmatch(s)
	if m == nil {
		return "", false
	}
	if len(m) == 1 {
		return m[0], true
	}
	for _, g := range m[1:] {
		if g != "" {
			return strings.TrimSpace(g), true
		}
	}
	return "", false
}

// List is a list in which a single value may stand for itself.
type List[T any] []T

// UnmarshalStrict implements strict.Unmarshaler.
func (l *List[T]) UnmarshalStrict(n *yaml.Node, path string) []errs.Field {
	if n.Kind == yaml.SequenceNode {
		return strict.DecodeNode(n, path, (*[]T)(l))
	}
	var one T
	bad := strict.DecodeNode(n, path, &one)
	*l = List[T]{one}
	return bad
}

// UnmarshalStrict implements strict.Unmarshaler: a single value is an OID or a text.
func (s *Source) UnmarshalStrict(n *yaml.Node, path string) []errs.Field {
	if n.Kind == yaml.ScalarNode {
		if t := strings.TrimPrefix(n.Value, "."); strings.Count(t, ".") > 4 && isOID(t) {
			s.OID = OID(t)
			return nil
		}
		if strings.TrimSpace(n.Value) == "" {
			return []errs.Field{{Path: path, Line: n.Line, Message: "is empty; give a text, an OID or a mapping"}}
		}
		s.Text = n.Value
		return nil
	}
	type plain Source
	bad := strict.DecodeNode(n, path, (*plain)(s))
	given := 0
	for _, ok := range []bool{s.Text != "", s.OID != "", s.Descr.given(), s.Name.given(), len(s.ObjectID) > 0} {
		if ok {
			given++
		}
	}
	if given != 1 && len(bad) == 0 {
		bad = append(bad, errs.Field{Path: path, Line: n.Line, Message: "must have exactly one of text, oid, descr, name and object_id"})
	}
	for k := range s.ObjectID {
		if !isOID(k) {
			bad = append(bad, errs.Field{Path: path + ".object_id", Line: n.Line, Value: k, Message: "must be a prefix of sysObjectID in numbers"})
		}
	}
	return bad
}

// UnmarshalStrict implements strict.Unmarshaler: a single value is the OID.
func (c *Column) UnmarshalStrict(n *yaml.Node, path string) []errs.Field {
	if n.Kind == yaml.ScalarNode {
		return strict.DecodeNode(n, path, &c.OID)
	}
	type plain Column
	bad := strict.DecodeNode(n, path, (*plain)(c))
	if c.Via != "" && c.Index.given() {
		bad = append(bad, errs.Field{Path: path, Line: n.Line, Message: "has both via and index; keep one"})
	}
	return bad
}

// Arcs is a range of the arcs of an index, counted from 1; Last 0 is to the end.
type Arcs struct{ First, Last int }

func (a Arcs) given() bool { return a.First > 0 }

// UnmarshalText implements encoding.TextUnmarshaler.
func (a *Arcs) UnmarshalText(b []byte) error {
	first, last, ranged := strings.Cut(string(b), "-")
	bad := fmt.Errorf("must be the number of an arc such as 1, or a range such as 2-3 or 2-")
	f, err := strconv.ParseUint(first, 10, 8)
	if err != nil || f == 0 {
		return bad
	}
	a.First, a.Last = int(f), int(f)
	if !ranged {
		return nil
	}
	if a.Last = 0; last == "" {
		return nil
	}
	l, err := strconv.ParseUint(last, 10, 8)
	if err != nil || l < f {
		return bad
	}
	a.Last = int(l)
	return nil
}

func (a Arcs) of(index string) string {
	parts := strings.Split(index, ".")
	last := a.Last
	if last == 0 || last > len(parts) {
		last = len(parts)
	}
	if a.First > last {
		return ""
	}
	return strings.Join(parts[a.First-1:last], ".")
}

var refRE = regexp.MustCompile(`\{([^{}]*)\}`)

// badRefs gives what stands in braces in s and is not known.
func badRefs(s string, columns map[string]Column) []string {
	var bad []string
	for _, m := range refRE.FindAllStringSubmatch(s, -1) {
		name := m[1]
		if _, ok := columns[name]; ok || name == "index" || name == "value" || slices.Contains(bad, name) {
			continue
		}
		if arc, ok := strings.CutPrefix(name, "index."); ok {
			if n, err := strconv.Atoi(arc); err == nil && n > 0 {
				continue
			}
		}
		bad = append(bad, name)
	}
	return bad
}

// isZero tells whether v was not given.
func isZero(v any) bool { return reflect.ValueOf(v).IsZero() }
