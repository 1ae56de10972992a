package kind

import (
	"fmt"
	"math"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
)

// Type is the type of an attribute's values.
type Type string

// The types.
const (
	Text     Type = "text"
	Integer  Type = "integer"
	Number   Type = "number"
	Boolean  Type = "boolean"
	Date     Type = "date"
	DateTime Type = "datetime"
	Enum     Type = "enum"
	IP       Type = "ip"
	MAC      Type = "mac"
	URL      Type = "url"
	// Item is the name of another item.
	Item Type = "item"
	// List is a list of text.
	List Type = "list"
)

// Types lists all types.
func Types() []Type {
	return []Type{Text, Integer, Number, Boolean, Date, DateTime, Enum, IP, MAC, URL, Item, List}
}

// Attribute declares an attribute.
type Attribute struct {
	Name  string `json:"name" yaml:"name" required:"true"`
	Title string `json:"title,omitempty" yaml:"title,omitempty"`
	Type  Type   `json:"type" yaml:"type" required:"true" enum:"text,integer,number,boolean,date,datetime,enum,ip,mac,url,item,list"`
	// Unit of a number, for people.
	Unit string `json:"unit,omitempty" yaml:"unit,omitempty" doc:"Unit of an integer or a number, for people."`
	// Required refuses an item of a person without it; Recommended only says so.
	Required    bool   `json:"required,omitempty" yaml:"required,omitempty" doc:"A person cannot add an item without it."`
	Recommended bool   `json:"recommended,omitempty" yaml:"recommended,omitempty" doc:"The item says that it is missing."`
	Default     any    `json:"default,omitempty" yaml:"default,omitempty" doc:"Value of a new item that is given none."`
	Description string `json:"description,omitempty" yaml:"description,omitempty"`
	// Unique refuses a value that another item of the kind has.
	Unique bool `json:"unique,omitempty" yaml:"unique,omitempty" doc:"No two items of the kind may have the same value."`
	// Pattern is a regular expression (RE2) that all of a text must match.
	Pattern string `json:"pattern,omitempty" yaml:"pattern,omitempty" doc:"Regular expression (RE2) that the whole text, or each text of a list, must match."`
	// Options are the values of an enumeration.
	Options []string `json:"options,omitempty" yaml:"options,omitempty,flow" doc:"The values of an enumeration."`
	// Kind is what an item that is referred to must be.
	Kind string `json:"kind,omitempty" yaml:"kind,omitempty" doc:"Kind that the item referred to must have; kinds that extend it count."`
	// Precedence orders the sources of its values.
	Precedence []string `json:"precedence,omitempty" yaml:"precedence,omitempty,flow" doc:"Sources in the order in which they win; empty for the order of the kind."`
}

// MaxUnique is the size of a unique value in bytes.
const MaxUnique = 200

const maxText = 64 << 10

func (a *Attribute) check() []errs.Field {
	bad := checkName("name", a.Name)
	bad = append(bad, checkLine("title", a.Title, 100)...)
	bad = append(bad, checkLine("unit", a.Unit, 30)...)
	bad = append(bad, checkLine("description", a.Description, 1000)...)
	bad = append(bad, checkSources("precedence", a.Precedence)...)
	if !slices.Contains(Types(), a.Type) {
		var names []string
		for _, t := range Types() {
			names = append(names, string(t))
		}
		return append(bad, errs.Field{Path: "type", Value: short(string(a.Type)), Message: "must be one of " + strings.Join(names, ", ")})
	}
	only := func(path string, given bool, types ...Type) {
		if given && !slices.Contains(types, a.Type) {
			bad = append(bad, errs.Field{Path: path, Message: fmt.Sprintf("does not go with the type %s", a.Type)})
		}
	}
	only("unit", a.Unit != "", Integer, Number)
	only("pattern", a.Pattern != "", Text, URL, List)
	only("options", len(a.Options) > 0, Enum)
	only("kind", a.Kind != "", Item)
	only("unique", a.Unique, Text, Integer, Number, Date, DateTime, IP, MAC, URL, Item)
	if a.Default != nil && a.Unique {
		bad = append(bad, errs.Field{Path: "default", Message: "does not go with unique: every new item would have the same value"})
	}
	if a.Type == Enum && (len(a.Options) == 0 || len(a.Options) > maxOptions) {
		bad = append(bad, errs.Field{Path: "options", Message: fmt.Sprintf("must hold 1 to %d values", maxOptions)})
	}
	for n, o := range a.Options {
		if o == "" || slices.Contains(a.Options[:n], o) {
			bad = append(bad, errs.Field{Path: fmt.Sprintf("options[%d]", n), Value: short(o), Message: "must be text, each value once"})
		}
		bad = append(bad, checkLine(fmt.Sprintf("options[%d]", n), o, 200)...)
	}
	if a.Pattern != "" {
		if len(a.Pattern) > 500 {
			bad = append(bad, errs.Field{Path: "pattern", Message: "has more than 500 bytes"})
		} else if _, err := regexp.Compile(a.Pattern); err != nil {
			bad = append(bad, errs.Field{Path: "pattern", Value: short(a.Pattern), Message: "is not a regular expression: " + err.Error()})
		}
	}
	if a.Default != nil && len(bad) == 0 {
		v, wrong := a.Value(a.Default)
		if wrong != "" {
			bad = append(bad, errs.Field{Path: "default", Value: short(fmt.Sprint(a.Default)), Message: wrong})
		} else {
			a.Default = v
		}
	}
	return bad
}

