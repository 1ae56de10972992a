// Package apply keeps what a person can click in files: ops.yaml has one list per
// resource, keyed by name. Applying is idempotent and all or nothing; a dry run
// does the same work and rolls it back, so it shows exactly what would change.
package apply

import (
	"context"
	"fmt"
	"reflect"
	"sort"
	"strings"

	"github.com/uptrace/bun"
	"go.yaml.in/yaml/v3"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/strict"
)

// Outcome of one entry.
type Outcome string

// The outcomes.
const (
	Created   Outcome = "created"
	Updated   Outcome = "updated"
	Unchanged Outcome = "unchanged"
	// Waits tells that the change was kept for a second person, and nothing was done.
	Waits Outcome = "waits for approval"
)

// Change is what applying did to one thing.
type Change struct {
	Resource string  `json:"resource"`
	Name     string  `json:"name"`
	Outcome  Outcome `json:"outcome" enum:"created,updated,unchanged,waits for approval"`
	// Fields that changed, for people: "every: 30s → 5s".
	Fields []string `json:"fields,omitempty"`
}

// Resource is one key of ops.yaml. Entries are decoded strictly into what New
// returns; all entries of the file are decoded before any is applied.
type Resource struct {
	// Key in the file: "checks". Order sorts resources: what others refer to first.
	Key   string
	Order int
	// Single marks a key that holds one object and not a list.
	Single bool
	// Need is the permission to apply it.
	Need access.Permission
	// New returns a pointer to an empty entry. A list entry has a field with the
	// yaml tag "name".
	New func() any
	// Apply makes the thing as the entry says, inside tx. Field errors are relative
	// to the entry.
	Apply func(ctx context.Context, tx *db.Tx, entry any) (Change, error)
	// Bulk, if set, runs first with all entries of the key and does the plain ones
	// with few statements, since nobody else can write meanwhile. It gives a change for
	// each entry in order; one without an outcome is left to Apply, which also says
	// what is wrong with an entry.
	Bulk func(ctx context.Context, tx *db.Tx, entries []any) ([]Change, error)
	// Connect, if set, runs for every entry once all entries of the key have been
	// applied. References among entries of one key are made here, so that their
	// order in the file does not matter. What it changed is added to the change of
	// Apply.
	Connect func(ctx context.Context, tx *db.Tx, entry any) (Change, error)
	// Export lists all things as entries, sorted by name (one entry if Single).
	Export func(ctx context.Context, q bun.IDB) ([]any, error)
}

// Engine applies files.
type Engine struct {
	db  *db.DB
	res map[string]Resource
}

// New makes the engine; it panics on two resources with one key.
func New(d *db.DB, lists ...[]Resource) *Engine {
	e := &Engine{db: d, res: map[string]Resource{}}
	for _, l := range lists {
		for _, r := range l {
			if _, dup := e.res[r.Key]; dup {
				panic("apply: two resources named " + r.Key)
			}
			e.res[r.Key] = r
		}
	}
	return e
}

func (e *Engine) ordered() []Resource {
	out := make([]Resource, 0, len(e.res))
	for _, r := range e.res {
		out = append(out, r)
	}
	sort.Slice(out, func(i, j int) bool {
		return out[i].Order < out[j].Order || out[i].Order == out[j].Order && out[i].Key < out[j].Key
	})
	return out
}

type entry struct {
	res   Resource
	path  string
	name  string
	line  int
	value any
	node  *yaml.Node
}

