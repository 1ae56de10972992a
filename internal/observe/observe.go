// Package observe is the contract of the wing that takes signals in: what a
// probe is, what a check result is, and the facts that other wings hear about
// them. It holds no SQL, no HTTP and no goroutines.
package observe

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/db"
)

// CheckKind is the entity kind of checks.
const CheckKind = "check"

// Permissions on checks.
var (
	ReadChecks  = access.Permission{Name: "check.read", Title: "See checks and results", Least: access.Viewer}
	WriteChecks = access.Permission{Name: "check.write", Title: "Change checks and maintenance", Least: access.Operator}
	SendResults = access.Permission{Name: "check.result", Title: "Send results of passive checks", Least: access.Responder}
	ReadMetrics = access.Permission{Name: "metric.read", Title: "Query metrics", Least: access.Viewer}

	// SendSignals is what a token for senders is limited to.
	SendSignals  = access.Permission{Name: "observe.ingest", Title: "Send metrics, logs and traces", Least: access.Responder}
	ReadSources  = access.Permission{Name: "source.read", Title: "See who sends metrics, logs and traces", Least: access.Viewer}
	WriteSources = access.Permission{Name: "source.write", Title: "Change what senders may do, and what is scraped", Least: access.Operator}
)

// CheckStateChanged is told when the hard state of a check changed, or when a
// change that had been withheld is told after all. Soft changes stay inside
// observe.check.
type CheckStateChanged struct {
	CheckID string `json:"check_id"`
	Check   string `json:"check"`
	ItemID  string `json:"item_id,omitempty"`
	Item    string `json:"item,omitempty"`
	// ProblemID is one and the same from the first result that was not ok until
	// the check is ok again.
	ProblemID string `json:"problem_id"`
	// From and To are ok, warning, critical or unknown.
	From string `json:"from"`
	To   string `json:"to"`
	// At is when the hard state began, Since when the first result of this run was
	// not ok: the beginning of the impact.
	At    time.Time `json:"at"`
	Since time.Time `json:"since"`
	// Output of the probe, one line.
	Output string `json:"output"`
	// Notice is problem, recovery, flapping_start, flapping_end, or empty when the
	// notice is withheld for the reasons in Withheld (downtime, unreachable, flapping).
	Notice   string   `json:"notice,omitempty"`
	Withheld []string `json:"withheld,omitempty"`
	// Removed says that the check itself was removed while it was failing.
	Removed bool `json:"removed,omitempty"`
}

// FactName implements event.Fact.
func (CheckStateChanged) FactName() string { return "observe.check_state_changed" }

// CheckSpec is a check as another wing proposes it.
type CheckSpec struct {
	Name string
	// Item is the name of the item.
	Item  string
	Every Duration
	// Type is the probe type, Probe its configuration as in ops.yaml.
	Type  string
	Probe map[string]any
	// Freshness is how old the last result may become; 0 is without limit. Attempts
	// until a state is hard; 0 is the default.
	Freshness Duration
	Attempts  int
	// From is the edge it runs on; empty is the server.
	From string
}

// CheckMaker lets another wing add a check; one with the name that exists already
// stays as it is.
type CheckMaker interface {
	EnsureCheck(ctx context.Context, tx *db.Tx, c CheckSpec) error
	// DropCheck removes a check; that there is none is no error.
	DropCheck(ctx context.Context, tx *db.Tx, name string) error
	// HasCheckFor tells whether an item has any check already.
	HasCheckFor(ctx context.Context, q bun.IDB, itemIDs []string) (map[string]bool, error)
}

// ResultTaker takes results of passive checks from modules.
type ResultTaker interface {
	// SendResult applies a result to the check of that name; errs.NotFound when there
	// is none. A result older than the last is kept out by its Start. It writes by
	// itself, so it must not be called inside a transaction.
	SendResult(ctx context.Context, check string, r Result) error
}

// Outage is a run of results that were not ok and that became hard, for one check.
type Outage struct {
	CheckID string
	Check   string
	ItemID  string
	// Start is the first result that was not ok, HardAt when it became hard, End
	// the first ok again; End is zero while it lasts.
	Start, HardAt, End time.Time
	// Worst is warning, critical or unknown.
	Worst string
}

// Span is a stretch of time.
type Span struct{ From, To time.Time }

// Watch is what is known of one item over a period.
type Watch struct {
	// Outages overlap the period; those that were warnings only are in it too.
	Outages []Outage
	// Planned are maintenance windows of the checks, NoData the times in which no
	// check was running.
	Planned, NoData []Span
	// Unreachable are the times in which no check could judge because what it
	// depends on was down.
	Unreachable []Span
	// Checks that watched the item.
	Checks int
	// First is when the first check of these items got its first result; zero when
	// there was none.
	First time.Time
}

// History answers what checks have seen.
type History interface {
	// Watched gives what the checks of the items saw between from and to.
	Watched(ctx context.Context, q bun.IDB, itemIDs []string, from, to time.Time) (Watch, error)
}

// Maintenance tells what is planned now.
type Maintenance interface {
	// InDowntime tells which of the items are inside a maintenance window at t.
	InDowntime(ctx context.Context, q bun.IDB, itemIDs []string, t time.Time) (map[string]bool, error)
}

// ItemStates tells how items are, by their checks.
type ItemStates interface {
	// ItemStates gives the worst displayed state of the checks of each item; an item
	// without checks is left out.
	ItemStates(itemIDs []string) map[string]string
}
