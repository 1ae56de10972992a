package kind

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/strict"
)

// Limits on a model.
const (
	maxKinds      = 500
	maxDepth      = 10
	maxAttributes = 200
	maxRelations  = 100
	maxOptions    = 500
	maxSources    = 50
)

// Kind says what sort of thing an item is.
type Kind struct {
	Name  string `json:"name"`
	Title string `json:"title"`
	// Icon is a name of the Tabler icon set.
	Icon        string `json:"icon" doc:"Name in the Tabler icon set."`
	Description string `json:"description"`
	// Parent is the kind that it extends; empty for none.
	Parent  string `json:"parent" doc:"The kind that it extends; empty for none."`
	BuiltIn bool   `json:"built_in"`
	// Attributes are those that the kind itself declares.
	Attributes []Attribute `json:"attributes" doc:"The attributes that this kind itself declares."`
	// Precedence orders the sources of values of items of the kind; empty for the
	// order of its parent.
	Precedence []string `json:"precedence" doc:"Sources in the order in which they win; empty for the order of the parent."`
}

// The directions in which a failure travels along a relation.
const (
	Nowhere  = "none"
	ToSource = "to_source"
	ToTarget = "to_target"
)

// Relation is a type of relation. "a <Name> b" is stored; "b <Inverse> a" is how b
// shows it.
type Relation struct {
	Name         string `json:"name"`
	Inverse      string `json:"inverse" doc:"Name as seen from the other side."`
	Title        string `json:"title" doc:"How a sentence says it: depends on."`
	InverseTitle string `json:"inverse_title" doc:"How a sentence says it from the other side: is used by."`
	// Carries says which way a failure travels.
	Carries     string `json:"carries" enum:"none,to_source,to_target" doc:"Which way a failure travels: to_source when the left one is affected if the right one stops."`
	Description string `json:"description"`
	BuiltIn     bool   `json:"built_in"`
}

// Defined is an attribute with the kind that declares it.
type Defined struct {
	Attribute
	By string `json:"declared_by" doc:"The kind that declares it."`
}

// Model is all kinds and relation types at one moment.
type Model struct {
	Revision   string
	Precedence []string

	kinds     map[string]Kind
	order     []string
	children  map[string][]string
	effective map[string][]Defined
	byKey     map[string]map[string]*Defined
	relations []Relation
	byName    map[string]Relation
}

// Build joins what is built in with what people have defined. own kinds with the
// name of a built-in one add attributes and a precedence to it.
func Build(own []Kind, relations []Relation) (*Model, error) {
	m := &Model{kinds: map[string]Kind{}, children: map[string][]string{}, effective: map[string][]Defined{}, byKey: map[string]map[string]*Defined{}, byName: map[string]Relation{}}
	for _, k := range Builtin() {
		m.kinds[k.Name] = k
		m.order = append(m.order, k.Name)
	}
	for _, k := range own {
		if b, ok := m.kinds[k.Name]; ok && b.BuiltIn {
			b.Attributes, b.Precedence = k.Attributes, k.Precedence
			m.kinds[k.Name] = b
			continue
		}
		m.kinds[k.Name] = k
		m.order = append(m.order, k.Name)
	}
	m.relations = append(BuiltinRelations(), relations...)
	for _, r := range m.relations {
		m.byName[r.Name] = r
	}
	if err := m.check(); err != nil {
		return nil, err
	}
	for _, name := range m.order {
		p := m.kinds[name].Parent
		m.children[p] = append(m.children[p], name)
		m.resolve(name)
	}
	return m, nil
}

