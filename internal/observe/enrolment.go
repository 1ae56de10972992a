package observe

import (
	"context"
	"crypto/tls"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/db"
)

// TokenForEdges is the kind of an enrolment token that makes an edge, not a host.
const TokenForEdges = "edge"

// SpentToken is what an enrolment token says of the thing that used it.
type SpentToken struct {
	ID, TeamID string
	Labels     map[string]string
}

// Enrolment is the authority behind agents, lent to edges: the same tokens, the same
// certificates.
type Enrolment interface {
	// SpendToken takes one use of a token of that kind, as part of tx. address is who
	// asks; it has to wait after too many refusals.
	SpendToken(ctx context.Context, tx *db.Tx, value, kind, address string) (SpentToken, error)
	// SignClient makes a certificate with the id as its name for the key in a PEM request.
	SignClient(csr, id string, now time.Time) (certificate, serial string, notAfter time.Time, err error)
	// Authorities are those to be trusted, a PEM bundle.
	Authorities() string
	// ServerTLS asks every client for a certificate of the authorities.
	ServerTLS(protocols ...string) *tls.Config
}
