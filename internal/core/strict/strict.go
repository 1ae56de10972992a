// Package strict decodes YAML into Go structs and reports every error at once,
// each with line, path, value and what would be right. Unknown keys, duplicate
// keys and values of the wrong type are errors.
//
// Struct tags: yaml:"name" names the key; required:"true", enum:"a,b",
// minimum:"1" and maximum:"5" constrain it; secret:"true" keeps the value out of
// messages. A type with UnmarshalText decides about its own text. An int field
// tagged strict:"line" gets the line that its object begins on.
package strict

import (
	"bytes"
	"encoding"
	"errors"
	"fmt"
	"io"
	"reflect"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
)

// Limits on a document.
const (
	MaxBytes = 8 << 20
	maxDepth = 64
	maxNodes = 1 << 20
)

// Decode reads one YAML document into the struct that into points to. The error
// is an *errs.Error of code Invalid with every problem; file is named in its
// sentence.
func Decode(file string, data []byte, into any) error {
	root, fs := Parse(file, data)
	if root != nil && len(fs) == 0 {
		fs = DecodeNode(root, "", into)
	}
	if len(fs) == 0 {
		return nil
	}
	return &errs.Error{Code: errs.Invalid, Message: fmt.Sprintf("%s has %d %s.", file, len(fs), plural(len(fs))), Fields: fs}
}

func plural(n int) string {
	if n == 1 {
		return "mistake"
	}
	return "mistakes"
}

var lineRE = regexp.MustCompile(`line (\d+)`)

// Parse reads one document and gives its root node, nil for an empty document.
func Parse(file string, data []byte) (*yaml.Node, []errs.Field) {
	if len(data) > MaxBytes {
		return nil, []errs.Field{{Message: fmt.Sprintf("the file has %d bytes, at most %d fit", len(data), MaxBytes)}}
	}
	dec := yaml.NewDecoder(bytes.NewReader(data))
	var doc yaml.Node
	if err := dec.Decode(&doc); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, nil
		}
		line := 0
		if m := lineRE.FindStringSubmatch(err.Error()); m != nil {
			line, _ = strconv.Atoi(m[1])
		}
		msg := lineRE.ReplaceAllString(strings.TrimPrefix(err.Error(), "yaml: "), "")
		return nil, []errs.Field{{Line: line, Message: "is not valid YAML: " + strings.TrimLeft(msg, ": ")}}
	}
	var second yaml.Node
	if err := dec.Decode(&second); !errors.Is(err, io.EOF) {
		return nil, []errs.Field{{Line: second.Line, Message: "the file must hold one document; remove the second one after ---"}}
	}
	if len(doc.Content) == 0 {
		return nil, nil
	}
	n := 0
	if f := guard(doc.Content[0], 0, &n); f != nil {
		return nil, []errs.Field{*f}
	}
	return doc.Content[0], nil
}

// guard follows aliases as a decoder would, so that a small file cannot stand for
// a huge one.
func guard(n *yaml.Node, depth int, count *int) *errs.Field {
	*count++
	if depth > maxDepth {
		return &errs.Field{Line: n.Line, Message: fmt.Sprintf("is nested deeper than %d levels", maxDepth)}
	}
	if *count > maxNodes {
		return &errs.Field{Line: n.Line, Message: "grows too large when its aliases are followed"}
	}
	if n.Kind == yaml.AliasNode {
		return guard(n.Alias, depth+1, count)
	}
	for _, c := range n.Content {
		if f := guard(c, depth+1, count); f != nil {
			return f
		}
	}
	return nil
}

// DecodeNode decodes n into the value that into points to; path begins every
// field's path.
func DecodeNode(n *yaml.Node, path string, into any) []errs.Field {
	d := &decoder{}
	d.value(n, path, reflect.ValueOf(into).Elem(), "")
	return d.bad
}

type decoder struct{ bad []errs.Field }

func (d *decoder) fail(n *yaml.Node, path string, tag reflect.StructTag, format string, args ...any) {
	f := errs.Field{Path: path, Line: n.Line, Message: fmt.Sprintf(format, args...)}
	if n.Kind == yaml.ScalarNode && tag.Get("secret") != "true" {
		f.Value = n.Value
		if len(f.Value) > 80 {
			f.Value = strings.ToValidUTF8(f.Value[:80], "") + "…"
		}
	}
	d.bad = append(d.bad, f)
}

