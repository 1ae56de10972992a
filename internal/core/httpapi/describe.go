package httpapi

import (
	"context"
	"fmt"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

// operation is what is known about the input and the output of one operation. It is
// found once, when the operation is registered, by reflection: huma's own Register
// is generic and puts 40 kB into the program for each operation (decision 015).
type operation struct {
	huma.Operation
	in     reflect.Type
	params []parameter
	// body and raw are the fields Body and RawBody of the input, nil without.
	body, raw []int
	schema    *huma.Schema
	defaults  []fallback

	headers []header
	// status and answer are the fields Status and Body of the output, nil without.
	status, answer []int

	call func(ctx context.Context, in any) (any, error)
}

// parameter is one value of the path, the query or the headers.
type parameter struct {
	field    []int
	name, in string
	required bool
	// explode takes several of the same name; without, one is split at commas.
	explode  bool
	fallback string
	schema   *huma.Schema
}

type header struct {
	field []int
	name  string
}

var (
	timeType    = reflect.TypeFor[time.Time]()
	streamType  = reflect.TypeFor[func(huma.Context)]()
	stringsType = reflect.TypeFor[[]string]()
	cookieType  = reflect.TypeFor[http.Cookie]()
)

// describe reads the types of an operation and adds it to the document. A mistake
// in a type is a mistake of its author, seen by every test that starts the program.
func (a *API) describe(o *operation, in, out reflect.Type) {
	doc := a.huma.OpenAPI()
	reg := doc.Components.Schemas
	o.in = in
	o.Responses = map[string]*huma.Response{}
	o.describeInput(reg)
	o.describeOutput(reg, out)
	if len(o.params) > 0 || o.schema != nil {
		o.Errors = append(o.Errors, http.StatusUnprocessableEntity)
	}
	o.Errors = append(o.Errors, http.StatusInternalServerError)
	problem := reg.Schema(reflect.TypeFor[Problem](), true, "Problem")
	for _, code := range o.Errors {
		o.Responses[strconv.Itoa(code)] = &huma.Response{
			Description: http.StatusText(code),
			Content:     map[string]*huma.MediaType{problemType: {Schema: problem}},
		}
	}
	doc.AddOperation(&o.Operation)
}

func (o *operation) describeInput(reg huma.Registry) {
	for _, f := range reflect.VisibleFields(o.in) {
		switch {
		case f.Anonymous || !f.IsExported() || len(f.Index) > 1 && within(o.in, f.Index, "Body"):
		case f.Name == "Body":
			o.body = f.Index
			o.describeBody(reg, f)
		case f.Name == "RawBody":
			o.raw = f.Index
			o.describeRaw(f)
		default:
			if p, ok := param(reg, f); ok {
				o.params = append(o.params, p)
				o.Parameters = append(o.Parameters, p.document())
			}
		}
	}
}

// within tells whether the field at index belongs to the named field.
func within(t reflect.Type, index []int, name string) bool {
	for _, i := range index[:len(index)-1] {
		f := t.Field(i)
		if f.Name == name {
			return true
		}
		t = f.Type
		if t.Kind() == reflect.Pointer {
			t = t.Elem()
		}
	}
	return false
}

func param(reg huma.Registry, f reflect.StructField) (parameter, bool) {
	p := parameter{field: f.Index, fallback: f.Tag.Get("default")}
	for _, in := range []string{"path", "query", "header"} {
		tag := f.Tag.Get(in)
		if tag == "" {
			continue
		}
		name, rest, _ := strings.Cut(tag, ",")
		p.in, p.name, p.explode = in, name, rest == "explode"
		p.required = in == "path" || f.Tag.Get("required") == "true"
		p.schema = huma.SchemaFromField(reg, f, "")
		if !readable(f.Type) {
			panic(fmt.Sprintf("httpapi: the parameter %s has the type %s, which no parameter can have", name, f.Type))
		}
		return p, true
	}
	return p, false
}

func (p *parameter) document() *huma.Param {
	d := &huma.Param{Name: p.name, Description: p.schema.Description, In: p.in, Required: p.required, Schema: p.schema}
	if p.in == "query" {
		d.Explode = &p.explode
	}
	return d
}

func (o *operation) describeBody(reg huma.Registry, f reflect.StructField) {
	hint := o.OperationID + "Request"
	if o.in.Name() != "" {
		hint = o.in.Name() + f.Name
	}
	s := huma.SchemaFromField(reg, f, hint)
	s.PrecomputeMessages()
	o.schema = s
	o.defaults = fallbacks(reg, f.Type, map[reflect.Type]bool{})
	o.BodyReadTimeout = bodyTimeout
	o.RequestBody = &huma.RequestBody{
		Required: f.Type.Kind() != reflect.Pointer && f.Type.Kind() != reflect.Interface || f.Tag.Get("required") == "true",
		Content:  map[string]*huma.MediaType{"application/json": {Schema: s}},
	}
}

func (o *operation) describeRaw(f reflect.StructField) {
	media := f.Tag.Get("contentType")
	if media == "" {
		media = "application/octet-stream"
	}
	s := &huma.Schema{Type: huma.TypeString, Format: "binary"}
	s.PrecomputeMessages()
	o.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{media: {Schema: s}}}
}

