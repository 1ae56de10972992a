package snmpreplay

import (
	"context"
	"slices"

	"github.com/mainstay-ops/mainstay/internal/core/snmp"
)

// Session gives the recording without a network.
func (r *Recording) Session() snmp.Session { return &session{r: r} }

type session struct{ r *Recording }

func (s *session) Close() error { return nil }

// Get implements snmp.Session.
func (s *session) Get(ctx context.Context, oids ...snmp.OID) ([]snmp.Var, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	out := make([]snmp.Var, len(oids))
	for i, o := range oids {
		v, ok := s.r.get(o)
		if !ok {
			v = snmp.Var{OID: o}
		}
		out[i] = v
	}
	return out, nil
}

// Walk implements snmp.Session.
func (s *session) Walk(ctx context.Context, root snmp.OID, fn func(snmp.Var) error) error {
	for i := s.r.after(root); i < len(s.r.vars); i++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		v := s.r.vars[i]
		if _, ok := v.OID.Under(root); !ok {
			return nil
		}
		if err := fn(v); err != nil {
			return err
		}
	}
	return nil
}

func (r *Recording) find(o snmp.OID) (int, bool) {
	return slices.BinarySearchFunc(r.vars, o, func(v snmp.Var, o snmp.OID) int { return v.OID.Compare(o) })
}

func (r *Recording) get(o snmp.OID) (snmp.Var, bool) {
	i, ok := r.find(o)
	if !ok {
		return snmp.Var{}, false
	}
	return r.vars[i], true
}

// after is the place of the first value behind o.
func (r *Recording) after(o snmp.OID) int {
	i, ok := r.find(o)
	if ok {
		i++
	}
	return i
}