// check finds what makes the whole wrong although each kind alone is right. Field
// paths are those of the kind at fault.
func (m *Model) check() error {
	if len(m.kinds) > maxKinds || len(m.relations) > maxRelations {
		return errs.New(errs.Invalid, "At most %d kinds and %d relation types fit.", maxKinds, maxRelations)
	}
	for _, name := range m.order {
		k := m.kinds[name]
		seen := []string{name}
		for p := k.Parent; p != ""; {
			pk, ok := m.kinds[p]
			if !ok {
				return field("parent", p, "is not a known kind"+strict.DidYouMean(p, m.order))
			}
			if slices.Contains(seen, p) {
				return field("parent", k.Parent, "would close a circle: "+strings.Join(append(seen, p), " → "))
			}
			if seen = append(seen, p); len(seen) > maxDepth {
				return field("parent", k.Parent, fmt.Sprintf("makes a chain of more than %d kinds", maxDepth))
			}
			for n, a := range k.Attributes {
				if slices.ContainsFunc(pk.Attributes, func(b Attribute) bool { return a.Name == b.Name }) {
					return field(fmt.Sprintf("attributes[%d].name", n), a.Name, "is declared by both "+name+" and "+p+", which it extends; declare it once")
				}
			}
			p = pk.Parent
		}
	}
	words := map[string]string{}
	for _, r := range m.relations {
		for _, w := range []string{r.Name, r.Inverse} {
			if by, dup := words[w]; dup && by != r.Name {
				return field("name", w, "is used by the relation "+by+" already")
			}
			words[w] = r.Name
		}
	}
	return nil
}

func field(path, value, message string) error {
	return errs.Fields(errs.Field{Path: path, Value: short(value), Message: message})
}

func short(s string) string {
	if r := []rune(s); len(r) > 100 {
		return string(r[:100]) + "…"
	}
	return s
}

func (m *Model) resolve(name string) []Defined {
	if ds, ok := m.effective[name]; ok {
		return ds
	}
	k := m.kinds[name]
	var out []Defined
	if k.Parent != "" {
		out = slices.Clone(m.resolve(k.Parent))
	}
	for _, a := range k.Attributes {
		out = append(out, Defined{Attribute: a, By: name})
	}
	by := make(map[string]*Defined, len(out))
	for n := range out {
		by[out[n].Name] = &out[n]
	}
	m.effective[name], m.byKey[name] = out, by
	return out
}

// Kinds lists all kinds: the built-in ones, then those of people by name.
func (m *Model) Kinds() []Kind {
	out := make([]Kind, len(m.order))
	for n, name := range m.order {
		out[n] = m.kinds[name]
	}
	return out
}

// Kind gives one kind.
func (m *Model) Kind(name string) (Kind, bool) {
	k, ok := m.kinds[name]
	return k, ok
}

// Attributes lists all attributes of a kind, those of the kinds above it first.
func (m *Model) Attributes(kind string) []Defined { return m.effective[kind] }

// Attribute gives the definition of one attribute of a kind; nil when it is free.
func (m *Model) Attribute(kind, key string) *Defined { return m.byKey[kind][key] }

// Within lists a kind and all that extend it.
func (m *Model) Within(kind string) []string {
	out := []string{kind}
	for n := 0; n < len(out); n++ {
		out = append(out, m.children[out[n]]...)
	}
	return out
}

// Above lists a kind and all that it extends, the nearest first.
func (m *Model) Above(kind string) []string {
	var out []string
	for k := kind; k != ""; k = m.kinds[k].Parent {
		out = append(out, k)
	}
	return out
}

// Is tells whether a kind is one of some, or extends one.
func (m *Model) Is(kind string, of []string) bool {
	return slices.ContainsFunc(m.Above(kind), func(k string) bool { return slices.Contains(of, k) })
}

// Order gives the sources of values of an attribute in the order in which they
// win: that of the attribute, else of the nearest kind that has one, else of all.
func (m *Model) Order(kind, key string) []string {
	if d := m.Attribute(kind, key); d != nil && len(d.Precedence) > 0 {
		return d.Precedence
	}
	for _, k := range m.Above(kind) {
		if p := m.kinds[k].Precedence; len(p) > 0 {
			return p
		}
	}
	return m.Precedence
}

// CheckKind refuses what is not the name of a kind.
func (m *Model) CheckKind(path, kind string) error {
	if _, ok := m.kinds[kind]; ok {
		return nil
	}
	if kind == "" {
		return errs.Fields(errs.Field{Path: path, Message: "is missing; say what kind of thing it is, for example service or host"})
	}
	names := slices.Sorted(slices.Values(m.order))
	return field(path, kind, "is not a known kind"+strict.DidYouMean(kind, names))
}

