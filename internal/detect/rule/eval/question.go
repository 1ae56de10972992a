package eval

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/prometheus/prometheus/promql/parser"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/observe"
)

// MaxInstances limits the answer to one question.
const MaxInstances = 1000

// newParser makes what reads PromQL; a parser is not safe for several goroutines.
func newParser() parser.Parser { return parser.NewParser(parser.Options{}) }

// CheckExpr says what is wrong with a PromQL question, with the position, as text
// that follows the name of a field.
func CheckExpr(expr string) string {
	e, err := newParser().ParseExpr(expr)
	if err != nil {
		var pe parser.ParseErrors
		if errors.As(err, &pe) && len(pe) > 0 {
			return fmt.Sprintf("is not PromQL: %v at character %d", pe[0].Err, int(pe[0].PositionRange.Start)+1)
		}
		return "is not PromQL: " + err.Error()
	}
	if t := e.Type(); t != parser.ValueTypeVector && t != parser.ValueTypeScalar {
		return fmt.Sprintf("must answer with one value for each series, not with a %s", parser.DocumentedType(t))
	}
	return ""
}

// Presence gives the question for the data that expr is about: the left side of its
// comparison. ok is false when there is none.
func Presence(expr string) (q string, ok bool) {
	e, err := newParser().ParseExpr(expr)
	if err != nil {
		return "", false
	}
	for {
		switch x := e.(type) {
		case *parser.ParenExpr:
			e = x.Expr
			continue
		case *parser.BinaryExpr:
			switch {
			case x.Op.IsComparisonOperator():
				side := x.LHS
				if side.Type() != parser.ValueTypeVector {
					side = x.RHS
				}
				return side.String(), side.Type() == parser.ValueTypeVector
			case x.Op == parser.LAND, x.Op == parser.LUNLESS:
				e = x.LHS
				continue
			}
		}
		return "", false
	}
}

// Question is a rule's way to its answers.
type Question struct {
	// Expr, Recovery and Presence are PromQL; the last two may be empty.
	Expr, Recovery, Presence string
}

// Ask reads the store at one moment.
func (q Question) Ask(ctx context.Context, m observe.Metrics, at time.Time) (Reading, error) {
	var r Reading
	for _, part := range []struct {
		expr string
		into *[]Value
	}{{q.Expr, &r.Active}, {q.Recovery, &r.Recovered}, {q.Presence, &r.Present}} {
		if part.expr == "" {
			continue
		}
		ss, err := m.Instant(ctx, part.expr, at)
		if err != nil {
			return Reading{}, err
		}
		for _, s := range ss {
			if len(s.Points) > 0 {
				*part.into = append(*part.into, Value{Labels: withoutName(s.Labels), Value: s.Points[0].Value})
			}
		}
	}
	if len(r.Active) > MaxInstances {
		return Reading{}, errs.New(errs.TooMany, "The question has %d answers; a rule may have %d. Aggregate with sum by (…) or narrow the selection.", len(r.Active), MaxInstances)
	}
	return r, nil
}

func withoutName(labels map[string]string) map[string]string {
	out := make(map[string]string, len(labels))
	for k, v := range labels {
		if k != "__name__" {
			out[k] = v
		}
	}
	return out
}
