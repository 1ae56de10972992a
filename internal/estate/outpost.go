package estate

import (
	"context"

	"github.com/mainstay-ops/mainstay/internal/core/edgewire"
)

// Outposts run discovery in networks that the server does not reach. observe.edge
// provides it.
type Outposts interface {
	// Outposts names all of them.
	Outposts() []string
	// Away says why one cannot look now, for example "is silent"; empty when it can.
	Away(name string) string
	// Sweep lets one look, and hands its reports to took, in order and each once, until
	// it is done. It ends with errs.Unavailable when the outpost falls silent, and with
	// the error of ctx.
	Sweep(ctx context.Context, name string, o edgewire.Sweep, took func(*edgewire.Swept)) error
}
