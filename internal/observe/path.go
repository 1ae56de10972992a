package observe

import (
	"context"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/edgewire"
)

// PathKind is the entity kind of network paths.
const PathKind = "path"

// Permissions on network paths.
var (
	ReadPaths  = access.Permission{Name: "path.read", Title: "See network paths", Least: access.Viewer}
	WritePaths = access.Permission{Name: "path.write", Title: "Change which network paths are measured", Least: access.Operator}
	SayOnPaths = access.Permission{Name: "path.comment", Title: "Comment on network paths", Least: access.Responder}
)

// PlacedPaths are the network paths that edges measure. observe.path provides it.
type PlacedPaths interface {
	// PathsFor gives what a place is to measure, ordered by id.
	PathsFor(place string) []edgewire.Path
	// TakeRounds stores what a place measured. Rounds that are given again change
	// nothing. It writes by itself, so it must not be called inside a transaction.
	TakeRounds(ctx context.Context, place string, bs []edgewire.PathBlock) error
}

// PathFigures are those of the end of a path over a window.
type PathFigures struct {
	// Rounds that were sent.
	Rounds int64
	// Loss is 0 to 1.
	Loss         float64
	Mean, Jitter time.Duration
	MOS          float64
	// ChangedAt is when the route changed last; zero when it did not since it is known.
	ChangedAt time.Time
	// Changed says how, for people.
	Changed string
	// Problem says why nothing is measured; empty when it is.
	Problem string
}

// PathJudge is the configuration of a check of the type path.
type PathJudge interface {
	Waiting
	// PathName is the path that is judged, Window how far back.
	PathName() string
	Window() time.Duration
	// JudgePath tells how f is. held are the states of single figures at the last call;
	// it is kept by the caller and changed here.
	JudgePath(f PathFigures, now time.Time, held map[string]Status) (Status, string)
}
