package asset

import (
	_ "embed"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
)

//go:embed releases.yaml
var shippedReleases []byte

// anyRelease stands for every release of a product.
const anyRelease = "any"

// release is one version of a product with the day its support ends.
type release struct {
	product, title, name string
	endsOn               string // "" when no day is set
	source               string
	match                []*regexp.Regexp
	also                 []string
	own                  bool // a person said so
}

type shippedFile struct {
	Products []struct {
		Name     string            `yaml:"name"`
		Title    string            `yaml:"title"`
		Source   string            `yaml:"source"`
		Match    []string          `yaml:"match"`
		Also     map[string]string `yaml:"also"`
		Releases map[string]string `yaml:"releases"`
	} `yaml:"products"`
}

// readShipped reads the releases that come with the program, by product and name.
func readShipped(b []byte) ([]release, error) {
	var f shippedFile
	if err := yaml.Unmarshal(b, &f); err != nil {
		return nil, fmt.Errorf("releases.yaml: %w", err)
	}
	var out []release
	for _, p := range f.Products {
		var match []*regexp.Regexp
		for _, m := range p.Match {
			re, err := regexp.Compile(m)
			if err != nil || re.NumSubexp() == 0 {
				return nil, fmt.Errorf("releases.yaml: %s: %q is no pattern with a group (%w)", p.Name, m, err)
			}
			match = append(match, re)
		}
		known := map[string]bool{}
		for name, day := range p.Releases {
			if _, err := time.Parse(time.DateOnly, day); err != nil {
				return nil, fmt.Errorf("releases.yaml: %s %s: %w", p.Name, name, err)
			}
			r := release{product: p.Name, title: p.Title + " " + name, name: name, endsOn: day, source: "see " + p.Source, match: match}
			for seen, means := range p.Also {
				if means == name {
					r.also = append(r.also, seen)
				}
			}
			known[name] = true
			out = append(out, r)
		}
		for _, means := range p.Also {
			if !known[means] {
				return nil, fmt.Errorf("releases.yaml: %s: also names %s, which is no release", p.Name, means)
			}
		}
	}
	slices.SortFunc(out, func(a, b release) int {
		if c := strings.Compare(a.product, b.product); c != 0 {
			return c
		}
		return strings.Compare(a.name, b.name)
	})
	return out, nil
}

// ReleaseFields is what a person says of a release.
type ReleaseFields struct {
	Title  string `json:"title,omitempty" yaml:"title,omitempty" maxLength:"200" doc:"How it is called; the text in which the product is looked for begins with it when the product is new."`
	EndsOn string `json:"ends_on,omitempty" yaml:"ends_on,omitempty" maxLength:"10" doc:"The last day of support, such as 2030-06-30; empty when it has no end."`
	Source string `json:"source,omitempty" yaml:"source,omitempty" maxLength:"500" doc:"Who says so."`
}

var (
	productForm = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,59}$`)
	releaseForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9 ._-]{0,59}$`)
)

func (f *ReleaseFields) check(product, name string) error {
	var p problems
	if !productForm.MatchString(product) {
		p.add("product", product, "must have 1 to 60 lower-case letters, digits and . _ -, such as cisco-asa")
	}
	if !releaseForm.MatchString(name) {
		p.add("release", name, "must have 1 to 60 letters, digits, spaces and . _ -, such as 9.16; any stands for all releases")
	}
	p.line("title", &f.Title, 200)
	p.line("source", &f.Source, 500)
	p.day("ends_on", f.EndsOn)
	return errs.Fields(p...)
}

// ownPattern finds a product that only a person knows: its name, with anything but
// digits up to the version. A dash in the name stands for any one sign between words.
func ownPattern(product string) *regexp.Regexp {
	words := strings.FieldsFunc(product, func(r rune) bool { return r == '-' || r == '_' })
	for i, w := range words {
		words[i] = regexp.QuoteMeta(w)
	}
	return regexp.MustCompile(`\b` + strings.Join(words, `[ _/-]?`) + `\b(?:[^0-9]{0,30}?(\d+(?:\.\d+)*))?`)
}

// hit is a release found on an item.
type hit struct {
	release
	found string
}

// ruleSet finds releases in texts.
type ruleSet struct {
	products []product
}

type product struct {
	name     string
	match    []*regexp.Regexp
	releases map[string]release // by what is found, in lower case
}

// newRules lays what people said over what is shipped.
func newRules(shipped, own []release) *ruleSet {
	all := merge(shipped, own)
	rs := &ruleSet{}
	at := map[string]int{}
	for _, r := range all {
		i, ok := at[r.product]
		if !ok {
			i = len(rs.products)
			at[r.product] = i
			rs.products = append(rs.products, product{name: r.product, match: r.match, releases: map[string]release{}})
		}
		p := &rs.products[i]
		if len(p.match) == 0 {
			p.match = r.match
		}
		for _, seen := range append([]string{r.name}, r.also...) {
			p.releases[strings.ToLower(seen)] = r
		}
	}
	for i := range rs.products {
		p := &rs.products[i]
		if len(p.match) == 0 {
			p.match = []*regexp.Regexp{ownPattern(p.name)}
		}
	}
	return rs
}

func merge(shipped, own []release) []release {
	out := slices.Clone(shipped)
	for _, o := range own {
		i := slices.IndexFunc(out, func(r release) bool { return r.product == o.product && r.name == o.name })
		if i < 0 {
			out = append(out, o)
			continue
		}
		o.match, o.also = out[i].match, out[i].also
		if o.title == "" {
			o.title = out[i].title
		}
		out[i] = o
	}
	slices.SortStableFunc(out, func(a, b release) int {
		if c := strings.Compare(a.product, b.product); c != 0 {
			return c
		}
		return strings.Compare(a.name, b.name)
	})
	return out
}

// find looks for every product in the texts; of each the first text counts.
func (rs *ruleSet) find(texts []string) []hit {
	var out []hit
	for i := range rs.products {
		if h, ok := rs.products[i].find(texts); ok {
			out = append(out, h)
		}
	}
	return out
}

func (p *product) find(texts []string) (hit, bool) {
	for _, t := range texts {
		low := strings.ToLower(t)
		for _, re := range p.match {
			m := re.FindStringSubmatch(low)
			if m == nil {
				continue
			}
			for _, v := range m[1:] {
				if r, ok := p.lookup(v); ok {
					return hit{r, t}, true
				}
			}
			if r, ok := p.releases[anyRelease]; ok {
				return hit{r, t}, true
			}
		}
	}
	return hit{}, false
}

// lookup goes from the whole version to its beginnings: 9.4.1, 9.4, 9.
func (p *product) lookup(v string) (release, bool) {
	for v != "" {
		if r, ok := p.releases[v]; ok {
			return r, true
		}
		i := strings.LastIndexByte(v, '.')
		if i < 0 {
			break
		}
		v = v[:i]
	}
	return release{}, false
}