// Relations lists the types in the order in which they are shown.
func (m *Model) Relations() []Relation { return m.relations }

// Relation finds a type by name.
func (m *Model) Relation(path, name string) (Relation, error) {
	if r, ok := m.byName[name]; ok {
		return r, nil
	}
	var names []string
	for _, r := range m.relations {
		names = append(names, r.Name)
		if r.Inverse == name {
			return r, field(path, name, "is the other side of "+r.Name+"; add "+r.Name+" on the other item")
		}
	}
	return Relation{}, field(path, name, "is not a known relation"+strict.DidYouMean(name, names))
}

var nameShape = regexp.MustCompile(`^[a-z][a-z0-9_]{0,49}$`)

func checkName(path, s string) []errs.Field {
	if nameShape.MatchString(s) {
		return nil
	}
	return []errs.Field{{Path: path, Value: short(s), Message: "must begin with a small letter and hold only small letters, digits and _ (at most 50)"}}
}

func checkLine(path, s string, limit int) []errs.Field {
	if len(s) > limit || !utf8.ValidString(s) || strings.ContainsFunc(s, unicode.IsControl) {
		return []errs.Field{{Path: path, Value: short(s), Message: fmt.Sprintf("must be one line of at most %d bytes", limit)}}
	}
	return nil
}

func checkSources(path string, list []string) []errs.Field {
	if len(list) > maxSources {
		return []errs.Field{{Path: path, Message: fmt.Sprintf("has %d sources; at most %d fit", len(list), maxSources)}}
	}
	for n, s := range list {
		if s == "" || slices.Contains(list[:n], s) {
			return []errs.Field{{Path: fmt.Sprintf("%s[%d]", path, n), Value: short(s), Message: "must be the name of a source, each once, for example manual, agent or snmp"}}
		}
		if bad := checkLine(fmt.Sprintf("%s[%d]", path, n), s, 100); bad != nil {
			return bad
		}
	}
	return nil
}

// CheckPrecedence refuses an order of sources that cannot be used.
func CheckPrecedence(path string, list []string) error {
	return errs.Fields(checkSources(path, list)...)
}

// Check tells what is wrong with a kind by itself.
func (k *Kind) Check() error {
	bad := checkName("name", k.Name)
	bad = append(bad, checkLine("title", k.Title, 100)...)
	bad = append(bad, checkLine("icon", k.Icon, 50)...)
	bad = append(bad, checkLine("description", k.Description, 1000)...)
	bad = append(bad, checkSources("precedence", k.Precedence)...)
	if len(k.Attributes) > maxAttributes {
		bad = append(bad, errs.Field{Path: "attributes", Message: fmt.Sprintf("has %d attributes; at most %d fit", len(k.Attributes), maxAttributes)})
	}
	seen := map[string]bool{}
	for n := range k.Attributes {
		a := &k.Attributes[n]
		at := fmt.Sprintf("attributes[%d].", n)
		for _, f := range a.check() {
			f.Path = at + f.Path
			bad = append(bad, f)
		}
		if seen[a.Name] {
			bad = append(bad, errs.Field{Path: at + "name", Value: a.Name, Message: "is declared twice; names must differ"})
		}
		seen[a.Name] = true
	}
	return errs.Fields(bad...)
}

// Check tells what is wrong with a relation type by itself.
func (r *Relation) Check() error {
	bad := checkName("name", r.Name)
	bad = append(bad, checkName("inverse", r.Inverse)...)
	bad = append(bad, checkLine("title", r.Title, 100)...)
	bad = append(bad, checkLine("inverse_title", r.InverseTitle, 100)...)
	bad = append(bad, checkLine("description", r.Description, 1000)...)
	if !slices.Contains([]string{Nowhere, ToSource, ToTarget}, r.Carries) {
		bad = append(bad, errs.Field{Path: "carries", Value: short(r.Carries), Message: "must be none, to_source or to_target"})
	}
	return errs.Fields(bad...)
}
