// Package module is what a room of the house promises and gets: its identity,
// tables, permissions and kinds, and the services of the core. Modules never see
// each other; what one needs of another it asks for by an interface of a wing
// package (Provide, Need).
package module

import (
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"reflect"
	"sort"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/account"
	"github.com/mainstay-ops/mainstay/internal/core/apply"
	"github.com/mainstay-ops/mainstay/internal/core/config"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/entity"
	"github.com/mainstay-ops/mainstay/internal/core/event"
	"github.com/mainstay-ops/mainstay/internal/core/httpapi"
	"github.com/mainstay-ops/mainstay/internal/core/job"
	"github.com/mainstay-ops/mainstay/internal/core/live"
	"github.com/mainstay-ops/mainstay/internal/core/record"
	"github.com/mainstay-ops/mainstay/internal/core/search"
	"github.com/mainstay-ops/mainstay/internal/core/secret"
)

// Module declares one room.
type Module struct {
	// ID is "<wing>.<name>", for example "respond.incident".
	ID string
	// Migrations holds migrations/*.sql; nil for none.
	Migrations  fs.FS
	Permissions []access.Permission
	Kinds       []record.Kind
	// New makes the instance. It opens nothing and starts nothing; questions
	// declared with Need are answered only after it returns.
	New func(d Deps) (Instance, error)
}

// Instance is a module at work. It implements those of the interfaces below that
// it needs.
type Instance any

// HasRoutes adds operations to the API.
type HasRoutes interface{ Routes(api *httpapi.API) }

// HasEvents asks for facts.
type HasEvents interface{ Subscribe(r *event.Router) }

// HasJobs registers job handlers.
type HasJobs interface{ Jobs(r *job.Runner) }

// HasResources declares what can be kept in ops.yaml.
type HasResources interface{ Resources() []apply.Resource }

// Starter does its own work in the background. Start returns when it is ready;
// the work ends when Stop returns. Modules start in the order of the list and stop
// in the reverse order.
type Starter interface {
	Start(ctx context.Context) error
	Stop(ctx context.Context)
}

// Deps is what the core lends to every module.
type Deps struct {
	DB       *db.DB
	Events   *event.Log
	Jobs     *job.Runner
	Records  *record.Service
	Accounts *account.Service
	Entities *entity.Registry
	Search   *search.Index
	Live     *live.Hub
	Secrets  *secret.Box
	Config   config.Config
	Logger   *slog.Logger
	Metrics  prometheus.Registerer
	Health   *Health
	Wire     *Wire
	// Version of the program.
	Version string
}

// Wire joins questions to answers, for one program, not for the process.
type Wire struct {
	answers map[reflect.Type]reflect.Value
	needs   []need
}

type need struct {
	dst      reflect.Value
	who      string
	optional bool
}

// NewWire makes an empty wire.
func NewWire() *Wire { return &Wire{answers: map[reflect.Type]reflect.Value{}} }

// Provide answers the question T.
func Provide[T any](d Deps, answer T) {
	t := reflect.TypeFor[T]()
	if _, dup := d.Wire.answers[t]; dup {
		panic("module: two modules provide " + t.String())
	}
	d.Wire.answers[t] = reflect.ValueOf(&answer).Elem()
}

// Need asks for T; *dst is set before the module starts. A program in which
// nobody provides T does not start.
func Need[T any](d Deps, dst *T) {
	d.Wire.needs = append(d.Wire.needs, need{dst: reflect.ValueOf(dst).Elem(), who: reflect.TypeFor[T]().String()})
}

// Want asks for T and does without when nobody provides it.
func Want[T any](d Deps, dst *T) {
	d.Wire.needs = append(d.Wire.needs, need{dst: reflect.ValueOf(dst).Elem(), optional: true})
}

// Join answers all questions.
func (w *Wire) Join() error {
	for _, n := range w.needs {
		a, ok := w.answers[n.dst.Type()]
		if !ok {
			if n.optional {
				continue
			}
			return fmt.Errorf("nobody provides %s", n.who)
		}
		n.dst.Set(a)
	}
	return nil
}

// Health collects what is wrong with the program itself, for /readyz and the UI.
type Health struct {
	mu     sync.Mutex
	checks map[string]func() error
}

// NewHealth makes an empty collection.
func NewHealth() *Health { return &Health{checks: map[string]func() error{}} }

// Add registers a check; f must be quick.
func (h *Health) Add(name string, f func() error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.checks[name] = f
}

// Problem is one thing that is wrong.
type Problem struct {
	Name    string `json:"name"`
	Message string `json:"message"`
}

// Problems lists what is wrong now, by name.
func (h *Health) Problems() []Problem {
	h.mu.Lock()
	defer h.mu.Unlock()
	out := []Problem{}
	for n, f := range h.checks {
		if err := f(); err != nil {
			out = append(out, Problem{n, err.Error()})
		}
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Name < out[j].Name })
	return out
}