func (o *operation) describeOutput(reg huma.Registry, out reflect.Type) {
	status := o.DefaultStatus
	for _, f := range reflect.VisibleFields(out) {
		switch {
		case f.Anonymous || !f.IsExported() || len(f.Index) > 1 && within(out, f.Index, "Body"):
		case f.Name == "Status":
			o.status = f.Index
		case f.Name == "Body":
			o.answer = f.Index
		default:
			name := f.Tag.Get("header")
			if name == "" {
				panic(fmt.Sprintf("httpapi: %s: the field %s of %s is neither a header nor the body", o.OperationID, f.Name, out))
			}
			o.headers = append(o.headers, header{field: f.Index, name: name})
		}
	}
	if status == 0 {
		status = http.StatusNoContent
		if o.answer != nil {
			status = http.StatusOK
		}
	}
	o.DefaultStatus = status
	r := &huma.Response{Description: http.StatusText(status)}
	o.Responses[strconv.Itoa(status)] = r
	if o.answer == nil && len(o.headers) == 0 {
		return
	}
	r.Headers = map[string]*huma.Param{}
	if o.answer != nil {
		if f := out.FieldByIndex(o.answer); f.Type != streamType {
			hint := o.OperationID + "Response"
			if out.Name() != "" {
				hint = out.Name() + f.Name
			}
			r.Content = map[string]*huma.MediaType{"application/json": {Schema: huma.SchemaFromField(reg, f, hint)}}
		}
	}
	for _, h := range o.headers {
		f := out.FieldByIndex(h.field)
		if f.Type == cookieType {
			f.Type = reflect.TypeFor[string]()
		}
		r.Headers[h.name] = &huma.Header{Schema: huma.SchemaFromField(reg, f, o.OperationID+h.name)}
	}
}

// fallback is a field of a body that has a default, or that leads to such fields.
type fallback struct {
	field int
	value reflect.Value // of the field's type; invalid where it leads on
	below []fallback
}

// fallbacks finds the defaults in t, through structs, pointers and lists.
func fallbacks(reg huma.Registry, t reflect.Type, seen map[reflect.Type]bool) []fallback {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct || t == timeType || seen[t] {
		return nil
	}
	seen[t] = true
	defer delete(seen, t)
	var out []fallback
	for i := range t.NumField() {
		f := t.Field(i)
		if !f.IsExported() {
			continue
		}
		if tag := f.Tag.Get("default"); tag != "" {
			v := reflect.New(f.Type).Elem()
			if !readable(f.Type) || set(v, tag, nil) != "" {
				panic(fmt.Sprintf("httpapi: the default %q of %s.%s is no %s", tag, t, f.Name, f.Type))
			}
			out = append(out, fallback{field: i, value: v})
			continue
		}
		if below := fallbacks(reg, f.Type, seen); below != nil {
			out = append(out, fallback{field: i, below: below})
		}
	}
	return out
}

// fill sets what was left out.
func fill(v reflect.Value, fs []fallback) {
	if len(fs) == 0 {
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			fill(v.Elem(), fs)
		}
	case reflect.Slice:
		for i := range v.Len() {
			fill(v.Index(i), fs)
		}
	case reflect.Struct:
		for _, f := range fs {
			switch at := v.Field(f.field); {
			case !f.value.IsValid():
				fill(at, f.below)
			case at.IsZero():
				at.Set(f.value)
			}
		}
	}
}
