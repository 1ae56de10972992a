package profile

import (
	"context"

	"github.com/mainstay-ops/mainstay/internal/core/snmp"
)

// Op says how the values of a point become one.
type Op string

// The operations. Value is the first value; Idle 100 minus it; Less the first minus
// the second; Share the first times the second over 100; Rest the first times 100
// minus the second, over 100; Plus the first plus the second.
const (
	Value Op = "value"
	Idle  Op = "idle"
	Less  Op = "less"
	Share Op = "share"
	Rest  Op = "rest"
	Plus  Op = "plus"
)

// Point is a value that can be read again without a walk. It has what is needed to
// keep it as JSON from one poll to the next.
type Point struct {
	// Metric is the name, Type counter or gauge.
	Metric string            `json:"metric"`
	Type   string            `json:"type"`
	Labels map[string]string `json:"labels,omitempty"`
	Op     Op                `json:"op"`
	OIDs   []snmp.OID        `json:"oids"`
	// Factor multiplies each amount (not a share); Offset is added last.
	Factor float64 `json:"factor"`
	Offset float64 `json:"offset,omitempty"`
	// Pattern takes the number out of a text.
	Pattern string `json:"pattern,omitempty"`
}

// Sample is the value of a point.
type Sample struct {
	Point *Point
	Value float64
}

// Poll reads points again, in packets of many. A point whose value is gone has no
// sample; an error ends the poll with what was read before it.
func Poll(ctx context.Context, s snmp.Session, points []Point) ([]Sample, error) {
	const perCall = 400
	out := make([]Sample, 0, len(points))
	for at := 0; at < len(points); {
		var oids []snmp.OID
		end := at
		for ; end < len(points) && len(oids)+len(points[end].OIDs) <= perCall; end++ {
			oids = append(oids, points[end].OIDs...)
		}
		if end == at {
			at++ // more values than fit: not a point of this package
			continue
		}
		vars, err := s.Get(ctx, oids...)
		if err != nil {
			return out, err
		}
		for ; at < end; at++ {
			p := &points[at]
			n := len(p.OIDs)
			if n > len(vars) {
				return out, nil
			}
			if v, ok := p.Of(vars[:n]); ok {
				out = append(out, Sample{p, v})
			}
			vars = vars[n:]
		}
	}
	return out, nil
}

// Of computes the value from those of the point's OIDs, in their order.
func (p *Point) Of(vars []snmp.Var) (float64, bool) {
	var pattern Pattern
	if p.Pattern != "" {
		if err := pattern.UnmarshalText([]byte(p.Pattern)); err != nil {
			return 0, false
		}
	}
	n := make([]float64, len(vars))
	for i, v := range vars {
		var ok bool
		if n[i], ok = number(v, pattern); !ok {
			return 0, false
		}
	}
	need := 2
	if p.Op == Value || p.Op == Idle {
		need = 1
	}
	if len(n) < need {
		return 0, false
	}
	switch p.Op {
	case Value:
		return n[0]*p.Factor + p.Offset, true
	case Idle:
		return 100 - n[0]*p.Factor, true
	case Less:
		return (n[0] - n[1]) * p.Factor, true
	case Plus:
		return (n[0] + n[1]) * p.Factor, true
	case Share:
		return n[0] * p.Factor * n[1] / 100, true
	case Rest:
		return n[0] * p.Factor * (100 - n[1]) / 100, true
	}
	return 0, false
}