// parse decodes the whole file and collects every error.
func (e *Engine) parse(data []byte) ([]entry, []errs.Field) {
	root, fs := strict.Parse("", data)
	if len(fs) > 0 || root == nil {
		return nil, fs
	}
	if root.Kind != yaml.MappingNode {
		return nil, []errs.Field{{Line: root.Line, Message: "the file must be a mapping with keys such as teams, items and checks"}}
	}
	keys := make([]string, 0, len(e.res))
	for k := range e.res {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	var out []entry
	var bad []errs.Field
	given := map[string]int{}
	for i := 0; i+1 < len(root.Content); i += 2 {
		k, v := root.Content[i], root.Content[i+1]
		if first, twice := given[k.Value]; twice {
			bad = append(bad, errs.Field{Path: k.Value, Line: k.Line, Message: fmt.Sprintf("is given twice, first in line %d; keep one", first)})
			continue
		}
		given[k.Value] = k.Line
		r, ok := e.res[k.Value]
		if !ok {
			bad = append(bad, errs.Field{Path: k.Value, Line: k.Line, Value: k.Value, Message: "is not a known key" + strict.DidYouMean(k.Value, keys)})
			continue
		}
		if v.Tag == "!!null" {
			continue
		}
		if r.Single {
			en, fs := decode(r, k.Value, v)
			bad = append(bad, fs...)
			out = append(out, en)
			continue
		}
		if v.Kind != yaml.SequenceNode {
			bad = append(bad, errs.Field{Path: k.Value, Line: v.Line, Message: "must be a list"})
			continue
		}
		seen := map[string]int{}
		for n, c := range v.Content {
			en, fs := decode(r, fmt.Sprintf("%s[%d]", k.Value, n), c)
			bad = append(bad, fs...)
			if en.name == "" && len(fs) == 0 {
				bad = append(bad, errs.Field{Path: en.path + ".name", Line: c.Line, Message: "is missing; every entry needs a name"})
			}
			if first, dup := seen[en.name]; dup && en.name != "" {
				bad = append(bad, errs.Field{Path: en.path + ".name", Line: c.Line, Value: en.name, Message: fmt.Sprintf("is used already in line %d; names must differ", first)})
			}
			seen[en.name] = c.Line
			out = append(out, en)
		}
	}
	order := map[string]int{}
	for i, r := range e.ordered() {
		order[r.Key] = i
	}
	sort.SliceStable(out, func(i, j int) bool { return order[out[i].res.Key] < order[out[j].res.Key] })
	return out, bad
}

func decode(r Resource, path string, n *yaml.Node) (entry, []errs.Field) {
	en := entry{res: r, path: path, line: n.Line, value: r.New(), node: n}
	fs := strict.DecodeNode(n, path, en.value)
	if v := reflect.Indirect(reflect.ValueOf(en.value)); v.Kind() == reflect.Struct && !r.Single {
		for i := range v.NumField() {
			if tag, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("yaml"), ","); tag == "name" && v.Field(i).Kind() == reflect.String {
				en.name = v.Field(i).String()
			}
		}
	}
	return en, fs
}

// Run applies the file. With dryRun nothing is kept. Either every entry is applied
// or none; the error then names each bad entry with its line.
func (e *Engine) Run(ctx context.Context, data []byte, dryRun bool) ([]Change, error) {
	entries, bad := e.parse(data)
	if len(bad) > 0 {
		return nil, errs.Fields(bad...)
	}
	p := access.From(ctx)
	for _, en := range entries {
		if !p.Can(en.res.Need) {
			return nil, errs.New(errs.Forbidden, "The key %s needs the permission %s.", en.res.Key, en.res.Need.Name)
		}
	}
	var changes []Change
	err := e.db.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		changes, bad = changes[:0], nil
		for rest := entries; len(rest) > 0; {
			n := 1
			for n < len(rest) && rest[n].res.Key == rest[0].res.Key {
				n++
			}
			cs, fs, err := e.key(ctx, tx, rest[:n])
			if err != nil {
				return err
			}
			changes, bad, rest = append(changes, cs...), append(bad, fs...), rest[n:]
		}
		if len(bad) > 0 {
			return errs.Fields(bad...)
		}
		if dryRun {
			return db.ErrRollback
		}
		return nil
	})
	if dryRun && err == db.ErrRollback { //nolint:errorlint // our own sentinel, never wrapped
		err = nil
	}
	return changes, err
}

