package profile

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/mainstay-ops/mainstay/internal/core/snmp/device"
)

// nothing are words that devices write where they have nothing to say.
var nothing = []string{
	"", "-", "--", "?", "n/a", "na", "none", "null", "unknown", "not available", "not set", "undefined",
	"not specified", "to be filled by o.e.m.", "default string", "default", "empty", "<null>", "(null)", "no such instance",
}

func meaningful(s string) bool {
	return !slices.Contains(nothing, strings.ToLower(strings.TrimSpace(s)))
}

// identify fills what the profile says of the device. What the standard tables
// gave stays where the profile has nothing better.
func (r *reader) identify(ctx context.Context, it *device.Item) error {
	id := &r.p.Identity
	for _, part := range []struct {
		into    *string
		sources List[Source]
		group   string
	}{
		{&it.Vendor, id.Vendor, "vendor"}, {&it.OS, id.OS, "os"}, {&it.OSName, id.OSName, "os_name"},
		{&it.Kind, id.Kind, ""}, {&it.Role, id.Role, ""},
		{&it.Model, id.Model, "model"}, {&it.Version, id.Version, "version"}, {&it.Serial, id.Serial, "serial"},
	} {
		got := ""
		for _, s := range part.sources {
			if s.Fallback && *part.into != "" {
				continue
			}
			v, err := r.source(ctx, s)
			if err != nil {
				return err
			}
			if meaningful(v) {
				got = v
				break
			}
		}
		if got == "" && part.group != "" {
			got = r.fromPatterns(part.group)
		}
		if got != "" {
			*part.into = got
		}
	}
	return nil
}

func (r *reader) fromPatterns(group string) string {
	for _, p := range r.p.Identity.Patterns {
		i := p.re.SubexpIndex(group)
		if i < 0 {
			continue
		}
		if m := p.re.FindStringSubmatch(r.facts.Descr); m != nil && meaningful(m[i]) {
			return strings.TrimSpace(m[i])
		}
	}
	return ""
}

func (r *reader) source(ctx context.Context, s Source) (string, error) {
	switch {
	case s.Text != "":
		return s.Text, nil
	case s.Descr.given():
		return s.grab(s.Descr, r.facts.Descr), nil
	case s.Name.given():
		return s.grab(s.Name, r.facts.Name), nil
	case len(s.ObjectID) > 0:
		best, text := 0, ""
		for prefix, t := range s.ObjectID {
			if n := strings.Count(prefix, ".") + 1; n > best && under(r.facts.ObjectID, prefix) {
				best, text = n, t
			}
		}
		return text, nil
	}
	cells, err := r.column(ctx, s.OID)
	if err != nil {
		return "", err
	}
	for _, c := range cells {
		v := c.v.Text()
		if s.Pattern.given() {
			v = s.grab(s.Pattern, v)
		} else {
			v = s.finish(v)
		}
		if meaningful(v) {
			return v, nil
		}
	}
	return "", nil
}

// grab takes the first group of p out of text, or fills the groups {1}, {2} into
// Format.
func (s Source) grab(p Pattern, text string) string {
	if !strings.Contains(s.Format, "{1}") {
		v, _ := p.take(text)
		return s.finish(v)
	}
	m := p.re.FindStringSubmatch(text)
	if m == nil {
		return ""
	}
	out := s.Format
	for i := 1; i < len(m); i++ {
		out = strings.ReplaceAll(out, "{"+strconv.Itoa(i)+"}", strings.TrimSpace(m[i]))
	}
	return out
}

func (s Source) finish(v string) string {
	v = strings.TrimSpace(v)
	if len(s.Map) > 0 {
		v = s.Map[v]
	}
	if s.Format != "" && meaningful(v) {
		v = strings.ReplaceAll(s.Format, "{value}", v)
	}
	return v
}
