package observe

import (
	"context"
	"time"
)

// DefaultProbeTimeout bounds a run when neither configuration nor engine says otherwise.
const DefaultProbeTimeout = 10 * time.Second

// TimeLimited is what a ProbeConfig with a timeout of its own provides.
type TimeLimited interface {
	// TimeLimit of one run; 0 means the default.
	TimeLimit() time.Duration
}

// TimeLimitOf tells how long one run of cfg may take, for the context of Run.
func TimeLimitOf(cfg ProbeConfig) time.Duration {
	if t, ok := cfg.(TimeLimited); ok && t.TimeLimit() > 0 {
		return t.TimeLimit()
	}
	return DefaultProbeTimeout
}

// Bound gives ctx the deadline of the configuration, else of env, else the default.
// An earlier deadline of ctx stays.
func (env ProbeEnv) Bound(ctx context.Context, own Duration) (context.Context, context.CancelFunc) {
	d := time.Duration(own)
	if d <= 0 {
		d = env.Timeout
	}
	if d <= 0 {
		d = DefaultProbeTimeout
	}
	if have, ok := ctx.Deadline(); ok && time.Until(have) <= d {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, d)
}
