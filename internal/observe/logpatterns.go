package observe

import (
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/access"
)

// WriteParsers is needed for parsers of one's own for log lines.
var WriteParsers = access.Permission{Name: "log.parser.write", Title: "Change parsers of log lines", Least: access.Operator}

// LogPattern is a template of log lines.
type LogPattern struct {
	// ID is the field pattern of its lines.
	ID string
	// Template has <*> for what varies.
	Template string
	// Example is the first line that was seen, at most 512 bytes.
	Example string
}

// PatternCount is how many lines of one template one item gave.
type PatternCount struct {
	LogPattern

	// Item is the name of the item; empty for lines of none.
	Item string
	// Level of the lines; empty when they do not say.
	Level string
	Lines uint64
}

// PatternMinute is what came in one minute, counted by arrival.
type PatternMinute struct {
	// At is the end of the minute.
	At     time.Time
	Counts []PatternCount
	// Joined tells which templates were joined with others since the last minute: the
	// lines of the first are found to be of the second.
	Joined map[string]string
}

// PatternSink takes the counts of each minute. It must not wait.
type PatternSink interface{ TakePatterns(m PatternMinute) }

// LogPatterns tells what a template is.
type LogPatterns interface {
	LogPattern(id string) (LogPattern, bool)
}
