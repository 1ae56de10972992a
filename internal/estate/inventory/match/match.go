// Package match decides whether two descriptions of a thing mean the same thing. It
// knows no database: it compares identities by the rules of a kind.
package match

import (
	"fmt"
	"net"
	"slices"
	"sort"
	"strings"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/estate"
)

// Limits on what a source may say of one thing.
const (
	maxValues = 256
	maxValue  = 300
)

// Keys lists the known identity keys, the best first.
func Keys() []string {
	return []string{estate.ByCloudID, estate.BySystemUUID, estate.BySerial, estate.ByMachineID, estate.ByAssetTag, estate.ByFQDN, estate.ByMAC}
}

// Rule says which keys count for a kind. One strong key decides alone; a weak one
// decides when no key contradicts. Keys come in order: the first that is found decides.
type Rule struct {
	// Kind is the item kind, or "default" for all that have no rule of their own.
	Kind   string   `json:"kind"`
	Strong []string `json:"strong"`
	Weak   []string `json:"weak"`
}

// DefaultKind is the rule for kinds without one.
const DefaultKind = "default"

// Builtin is the rule that holds until somebody makes another.
func Builtin() Rule {
	return Rule{Kind: DefaultKind, Strong: []string{estate.ByCloudID, estate.BySystemUUID, estate.BySerial, estate.ByMachineID}, Weak: []string{estate.ByAssetTag, estate.ByFQDN, estate.ByMAC}}
}

// Check says what is wrong with a rule.
func (r Rule) Check() error {
	var bad []errs.Field
	seen := map[string]bool{}
	for field, keys := range map[string][]string{"strong": r.Strong, "weak": r.Weak} {
		for n, k := range keys {
			path := fmt.Sprintf("%s[%d]", field, n)
			if !slices.Contains(Keys(), k) {
				bad = append(bad, errs.Field{Path: path, Value: k, Message: "must be one of " + strings.Join(Keys(), ", ")})
			} else if seen[k] {
				bad = append(bad, errs.Field{Path: path, Value: k, Message: "is there twice"})
			}
			seen[k] = true
		}
	}
	sort.Slice(bad, func(a, b int) bool { return bad[a].Path < bad[b].Path })
	return errs.Fields(bad...)
}

// Identity holds the values of each key.
type Identity map[string][]string

// junk are values that makers leave in and that identify nothing.
var junk = map[string]bool{
	"0": true, "none": true, "n/a": true, "na": true, "null": true, "unknown": true, "default": true, "default string": true, "default-string": true,
	"to be filled by o.e.m.": true, "to be filled by o.e.m": true, "not specified": true, "not applicable": true, "not available": true, "system serial number": true,
	"serial number": true, "chassis serial number": true, "oem": true, "o.e.m.": true, "invalid": true, "empty": true, "undefined": true, "no asset tag": true, "no asset information": true,
	"0123456789": true, "123456789": true, "1234567890": true, "12345678": true, "1234567": true, "123456": true, "12345": true, "1234": true, "0123456": true, "xxxxxxxxxx": true,
	"03000200-0400-0500-0006-000700080009": true, "localhost": true, "localhost.localdomain": true, "localhost6": true,
}

// Junk tells that a value identifies nothing.
func Junk(v string) bool {
	if junk[v] {
		return true
	}
	// One sign again and again: 00000000-0000-…, ffffffff, xxxxxx, ........
	first := rune(0)
	for _, r := range v {
		if strings.ContainsRune("-:. ", r) {
			continue
		}
		if first == 0 {
			first = r
		}
		if r != first {
			return false
		}
	}
	return true
}

// Clean brings an identity into the form in which it is compared: lower case, MACs
// with colons, names without the dot at the end; what identifies nothing and keys
// that nobody knows are left out.
func Clean(in map[string][]string) Identity {
	out := Identity{}
	for _, k := range Keys() {
		for _, v := range in[k] {
			v = strings.ToLower(strings.Join(strings.Fields(v), " "))
			switch k {
			case estate.ByMAC:
				m, err := net.ParseMAC(v)
				if err != nil || len(m) != 6 || m[0]&1 == 1 {
					continue // not one of an interface
				}
				v = m.String()
			case estate.ByFQDN:
				v = strings.TrimSuffix(v, ".")
				if !strings.Contains(v, ".") {
					continue // without a domain it is only a name
				}
			}
			if v != "" && len(v) <= maxValue && !Junk(v) && !slices.Contains(out[k], v) && len(out[k]) < maxValues {
				out[k] = append(out[k], v)
			}
		}
		sort.Strings(out[k])
	}
	return out
}

// Verdict is what a comparison says.
type Verdict int

// The verdicts.
const (
	// Unrelated: no key that counts is shared.
	Unrelated Verdict = iota
	// Different: what is shared is weak and a strong key contradicts.
	Different
	// Doubtful: keys of like weight disagree; a person must say.
	Doubtful
	// Same thing.
	Same
)

// Compared is the outcome with its evidence.
type Compared struct {
	Verdict Verdict
	// Rank is the place of the first shared key in the rule; smaller is better.
	Rank int
	// Agree and Against are lines such as "serial abc".
	Agree, Against []string
}

// Compare decides. Keys that only one side has say nothing.
func (r Rule) Compare(a, b Identity) Compared {
	c := Compared{Rank: -1}
	strongFor, strongAgainst := false, false
	for n, k := range append(slices.Clone(r.Strong), r.Weak...) {
		if len(a[k]) == 0 || len(b[k]) == 0 {
			continue
		}
		strong := n < len(r.Strong)
		shared := ""
		for _, v := range a[k] {
			if slices.Contains(b[k], v) {
				shared = v
				break
			}
		}
		if shared == "" {
			c.Against = append(c.Against, fmt.Sprintf("%s %s / %s", k, some(a[k]), some(b[k])))
			strongAgainst = strongAgainst || strong
			continue
		}
		c.Agree = append(c.Agree, k+" "+shared)
		strongFor = strongFor || strong
		if c.Rank < 0 {
			c.Rank = n
		}
	}
	switch {
	case c.Rank < 0:
		c.Verdict = Unrelated
	case strongFor && strongAgainst:
		c.Verdict = Doubtful
	case strongFor || len(c.Against) == 0:
		c.Verdict = Same
	case strongAgainst:
		c.Verdict = Different
	default:
		c.Verdict = Doubtful
	}
	return c
}

// Contradicts tells whether a strong key says that the two are different things.
func (r Rule) Contradicts(a, b Identity) string {
	for _, k := range r.Strong {
		if len(a[k]) == 0 || len(b[k]) == 0 {
			continue
		}
		if !slices.ContainsFunc(a[k], func(v string) bool { return slices.Contains(b[k], v) }) {
			return k
		}
	}
	return ""
}

func some(vs []string) string {
	if len(vs) > 3 {
		return strings.Join(vs[:3], ", ") + fmt.Sprintf(" and %d more", len(vs)-3)
	}
	return strings.Join(vs, ", ")
}