// Unmarshaler decodes itself from a node, for values whose keys are not fixed.
type Unmarshaler interface {
	UnmarshalStrict(n *yaml.Node, path string) []errs.Field
}

func textOf(v reflect.Value) (encoding.TextUnmarshaler, bool) {
	if !v.CanAddr() {
		return nil, false
	}
	u, ok := v.Addr().Interface().(encoding.TextUnmarshaler)
	return u, ok
}

func (d *decoder) value(n *yaml.Node, path string, v reflect.Value, tag reflect.StructTag) {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if v.Kind() == reflect.Pointer {
		if n.Tag == "!!null" {
			return
		}
		if v.IsNil() {
			v.Set(reflect.New(v.Type().Elem()))
		}
		d.value(n, path, v.Elem(), tag)
		return
	}
	if n.Tag == "!!null" && v.Kind() != reflect.Struct {
		return // nothing given keeps what is there
	}
	if v.CanAddr() {
		if u, ok := v.Addr().Interface().(Unmarshaler); ok {
			d.bad = append(d.bad, u.UnmarshalStrict(n, path)...)
			return
		}
	}
	if u, ok := textOf(v); ok {
		if n.Kind != yaml.ScalarNode {
			d.fail(n, path, tag, "must be a single value, not a %s", shape(n))
			return
		}
		if err := u.UnmarshalText([]byte(n.Value)); err != nil {
			d.fail(n, path, tag, "%s", err.Error())
		}
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		d.object(n, path, v)
	case reflect.Map:
		d.mapping(n, path, v, tag)
	case reflect.Slice:
		if n.Tag == "!!null" {
			return
		}
		if n.Kind != yaml.SequenceNode {
			d.fail(n, path, tag, "must be a list, for example [%s]", example(v.Type().Elem()))
			return
		}
		out := reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content))
		for i, c := range n.Content {
			d.value(c, fmt.Sprintf("%s[%d]", path, i), out.Index(i), tag)
		}
		v.Set(out)
	case reflect.Interface:
		var x any
		if err := n.Decode(&x); err != nil {
			d.fail(n, path, tag, "cannot be read: %v", err)
			return
		}
		if x != nil {
			v.Set(reflect.ValueOf(x))
		}
	default:
		d.scalar(n, path, v, tag)
	}
}

func (d *decoder) scalar(n *yaml.Node, path string, v reflect.Value, tag reflect.StructTag) {
	if n.Kind != yaml.ScalarNode {
		d.fail(n, path, tag, "must be a single value, not a %s", shape(n))
		return
	}
	if n.Tag == "!!null" {
		return
	}
	switch v.Kind() {
	case reflect.String:
		if n.Tag != "!!str" && n.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle) == 0 && (n.Tag == "!!bool") {
			d.fail(n, path, tag, "must be text; put it in quotes")
			return
		}
		v.SetString(n.Value)
	case reflect.Bool:
		b, err := strconv.ParseBool(n.Value)
		if err != nil || n.Tag != "!!bool" {
			d.fail(n, path, tag, "must be true or false")
			return
		}
		v.SetBool(b)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		i, err := strconv.ParseInt(n.Value, 10, v.Type().Bits())
		if err != nil || n.Tag != "!!int" {
			d.fail(n, path, tag, "must be a whole number")
			return
		}
		v.SetInt(i)
		d.bounds(n, path, float64(i), tag)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		u, err := strconv.ParseUint(n.Value, 10, v.Type().Bits())
		if err != nil || n.Tag != "!!int" {
			d.fail(n, path, tag, "must be a whole number from 0 to %d", uint64(1)<<v.Type().Bits()-1)
			return
		}
		v.SetUint(u)
		d.bounds(n, path, float64(u), tag)
	case reflect.Float64, reflect.Float32:
		f, err := strconv.ParseFloat(n.Value, 64)
		if err != nil || n.Tag != "!!int" && n.Tag != "!!float" {
			d.fail(n, path, tag, "must be a number")
			return
		}
		v.SetFloat(f)
		d.bounds(n, path, f, tag)
	default:
		panic("strict: unsupported type " + v.Type().String())
	}
	if e := tag.Get("enum"); e != "" && v.Kind() == reflect.String && !slices.Contains(strings.Split(e, ","), n.Value) {
		d.fail(n, path, tag, "must be one of %s", strings.ReplaceAll(e, ",", ", "))
	}
}

