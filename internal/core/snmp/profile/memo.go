package profile

import (
	"context"
	"errors"

	"github.com/mainstay-ops/mainstay/internal/core/snmp"
)

// memoVars is how many values are kept at most; what is beyond is asked again.
const memoVars = 100_000

// memo keeps what was read, because a profile often names columns that the
// standard tables read before.
type memo struct {
	snmp.Session
	walks map[snmp.OID][]snmp.Var
	gets  map[snmp.OID]snmp.Var
	kept  int
}

func newMemo(s snmp.Session) *memo {
	return &memo{Session: s, walks: map[snmp.OID][]snmp.Var{}, gets: map[snmp.OID]snmp.Var{}}
}

// Get implements snmp.Session.
func (m *memo) Get(ctx context.Context, oids ...snmp.OID) ([]snmp.Var, error) {
	out := make([]snmp.Var, len(oids))
	var ask []snmp.OID
	var at []int
	for i, o := range oids {
		if v, ok := m.gets[o]; ok {
			out[i] = v
			continue
		}
		ask, at = append(ask, o), append(at, i)
	}
	if len(ask) == 0 {
		return out, nil
	}
	vars, err := m.Session.Get(ctx, ask...)
	if err != nil {
		return nil, err
	}
	for i, v := range vars {
		out[at[i]] = v
		if m.kept++; m.kept < memoVars {
			m.gets[ask[i]] = v
		}
	}
	return out, nil
}

// Walk implements snmp.Session.
func (m *memo) Walk(ctx context.Context, root snmp.OID, fn func(snmp.Var) error) error {
	if vars, ok := m.walked(root); ok {
		for _, v := range vars {
			if err := fn(v); err != nil {
				return err
			}
		}
		return nil
	}
	var vars []snmp.Var
	whole := true
	err := m.Session.Walk(ctx, root, func(v snmp.Var) error {
		if m.kept++; m.kept < memoVars {
			vars = append(vars, v)
		} else {
			whole = false
		}
		return fn(v)
	})
	if err == nil && whole {
		m.walks[root] = vars
	}
	return err
}

// walked gives what is known below root from a walk of it or of one above.
func (m *memo) walked(root snmp.OID) ([]snmp.Var, bool) {
	if vars, ok := m.walks[root]; ok {
		return vars, true
	}
	for i := len(root) - 1; i > 0; i-- {
		if root[i] != '.' {
			continue
		}
		all, ok := m.walks[root[:i]]
		if !ok {
			continue
		}
		var vars []snmp.Var
		for _, v := range all {
			if _, below := v.OID.Under(root); below {
				vars = append(vars, v)
			}
		}
		return vars, true
	}
	return nil, false
}

// cell is a value and its index in a column; "0" for a scalar.
type cell struct {
	index string
	v     snmp.Var
}

var errEnough = errors.New("enough rows")

// column reads a scalar (its OID ends in .0), a column, or a single value of a
// table.
func (m *memo) column(ctx context.Context, o OID) ([]cell, error) {
	if scalar(o) {
		return m.single(ctx, o, "0")
	}
	var out []cell
	err := m.Walk(ctx, o.oid(), func(v snmp.Var) error {
		if len(out) >= maxRows {
			return errEnough
		}
		index, _ := v.OID.Under(o.oid())
		out = append(out, cell{index, v})
		return nil
	})
	switch {
	case err != nil && !errors.Is(err, errEnough) && !snmp.Limited(err):
		return nil, err
	case len(out) == 0:
		return m.single(ctx, o, "")
	case errors.Is(err, errEnough):
		err = nil
	}
	return out, err
}

func (m *memo) single(ctx context.Context, o OID, index string) ([]cell, error) {
	vars, err := m.Get(ctx, o.oid())
	if err != nil || len(vars) == 0 || vars[0].Kind == snmp.Missing {
		return nil, err
	}
	return []cell{{index, vars[0]}}, nil
}

func scalar(o OID) bool { return len(o) > 2 && o[len(o)-2:] == ".0" }
