package check

import (
	"encoding/json"
	"reflect"
	"strings"

	"github.com/mainstay-ops/mainstay/internal/observe"
)

// TypeInfo describes a type of check, for forms.
type TypeInfo struct {
	Name   string      `json:"name"`
	Title  string      `json:"title"`
	Fields []FieldInfo `json:"fields"`
}

// FieldInfo describes one field of a probe's configuration.
type FieldInfo struct {
	Name string `json:"name"`
	// Kind is text, number, whole, switch, duration, list, map or json.
	Kind     string   `json:"kind" enum:"text,number,whole,switch,duration,list,map,json"`
	Doc      string   `json:"doc"`
	Required bool     `json:"required"`
	Secret   bool     `json:"secret"`
	Enum     []string `json:"enum,omitempty"`
	Default  any      `json:"default,omitempty"`
}

func typeInfos() []TypeInfo {
	out := []TypeInfo{}
	for _, t := range observe.ProbeTypes() {
		cfg := t.New()
		defaults := map[string]any{}
		if b, err := json.Marshal(cfg); err == nil {
			_ = json.Unmarshal(b, &defaults)
		}
		out = append(out, TypeInfo{Name: t.Name, Title: t.Title, Fields: fieldInfos(typeOf(cfg), defaults)})
	}
	return append(out, TypeInfo{Name: PassiveType, Title: "Passive (results come from outside)", Fields: []FieldInfo{}})
}

func fieldInfos(t reflect.Type, defaults map[string]any) []FieldInfo {
	out := []FieldInfo{}
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Anonymous && f.Type.Kind() == reflect.Struct {
			out = append(out, fieldInfos(f.Type, defaults)...)
			continue
		}
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "" || name == "-" || !f.IsExported() {
			continue
		}
		fi := FieldInfo{Name: name, Kind: kindOf(f.Type), Doc: f.Tag.Get("doc"), Required: f.Tag.Get("required") == "true", Secret: f.Tag.Get("secret") == "true"}
		if e := f.Tag.Get("enum"); e != "" {
			fi.Enum = strings.Split(e, ",")
		}
		if !fi.Secret {
			fi.Default = defaults[name]
		}
		out = append(out, fi)
	}
	return out
}

func kindOf(t reflect.Type) string {
	if t == reflect.TypeFor[observe.Duration]() {
		return "duration"
	}
	switch t.Kind() {
	case reflect.Pointer:
		return kindOf(t.Elem())
	case reflect.String:
		return "text"
	case reflect.Bool:
		return "switch"
	case reflect.Float32, reflect.Float64:
		return "number"
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64, reflect.Uint, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return "whole"
	case reflect.Slice:
		return "list"
	case reflect.Map:
		return "map"
	}
	return "json"
}
