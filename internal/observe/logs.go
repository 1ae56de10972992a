package observe

import (
	"context"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/signal"
)

// LogQuery is a question in LogsQL about log lines.
type LogQuery struct {
	// LogsQL; empty means every line.
	LogsQL string
	// From (inclusive) and To (exclusive).
	From, To time.Time
	// Limit is the number of rows; 0 for as many as one query may give.
	Limit int
}

// Logs answers questions about log lines. Whoever acts in ctx sees only what it may
// see; access.AsSystem sees everything.
type Logs interface {
	// QueryLogs gives the rows of the answer one by one, lines with the newest first.
	// The error is errs.Invalid when the query is wrong or costs too much.
	QueryLogs(ctx context.Context, q LogQuery, row func([]signal.Field) error) error
	// CheckLogs tells whether a query can be read; its error has the position.
	CheckLogs(logsQL string) error
}