func (d *decoder) bounds(n *yaml.Node, path string, f float64, tag reflect.StructTag) {
	if lo, err := strconv.ParseFloat(tag.Get("minimum"), 64); err == nil && f < lo {
		d.fail(n, path, tag, "must be at least %s", tag.Get("minimum"))
	}
	if hi, err := strconv.ParseFloat(tag.Get("maximum"), 64); err == nil && f > hi {
		d.fail(n, path, tag, "must be at most %s", tag.Get("maximum"))
	}
}

func (d *decoder) mapping(n *yaml.Node, path string, v reflect.Value, tag reflect.StructTag) {
	if n.Tag == "!!null" {
		return
	}
	if n.Kind != yaml.MappingNode {
		d.fail(n, path, tag, "must be a mapping of keys to values")
		return
	}
	if v.IsNil() {
		v.Set(reflect.MakeMap(v.Type()))
	}
	seen := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, c := n.Content[i], n.Content[i+1]
		if k.Kind != yaml.ScalarNode {
			d.fail(k, path, tag, "has a key that is a %s; a key must be text", shape(k))
			continue
		}
		if d.duplicate(k, join(path, k.Value), seen) {
			continue
		}
		e := reflect.New(v.Type().Elem()).Elem()
		d.value(c, join(path, k.Value), e, tag)
		v.SetMapIndex(reflect.ValueOf(k.Value).Convert(v.Type().Key()), e)
	}
}

func (d *decoder) duplicate(k *yaml.Node, path string, seen map[string]int) bool {
	first, dup := seen[k.Value]
	if dup {
		d.fail(k, path, "", "is given twice, first in line %d; keep one", first)
	}
	seen[k.Value] = k.Line
	return dup
}

type field struct {
	v   reflect.Value
	tag reflect.StructTag
}

func fieldsOf(v reflect.Value, into map[string]field) {
	t := v.Type()
	for i := range t.NumField() {
		f := t.Field(i)
		name, opts, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		if name == "-" || !f.IsExported() || f.Tag.Get("strict") == "line" {
			continue
		}
		if opts == "inline" || f.Anonymous && name == "" {
			fieldsOf(v.Field(i), into)
			continue
		}
		if name == "" {
			name = strings.ToLower(f.Name)
		}
		into[name] = field{v.Field(i), f.Tag}
	}
}

func (d *decoder) object(n *yaml.Node, path string, v reflect.Value) {
	if n.Kind != yaml.MappingNode {
		d.fail(n, path, "", "must be a mapping of keys to values, not a %s", shape(n))
		return
	}
	fields := map[string]field{}
	fieldsOf(v, fields)
	for i := range v.NumField() {
		if v.Type().Field(i).Tag.Get("strict") == "line" {
			v.Field(i).SetInt(int64(n.Line))
		}
	}
	names := make([]string, 0, len(fields))
	for k := range fields {
		names = append(names, k)
	}
	sort.Strings(names)
	seen, null := map[string]int{}, map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, c := n.Content[i], n.Content[i+1]
		null[k.Value] = c.Tag == "!!null"
		f, ok := fields[k.Value]
		if !ok {
			d.fail(k, join(path, k.Value), "", "is not a known key%s", DidYouMean(k.Value, names))
			continue
		}
		if !d.duplicate(k, join(path, k.Value), seen) {
			d.value(c, join(path, k.Value), f.v, f.tag)
		}
	}
	for _, name := range names {
		if _, given := seen[name]; (!given || null[name]) && fields[name].tag.Get("required") == "true" {
			d.bad = append(d.bad, errs.Field{Path: join(path, name), Line: n.Line, Message: "is missing"})
		}
	}
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

func shape(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "mapping"
	case yaml.SequenceNode:
		return "list"
	}
	return "single value"
}

func example(t reflect.Type) string {
	switch t.Kind() {
	case reflect.String:
		return "a, b"
	case reflect.Int, reflect.Int64:
		return "1, 2"
	}
	return "…"
}
