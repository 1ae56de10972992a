package profile

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/mainstay-ops/mainstay/internal/core/snmp"
)

// Facts are what a device says of itself at first.
type Facts struct {
	ObjectID, Descr, Name string
}

// Prober reads a value that a match asks for, or the first of a column; Missing
// when the device has none.
type Prober func(ctx context.Context, oid snmp.OID) (snmp.Var, error)

// rank orders matches: priority, then the length of the prefix, then whether more
// is asked than that.
type rank struct{ priority, arcs, asked int }

func (a rank) compare(b rank) int {
	return cmp.Or(a.priority-b.priority, a.arcs-b.arcs, a.asked-b.asked)
}

type candidate struct {
	name string
	rank rank
	m    Match
}

// Candidates lists the names of the profiles whose rank is best, without those
// that need a value of the device; more than one means that they are ambiguous.
func (s *Set) Candidates(f Facts) []string {
	var out []string
	var best rank
	for _, c := range s.ranked(f) {
		if c.m.Value != nil || len(out) > 0 && c.rank != best || slices.Contains(out, c.name) {
			continue
		}
		best = c.rank
		out = append(out, c.name)
	}
	return out
}

// Find gives the profile for a device, with all it inherits; nil for none. An
// error of the prober ends the search.
func (s *Set) Find(ctx context.Context, f Facts, probe Prober) (*Profile, error) {
	for _, c := range s.ranked(f) {
		if c.m.Value != nil {
			v, err := probe(ctx, c.m.Value.OID.oid())
			if err != nil {
				return nil, err
			}
			if v.Kind == snmp.Missing || c.m.Value.Pattern.given() && !c.m.Value.Pattern.re.MatchString(v.Text()) {
				continue
			}
		}
		return s.resolved[c.name], nil
	}
	return nil, nil
}

// ranked gives what matches as far as f tells, best first.
func (s *Set) ranked(f Facts) []candidate {
	var out []candidate
	for _, name := range s.names {
		p := s.byName[name]
		for _, m := range p.Match {
			if arcs, ok := m.fits(f); ok {
				out = append(out, candidate{name, rank{p.Priority, arcs, m.asked()}, m})
			}
		}
	}
	slices.SortStableFunc(out, func(a, b candidate) int { return b.rank.compare(a.rank) })
	return out
}

func (m Match) asked() int {
	n := 0
	for _, given := range []bool{m.Descr.given(), m.Name.given()} {
		if given {
			n++
		}
	}
	if m.Value != nil {
		n += 4
	}
	return n
}

// fits tells the number of arcs of the longest prefix that fits.
func (m Match) fits(f Facts) (int, bool) {
	arcs := 0
	if len(m.ObjectID) > 0 {
		for _, id := range m.ObjectID {
			if under(f.ObjectID, string(id)) {
				arcs = max(arcs, strings.Count(string(id), ".")+1)
			}
		}
		if arcs == 0 {
			return 0, false
		}
	}
	if m.Descr.given() && !m.Descr.re.MatchString(f.Descr) ||
		m.NotDescr.given() && m.NotDescr.re.MatchString(f.Descr) ||
		m.Name.given() && !m.Name.re.MatchString(f.Name) {
		return 0, false
	}
	return arcs, true
}

// under tells whether id is prefix or below it.
func under(id, prefix string) bool {
	rest, ok := strings.CutPrefix(id, prefix)
	return ok && (rest == "" || rest[0] == '.')
}

// Matches tells whether the profile is for devices, and not only there to be
// extended.
func (p *Profile) Matches() bool { return len(p.Match) > 0 }