// key applies all entries of one key and then connects them. Entries that could
// not be applied are not connected.
func (e *Engine) key(ctx context.Context, tx *db.Tx, entries []entry) (changes []Change, bad []errs.Field, err error) {
	var good []entry
	done := make([]Change, len(entries))
	if bulk := entries[0].res.Bulk; bulk != nil && len(entries) > 1 {
		values := make([]any, len(entries))
		for i, en := range entries {
			values[i] = en.value
		}
		if done, err = bulk(ctx, tx, values); err != nil {
			return nil, nil, err
		}
	}
	for i, en := range entries {
		c, err := done[i], error(nil)
		if c.Outcome == "" {
			c, err = e.one(ctx, tx, en, en.res.Apply)
		}
		if err != nil {
			fs := e.locate(en, err)
			if fs == nil {
				return nil, nil, err
			}
			bad = append(bad, fs...)
			continue
		}
		c.Resource, c.Name = en.res.Key, en.name
		changes, good = append(changes, c), append(good, en)
	}
	if entries[0].res.Connect == nil {
		return changes, bad, nil
	}
	for i, en := range good {
		c, err := e.one(ctx, tx, en, en.res.Connect)
		if err != nil {
			fs := e.locate(en, err)
			if fs == nil {
				return nil, nil, err
			}
			bad = append(bad, fs...)
			continue
		}
		if c.Outcome == Updated && changes[i].Outcome == Unchanged || c.Outcome == Waits && changes[i].Outcome != Created {
			changes[i].Outcome = c.Outcome
		}
		changes[i].Fields = append(changes[i].Fields, c.Fields...)
	}
	return changes, bad, nil
}

// one runs do for an entry inside a savepoint, so that on PostgreSQL too the
// entries after a bad one can still be looked at.
func (e *Engine) one(ctx context.Context, tx *db.Tx, en entry, do func(context.Context, *db.Tx, any) (Change, error)) (Change, error) {
	if _, err := tx.ExecContext(ctx, "SAVEPOINT entry"); err != nil {
		return Change{}, err
	}
	c, err := do(ctx, tx, en.value)
	end := "RELEASE SAVEPOINT entry"
	if err != nil {
		end = "ROLLBACK TO SAVEPOINT entry"
	}
	if _, e2 := tx.ExecContext(ctx, end); e2 != nil {
		return c, e2
	}
	return c, err
}

// locate gives the field errors of an entry with path and line; nil for errors
// that are not the file's fault.
func (e *Engine) locate(en entry, err error) []errs.Field {
	code := errs.CodeOf(err)
	if code == errs.Internal || code == errs.Unavailable {
		return nil
	}
	fs := errs.FieldsOf(err)
	if len(fs) == 0 {
		fs = []errs.Field{{Message: errs.Message(err)}}
	}
	out := make([]errs.Field, len(fs))
	for i, f := range fs {
		f.Line = strict.LineOf(en.node, f.Path)
		if f.Path == "" {
			f.Path = en.path
		} else {
			f.Path = en.path + "." + f.Path
		}
		out[i] = f
	}
	return out
}

// Export writes everything as one file that Run accepts.
func (e *Engine) Export(ctx context.Context) ([]byte, error) {
	root := &yaml.Node{Kind: yaml.MappingNode}
	for _, r := range e.ordered() {
		if !access.From(ctx).Can(r.Need) {
			continue
		}
		list, err := r.Export(ctx, e.db.Reader())
		if err != nil {
			return nil, fmt.Errorf("export %s: %w", r.Key, err)
		}
		if len(list) == 0 {
			continue
		}
		var v yaml.Node
		var what any = list
		if r.Single {
			what = list[0]
		}
		if err := v.Encode(what); err != nil {
			return nil, fmt.Errorf("export %s: %w", r.Key, err)
		}
		root.Content = append(root.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: r.Key}, &v)
	}
	if len(root.Content) == 0 {
		return []byte("# Nothing is configured yet.\n"), nil
	}
	return yaml.Marshal(root)
}
