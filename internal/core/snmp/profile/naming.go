package profile

import (
	"slices"
	"strings"

	"github.com/mainstay-ops/mainstay/internal/core/snmp"
)

// Naming gives names to notifications and to the values in them. It does not change
// and is safe for use by many goroutines.
type Naming struct {
	traps   map[snmp.OID]Trap
	byName  map[string]snmp.OID
	objects map[string]Object
}

// Naming collects the names of all profiles. Where two profiles name one OID, the
// user's wins, and of two that are shipped the first by name.
func (s *Set) Naming() *Naming {
	n := &Naming{traps: map[snmp.OID]Trap{}, byName: map[string]snmp.OID{}, objects: map[string]Object{}}
	for _, own := range []bool{true, false} {
		for _, name := range s.names {
			p := s.byName[name]
			if p.own != own {
				continue
			}
			for _, t := range p.Traps {
				if _, dup := n.traps[t.OID.oid()]; !dup {
					n.traps[t.OID.oid()] = t
				}
				if _, dup := n.byName[strings.ToLower(t.Name)]; !dup {
					n.byName[strings.ToLower(t.Name)] = t.OID.oid()
				}
			}
			for _, o := range p.Objects {
				if _, dup := n.objects[string(o.OID)]; !dup {
					n.objects[string(o.OID)] = o
				}
			}
		}
	}
	return n
}

// Trap gives what is known of a notification.
func (n *Naming) Trap(oid snmp.OID) (Trap, bool) {
	t, ok := n.traps[oid]
	return t, ok
}

// TrapOID gives the OID of a notification by its name, in any case, or of an OID
// itself, with or without a dot in front.
func (n *Naming) TrapOID(name string) (snmp.OID, bool) {
	if o, ok := n.byName[strings.ToLower(name)]; ok {
		return o, true
	}
	o := strings.TrimPrefix(name, ".")
	return snmp.OID(o), isOID(o)
}

// TrapNames lists all names, in order.
func (n *Naming) TrapNames() []string {
	out := make([]string, 0, len(n.traps))
	for _, t := range n.traps {
		out = append(out, t.Name)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// Value names an object and puts its number into words. The name is empty when the
// object is not known; index is what follows its OID.
func (n *Naming) Value(v snmp.Var) (name, index, text string) {
	text = v.Text()
	if v.Kind == snmp.ObjectID {
		if t, ok := n.traps[snmp.OID(text)]; ok {
			text = t.Name
		}
	}
	for oid := string(v.OID); ; {
		if o, ok := n.objects[oid]; ok {
			if w, ok := o.Values[text]; ok {
				text = w
			}
			index, _ = v.OID.Under(snmp.OID(oid))
			return o.Name, index, text
		}
		i := strings.LastIndexByte(oid, '.')
		if i < 0 {
			return "", "", text
		}
		oid = oid[:i]
	}
}
