package agent

import (
	"context"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/observe"
)

// SpendToken implements observe.Enrolment.
func (s *Service) SpendToken(ctx context.Context, tx *db.Tx, value, kind, address string) (observe.SpentToken, error) {
	var out observe.SpentToken
	if w := s.throttle.wait(address, s.now()); w > 0 {
		return out, errs.New(errs.TooMany, "Too many enrolments from %s were refused. Try again in %s.", address, w.Round(time.Second))
	}
	r, err := spend(ctx, tx, value)
	if err == nil && r.Kind != kind {
		err = errs.New(errs.Unauthorized, "This enrolment token is for a host with an agent, not for an edge. Make one under Observe, Edges.")
	}
	if errs.Is(err, errs.Unauthorized) {
		s.throttle.refused(address, s.now())
	}
	return observe.SpentToken{ID: r.ID, TeamID: r.TeamID, Labels: labels(r.Labels)}, err
}

// SignClient implements observe.Enrolment.
func (s *Service) SignClient(csr, id string, now time.Time) (certificate, serial string, notAfter time.Time, err error) {
	return s.ca.signAgent(csr, id, now)
}

// Authorities implements observe.Enrolment.
func (s *Service) Authorities() string { return s.ca.bundle() }
