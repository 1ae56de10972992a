package profile

import (
	"embed"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/strict"
)

//go:embed profiles/*.yaml
var shipped embed.FS

// Set is a number of profiles that fit together. It does not change and is safe
// for use by many goroutines.
type Set struct {
	byName map[string]*Profile
	// resolved are complete: what they extend is part of them.
	resolved map[string]*Profile
	names    []string
}

var shippedSet = sync.OnceValues(func() (*Set, error) { return load(shipped, "profiles", "") })

// Shipped gives the profiles that are part of the program.
func Shipped() (*Set, error) { return shippedSet() }

// Load gives the shipped profiles and those in the *.yaml files of dir, which win
// over shipped ones of the same name. A directory that is not there is empty. The
// error names every mistake with its file and line.
func Load(dir string) (*Set, error) {
	if dir == "" {
		return Shipped()
	}
	if _, err := os.Stat(dir); os.IsNotExist(err) {
		return Shipped()
	}
	return load(shipped, "profiles", dir)
}

func load(base fs.FS, baseDir, dir string) (*Set, error) {
	b := &builder{byName: map[string]*Profile{}}
	if err := b.directory(base, baseDir, ""); err != nil {
		return nil, err
	}
	if dir != "" {
		b.own = true
		if err := b.directory(os.DirFS(dir), ".", dir); err != nil {
			return nil, err
		}
	}
	return b.set()
}

// Check reads one file as if it were in the user's directory: alone it must be
// right, and together with the shipped profiles.
func Check(file string, data []byte) (*Set, error) {
	base, err := Shipped()
	if err != nil {
		return nil, err
	}
	b := &builder{byName: map[string]*Profile{}}
	for name, p := range base.byName {
		b.byName[name] = p
	}
	b.own = true
	b.add(file, data)
	return b.set()
}

type builder struct {
	byName map[string]*Profile
	bad    []errs.Field
	// own is set while the user's files are read, which may replace shipped ones.
	own bool
	n   int
}

func (b *builder) directory(fsys fs.FS, dir, shown string) error {
	entries, err := fs.ReadDir(fsys, dir)
	if err != nil {
		return errs.Wrap(errs.Unavailable, err, "The directory of device profiles %s cannot be read.", shown)
	}
	for _, e := range entries {
		if ext := filepath.Ext(e.Name()); e.IsDir() || ext != ".yaml" && ext != ".yml" {
			continue
		}
		path := e.Name()
		if dir != "." {
			path = dir + "/" + path
		}
		info, err := fs.Stat(fsys, path)
		if err != nil || info.Size() > strict.MaxBytes {
			b.bad = append(b.bad, errs.Field{Path: filepath.Join(shown, e.Name()), Message: "cannot be read or is too large"})
			continue
		}
		data, err := fs.ReadFile(fsys, path)
		if err != nil {
			b.bad = append(b.bad, errs.Field{Path: filepath.Join(shown, e.Name()), Message: "cannot be read: " + err.Error()})
			continue
		}
		b.add(filepath.Join(shown, e.Name()), data)
	}
	return nil
}

// add reads one file. Mistakes carry the file in front of the path.
func (b *builder) add(file string, data []byte) {
	root, bad := strict.Parse(file, data)
	var doc document
	if root == nil && len(bad) == 0 {
		bad = append(bad, errs.Field{Path: "profiles", Line: 1, Message: "is missing; the file is empty"})
	}
	if len(bad) == 0 {
		bad = strict.DecodeNode(root, "", &doc)
	}
	if len(bad) == 0 {
		bad = checkDocument(root, &doc)
	}
	for _, f := range bad {
		b.bad = append(b.bad, in(file, f))
	}
	if len(bad) > 0 {
		return
	}
	for i, p := range doc.Profiles {
		p.file, p.own = file, b.own
		where := errs.Field{Path: fmt.Sprintf("profiles[%d].name", i), Line: p.Line, Value: p.Name}
		if old := b.byName[p.Name]; old != nil && old.own == b.own {
			where.Message = fmt.Sprintf("is the name of another profile too, in line %d of %s", old.Line, old.file)
			b.bad = append(b.bad, in(file, where))
			continue
		}
		if b.n++; b.n > maxProfiles {
			where.Message = fmt.Sprintf("is one profile too many; at most %d fit", maxProfiles)
			b.bad = append(b.bad, in(file, where))
			return
		}
		b.byName[p.Name] = p
	}
}