// Value brings a value into the form of the attribute. wrong says in words that
// continue "its value …" why it cannot be; it is empty when all is well. Numbers
// and yes or no may come as text, as they do from a table.
func (a *Attribute) Value(v any) (out any, wrong string) {
	out, wrong = a.typed(v)
	if wrong == "" && a.Unique && len(Canonical(out)) > MaxUnique {
		return nil, fmt.Sprintf("must have at most %d bytes, because it is unique", MaxUnique)
	}
	return out, wrong
}

func (a *Attribute) typed(v any) (any, string) {
	if a.Type == List {
		return a.list(v)
	}
	s, isText := v.(string)
	if isText && len(s) > maxText {
		return nil, fmt.Sprintf("must have at most %d bytes", maxText)
	}
	switch a.Type {
	case Integer, Number:
		return a.number(v)
	case Boolean:
		if b, ok := v.(bool); ok {
			return b, ""
		}
		switch strings.ToLower(s) {
		case "true", "yes":
			return true, ""
		case "false", "no":
			return false, ""
		}
		return nil, "must be true or false"
	}
	if !isText {
		return nil, "must be text" + example(a.Type)
	}
	switch a.Type {
	case Text:
		return a.matched(s)
	case Enum:
		if !slices.Contains(a.Options, s) {
			return nil, "must be one of " + some(a.Options)
		}
	case Date:
		if _, err := time.Parse(time.DateOnly, s); err != nil {
			return nil, "must be a date" + example(Date)
		}
	case DateTime:
		t, err := time.Parse(time.RFC3339, s)
		if err != nil {
			return nil, "must be a date with time and zone" + example(DateTime)
		}
		return t.UTC().Format(time.RFC3339Nano), ""
	case IP:
		ip, err := netip.ParseAddr(s)
		if err != nil {
			return nil, "must be an IP address" + example(IP)
		}
		return ip.String(), ""
	case MAC:
		mac, err := net.ParseMAC(s)
		if err != nil {
			return nil, "must be a MAC address" + example(MAC)
		}
		return mac.String(), ""
	case URL:
		u, err := url.Parse(s)
		if err != nil || u.Scheme == "" || u.Host == "" {
			return nil, "must be a URL" + example(URL)
		}
		return a.matched(s)
	case Item:
		if s == "" {
			return nil, "must be the name of an item"
		}
	}
	return s, ""
}

func (a *Attribute) matched(s string) (any, string) {
	if a.Pattern == "" {
		return s, ""
	}
	re, err := regexp.Compile("^(?:" + a.Pattern + ")$")
	if err != nil || !re.MatchString(s) {
		return nil, "must match the pattern " + a.Pattern
	}
	return s, ""
}

func (a *Attribute) number(v any) (any, string) {
	f, ok := v.(float64)
	if s, isText := v.(string); isText {
		x, err := strconv.ParseFloat(strings.TrimSpace(s), 64)
		f, ok = x, err == nil
	}
	switch n := v.(type) {
	case int:
		f, ok = float64(n), true
	case int64:
		f, ok = float64(n), true
	}
	if !ok || math.IsNaN(f) || math.IsInf(f, 0) {
		if a.Type == Integer {
			return nil, "must be a whole number"
		}
		return nil, "must be a number"
	}
	if a.Type == Integer && (f != math.Trunc(f) || math.Abs(f) > 1<<53) {
		return nil, "must be a whole number, not larger than 9007199254740992"
	}
	return f, ""
}

func (a *Attribute) list(v any) (any, string) {
	xs, ok := v.([]any)
	if !ok || len(xs) > 1000 {
		return nil, "must be a list of text, of at most 1000"
	}
	for _, x := range xs {
		s, ok := x.(string)
		if !ok || len(s) > maxText {
			return nil, "must be a list of text"
		}
		if _, wrong := a.matched(s); wrong != "" {
			return nil, "has " + strconv.Quote(short(s)) + ", which " + wrong
		}
	}
	return xs, ""
}

func example(t Type) string {
	ex := map[Type]string{
		Date: "2026-05-31", DateTime: "2026-05-31T18:00:00Z", IP: "192.0.2.7 or 2001:db8::7", MAC: "00:00:5e:00:53:01", URL: "https://example.org/page",
	}[t]
	if ex == "" {
		return ""
	}
	return ", for example " + ex
}

func some(list []string) string {
	if len(list) > 12 {
		return strings.Join(list[:12], ", ") + fmt.Sprintf(" and %d more", len(list)-12)
	}
	return strings.Join(list, ", ")
}

// Canonical writes a plain value as text, for an index; empty for lists, objects
// and nothing.
func Canonical(v any) string {
	switch x := v.(type) {
	case string:
		return x
	case bool:
		return strconv.FormatBool(x)
	case float64:
		return strconv.FormatFloat(x, 'f', -1, 64)
	}
	return ""
}

// Words gives what an index holds of a value: it, or each plain value of a list.
func Words(v any) []string {
	xs, ok := v.([]any)
	if !ok {
		xs = []any{v}
	}
	var out []string
	for _, x := range xs {
		if s := Canonical(x); s != "" && len(s) <= 300 && !slices.Contains(out, s) {
			out = append(out, s)
		}
		if len(out) == 100 {
			break
		}
	}
	return out
}
