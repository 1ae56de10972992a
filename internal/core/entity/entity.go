// Package entity is how modules point at each other's things without knowing
// them: a Ref names a thing, and the module that owns the kind resolves it to a
// title, a state and a URL.
package entity

import (
	"context"
	"fmt"
	"sync"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
)

// Ref names one thing, for example {"item", "0198…"}.
type Ref struct {
	Kind string `json:"kind"`
	ID   string `json:"id"`
}

// String writes "kind:id".
func (r Ref) String() string { return r.Kind + ":" + r.ID }

// Summary is what a link shows.
type Summary struct {
	Ref
	// Name is the short key people know: an item's name, a record's number.
	Name  string `json:"name"`
	Title string `json:"title"`
	State string `json:"state,omitempty"`
	// URL in the web UI.
	URL string `json:"url"`
}

// Resolver finds the summaries of things of one kind; unknown ids are left out.
type Resolver func(ctx context.Context, q bun.IDB, ids []string) ([]Summary, error)

// Finder finds the id of a thing by the name people use.
type Finder func(ctx context.Context, q bun.IDB, name string) (string, error)

// Registry knows the resolver of every kind.
type Registry struct {
	mu      sync.RWMutex
	m       map[string]Resolver
	finders map[string]Finder
}

// NewRegistry makes an empty registry.
func NewRegistry() *Registry {
	return &Registry{m: map[string]Resolver{}, finders: map[string]Finder{}}
}

// Register adds the resolver of a kind.
func (r *Registry) Register(kind string, f Resolver) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, dup := r.m[kind]; dup {
		panic("entity: kind registered twice: " + kind)
	}
	r.m[kind] = f
}

// RegisterFinder adds the way from a name to an id.
func (r *Registry) RegisterFinder(kind string, f Finder) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.finders[kind] = f
}

// Find gives the reference of the thing of that kind and name.
func (r *Registry) Find(ctx context.Context, q bun.IDB, kind, name string) (Ref, error) {
	r.mu.RLock()
	f := r.finders[kind]
	r.mu.RUnlock()
	if f == nil {
		return Ref{}, errs.Fields(errs.Field{Path: "kind", Value: kind, Message: "is not a kind of thing that can be linked"})
	}
	id, err := f(ctx, q, name)
	return Ref{Kind: kind, ID: id}, err
}

// Knows tells whether somebody owns the kind.
func (r *Registry) Knows(kind string) bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	_, ok := r.m[kind]
	return ok
}

// Resolve finds the summaries of refs; what is gone is left out of the map.
func (r *Registry) Resolve(ctx context.Context, q bun.IDB, refs []Ref) (map[Ref]Summary, error) {
	byKind := map[string][]string{}
	for _, ref := range refs {
		byKind[ref.Kind] = append(byKind[ref.Kind], ref.ID)
	}
	out := make(map[Ref]Summary, len(refs))
	for kind, ids := range byKind {
		r.mu.RLock()
		f := r.m[kind]
		r.mu.RUnlock()
		if f == nil {
			continue
		}
		ss, err := f(ctx, q, ids)
		if err != nil {
			return nil, fmt.Errorf("resolve %s: %w", kind, err)
		}
		for _, s := range ss {
			out[s.Ref] = s
		}
	}
	return out, nil
}