func in(file string, f errs.Field) errs.Field {
	if f.Path == "" {
		f.Path = file
	} else {
		f.Path = file + ": " + f.Path
	}
	return f
}

// set resolves what extends what, and finds profiles that could match the same
// device with equal right.
func (b *builder) set() (*Set, error) {
	s := &Set{byName: b.byName, resolved: make(map[string]*Profile, len(b.byName))}
	for name := range b.byName {
		s.names = append(s.names, name)
	}
	slices.Sort(s.names)
	for _, name := range s.names {
		p := b.byName[name]
		for _, parent := range p.Extends {
			if b.byName[parent] == nil {
				b.fail(p, "extends", parent, "is not a profile"+strict.DidYouMean(parent, s.names))
			}
		}
	}
	if len(b.bad) == 0 {
		for _, name := range s.names {
			r, err := s.resolve(name, nil)
			if err != "" {
				b.fail(b.byName[name], "extends", name, err)
				continue
			}
			s.resolved[name] = r
		}
		b.ambiguous(s)
	}
	if len(b.bad) == 0 {
		return s, nil
	}
	what := "mistakes"
	if len(b.bad) == 1 {
		what = "mistake"
	}
	return nil, &errs.Error{Code: errs.Invalid, Message: fmt.Sprintf("The device profiles have %d %s.", len(b.bad), what), Fields: b.bad}
}

func (b *builder) fail(p *Profile, key, value, message string) {
	b.bad = append(b.bad, in(p.file, errs.Field{Path: p.Name + "." + key, Line: p.Line, Value: value, Message: message}))
}

func (s *Set) resolve(name string, path []string) (*Profile, string) {
	if r := s.resolved[name]; r != nil {
		return r, ""
	}
	if slices.Contains(path, name) {
		return nil, "extends itself: " + strings.Join(append(path, name), " → ")
	}
	if len(path) >= maxDepth {
		return nil, fmt.Sprintf("extends more than %d levels deep", maxDepth)
	}
	out := *s.byName[name]
	for _, parent := range out.Extends {
		p, err := s.resolve(parent, append(path, name))
		if err != "" {
			return nil, err
		}
		out.inherit(p)
	}
	return &out, ""
}

// inherit adds what parent has: a part of the identity that is not given, and all
// rows. A row that reads the same value is the child's alone.
func (p *Profile) inherit(parent *Profile) {
	a, b := &p.Identity, &parent.Identity
	for _, x := range []struct{ to, from *List[Source] }{
		{&a.Vendor, &b.Vendor}, {&a.OS, &b.OS}, {&a.OSName, &b.OSName}, {&a.Kind, &b.Kind}, {&a.Role, &b.Role},
		{&a.Model, &b.Model}, {&a.Version, &b.Version}, {&a.Serial, &b.Serial},
	} {
		if len(*x.to) == 0 {
			*x.to = *x.from
		}
	}
	a.Patterns = slices.Concat(a.Patterns, b.Patterns)
	p.KeepStandard = slices.Concat(p.KeepStandard, parent.KeepStandard)
	p.Processors = merge(p.Processors, parent.Processors, func(r Processor) OID { return r.Usage })
	p.Memories = merge(p.Memories, parent.Memories, func(r Memory) OID { return r.key() })
	p.Storages = merge(p.Storages, parent.Storages, func(r Storage) OID { return r.key() })
	p.Sensors = merge(p.Sensors, parent.Sensors, func(r Sensor) OID { return r.Value })
	p.Neighbors = merge(p.Neighbors, parent.Neighbors, func(r Neighbor) OID { return r.Each })
	p.Metrics = merge(p.Metrics, parent.Metrics, func(r Metric) OID { return OID(r.Name + " " + string(r.Value)) })
}

func (a Amounts) key() OID {
	for _, o := range []OID{a.Total, a.Used, a.Free, a.Percent, a.PercentFree} {
		if o != "" {
			return o
		}
	}
	return ""
}

func merge[T any](own, parents []T, key func(T) OID) []T {
	out := slices.Clone(own)
	for _, r := range parents {
		if !slices.ContainsFunc(own, func(o T) bool { return key(o) == key(r) }) {
			out = append(out, r)
		}
	}
	return out
}

// Names lists the profiles in order.
func (s *Set) Names() []string { return slices.Clone(s.names) }

// Profile gives a profile with all it inherits; nil when there is none.
func (s *Set) Profile(name string) *Profile { return s.resolved[name] }
