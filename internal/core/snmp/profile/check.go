package profile

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/strict"
)

var (
	nameRE    = regexp.MustCompile(`^[a-z0-9][a-z0-9_.-]{0,63}$`)
	mibNameRE = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9-]{0,63}$`)
	metricRE  = regexp.MustCompile(`^[a-z][a-z0-9_]{0,127}$`)
)

// identityParts are the names that a group of a pattern may have.
var identityParts = []string{"vendor", "os", "os_name", "model", "version", "serial"}

type checker struct {
	root *yaml.Node
	bad  []errs.Field
}

// checkDocument finds what is wrong in a file whose keys and types are right.
func checkDocument(root *yaml.Node, d *document) []errs.Field {
	c := &checker{root: root}
	for i, p := range d.Profiles {
		c.profile(fmt.Sprintf("profiles[%d]", i), p)
	}
	slices.SortStableFunc(c.bad, func(a, b errs.Field) int {
		return cmp.Or(a.Line-b.Line, strings.Compare(a.Path, b.Path))
	})
	return c.bad
}

func (c *checker) fail(path, value, format string, args ...any) {
	c.bad = append(c.bad, errs.Field{
		Path: path, Line: strict.LineOf(c.root, path), Value: value, Message: fmt.Sprintf(format, args...),
	})
}

func (c *checker) profile(path string, p *Profile) {
	if p == nil {
		c.bad = append(c.bad, errs.Field{Path: path, Line: strict.LineOf(c.root, path), Message: "is empty"})
		return
	}
	if !nameRE.MatchString(p.Name) {
		c.fail(path+".name", p.Name, "must have 1 to 64 characters: a-z, 0-9, dot, hyphen, underscore")
	}
	for i, m := range p.Match {
		if len(m.ObjectID) == 0 && !m.Descr.given() && !m.Name.given() && m.Value == nil {
			c.fail(fmt.Sprintf("%s.match[%d]", path, i), "", "must have at least one of object_id, descr, name and value")
		}
	}
	for i, re := range p.Identity.Patterns {
		c.groups(fmt.Sprintf("%s.identity.patterns[%d]", path, i), re)
	}
	for i, k := range p.KeepStandard {
		if k != "processors" && k != "memories" {
			c.fail(fmt.Sprintf("%s.keep_standard[%d]", path, i), k, "must be processors or memories")
		}
	}
	for i, r := range p.Processors {
		c.rows(fmt.Sprintf("%s.processors[%d]", path, i), r.Rows)
	}
	for i, r := range p.Memories {
		at := fmt.Sprintf("%s.memories[%d]", path, i)
		c.rows(at, r.Rows)
		c.amounts(at, r.Rows, r.Amounts)
	}
	for i, r := range p.Storages {
		at := fmt.Sprintf("%s.storages[%d]", path, i)
		c.rows(at, r.Rows)
		c.amounts(at, r.Rows, r.Amounts)
	}
	for i, r := range p.Sensors {
		c.sensor(fmt.Sprintf("%s.sensors[%d]", path, i), r)
	}
	for i, r := range p.Neighbors {
		at := fmt.Sprintf("%s.neighbors[%d]", path, i)
		c.rows(at, r.Rows)
		for key, text := range map[string]string{
			"local_if_index": r.LocalIfIndex, "remote_name": r.RemoteName, "remote_port": r.RemotePort,
			"remote_mac": r.RemoteMAC, "remote_address": r.RemoteAddress, "remote_descr": r.RemoteDescr,
		} {
			c.refs(at+"."+key, text, r.Columns)
		}
	}
	for i, r := range p.Metrics {
		at := fmt.Sprintf("%s.metrics[%d]", path, i)
		c.rows(at, r.Rows)
		if !metricRE.MatchString(r.Name) {
			c.fail(at+".name", r.Name, "must be of a-z, 0-9 and underscore and begin with a letter")
		}
		for key, col := range map[string]string{"factor": r.Factor, "precision": r.Precision} {
			if _, ok := r.Columns[col]; col != "" && !ok {
				c.fail(at+"."+key, col, "is not a column of this table; name it under columns")
			}
		}
		for key, text := range r.Labels {
			if !metricRE.MatchString(key) {
				c.fail(at+".labels", key, "must be of a-z, 0-9 and underscore and begin with a letter")
			}
			c.refs(at+".labels."+key, text, r.Columns)
		}
	}
	for i, t := range p.Traps {
		if !mibNameRE.MatchString(t.Name) {
			c.fail(fmt.Sprintf("%s.traps[%d].name", path, i), t.Name, "must begin with a letter and have 1 to 64 letters, digits and hyphens")
		}
	}
	for i, o := range p.Objects {
		if !mibNameRE.MatchString(o.Name) {
			c.fail(fmt.Sprintf("%s.objects[%d].name", path, i), o.Name, "must begin with a letter and have 1 to 64 letters, digits and hyphens")
		}
	}
}

func (c *checker) groups(path string, p Pattern) {
	named := false
	for _, g := range p.re.SubexpNames() {
		if g == "" {
			continue
		}
		named = true
		if !slices.Contains(identityParts, g) {
			c.fail(path, g, "is not a part of the identity; a group may be named %s", strings.Join(identityParts, ", "))
		}
	}
	if !named {
		c.fail(path, p.text(), "has no named group; write for example (?P<version>\\S+)")
	}
}

func (c *checker) rows(path string, r Rows) {
	for name, col := range r.Columns {
		at := path + ".columns." + name
		if !metricRE.MatchString(name) || name == "index" || name == "value" {
			c.fail(at, name, "must be a name of a-z, 0-9 and underscore other than index and value")
		}
		if col.Via == "" {
			continue
		}
		via, ok := r.Columns[col.Via]
		switch {
		case !ok:
			c.fail(at+".via", col.Via, "is not a column of this table")
		case via.Via == name || col.Via == name:
			c.fail(at+".via", col.Via, "leads back to the column itself")
		}
	}
	for i, w := range r.Where {
		at := fmt.Sprintf("%s.where[%d]", path, i)
		if _, ok := r.Columns[w.Column]; !ok && w.Column != "index" && w.Column != "value" {
			c.fail(at+".column", w.Column, "is not a column of this table; name it under columns")
		}
		if len(w.Is) == 0 && len(w.Not) == 0 && !w.Pattern.given() {
			c.fail(at, "", "must have at least one of is, not and pattern")
		}
	}
	c.refs(path+".descr", r.Descr, r.Columns)
	if r.Divisor < 0 || r.Multiplier < 0 {
		c.fail(path, "", "has a negative multiplier or divisor")
	}
}

func (c *checker) refs(path, text string, columns map[string]Column) {
	for _, name := range badRefs(text, columns) {
		c.fail(path, "{"+name+"}", "is not a column of this table; write {index}, {index.1} or a name under columns")
	}
}

func (c *checker) amounts(path string, r Rows, a Amounts) {
	n := 0
	for _, o := range []OID{a.Total, a.Used, a.Free} {
		if o != "" {
			n++
		}
	}
	if n < 2 && a.Percent == "" && a.PercentFree == "" {
		c.fail(path, "", "must have two of total, used and free, or percent or percent_free")
	}
	if _, ok := r.Columns[a.Unit]; a.Unit != "" && !ok {
		c.fail(path+".unit", a.Unit, "is not a column of this table; name it under columns")
	}
}

func (c *checker) sensor(path string, s Sensor) {
	c.rows(path, s.Rows)
	for key, col := range map[string]string{"factor": s.Factor, "precision": s.Precision} {
		if _, ok := s.Columns[col]; col != "" && !ok {
			c.fail(path+"."+key, col, "is not a column of this table; name it under columns")
		}
	}
	if (s.Class == "state") != (len(s.States) > 0) {
		c.fail(path+".states", "", "must be given for a sensor of class state and for no other")
	}
	if s.Min != nil && s.Max != nil && *s.Min > *s.Max {
		c.fail(path+".min", "", "is greater than max")
	}
}

// ambiguous finds profiles of which no device could tell which is meant: the same
// prefix, the same expressions and the same priority.
func (b *builder) ambiguous(s *Set) {
	first := map[string]*Profile{}
	for _, name := range s.names {
		p := s.byName[name]
		for _, m := range p.Match {
			ids := m.ObjectID
			if len(ids) == 0 {
				ids = List[OID]{""}
			}
			for _, id := range ids {
				key := fmt.Sprintf("%d|%s|%s|%s|%s", p.Priority, id, m.Descr.text(), m.NotDescr.text(), m.Name.text())
				if m.Value != nil {
					key += "|" + string(m.Value.OID) + "|" + m.Value.Pattern.text()
				}
				other := first[key]
				if other != nil && other != p {
					b.fail(p, "match", string(id), fmt.Sprintf("matches the same devices as %s in line %d of %s; give one a priority", other.Name, other.Line, other.file))
					continue
				}
				first[key] = p
			}
		}
	}
}
