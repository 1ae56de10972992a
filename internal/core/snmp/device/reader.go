package device

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/snmp"
)

// Options limit one reading. The zero values mean the defaults.
type Options struct {
	// Address names the device when it has no sysName.
	Address string
	// Time is how long a reading may take; 3 minutes when zero.
	Time time.Duration
	// MaxVars is how many values a reading may take; 500,000 when zero.
	MaxVars int
	// MaxRows is how many rows of the forwarding, address and routing tables are
	// kept, each; 10,000 when zero.
	MaxRows int
	// Basics leaves the forwarding, address and routing tables out.
	Basics bool
}

// Read reads a device from the standard MIBs. It fails only when the device does
// not answer at all; a table that cannot be read is told in Device.Limits.
func Read(ctx context.Context, s snmp.Session, opt Options) (*Device, error) {
	if opt.Time <= 0 {
		opt.Time = 3 * time.Minute
	}
	if opt.MaxVars <= 0 {
		opt.MaxVars = 500_000
	}
	if opt.MaxRows <= 0 {
		opt.MaxRows = 10_000
	}
	limited, cancel := context.WithTimeout(ctx, opt.Time)
	defer cancel()
	r := &reader{ctx: limited, s: s, opt: opt, d: empty()}
	if err := r.system(); err != nil {
		return nil, err
	}
	for _, read := range []func(){
		r.interfaces, r.addresses, r.parts, r.processors, r.storage, r.ucd, r.printer,
		r.entitySensors, r.lmSensors, r.ups, r.power, r.bridgePorts, r.vlans, r.lldp, r.cdp,
	} {
		read()
	}
	if !opt.Basics {
		r.macs()
		r.hosts()
		r.routes()
	}
	// Only the caller's own end is an error; the limit of the reading is told.
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	r.identify()
	return r.d, nil
}

// empty has no nil list, so that every list is one in JSON.
func empty() *Device {
	return &Device{
		Interfaces: []Interface{}, Addresses: []Address{}, Processors: []Processor{}, Memories: []Memory{},
		Storages: []Storage{}, Sensors: []Sensor{}, Neighbors: []Neighbor{}, VLANs: []VLAN{}, Parts: []Part{},
		MACs: []BridgeMAC{}, Hosts: []Host{}, Routes: []Route{},
	}
}

type reader struct {
	ctx   context.Context
	s     snmp.Session
	opt   Options
	d     *Device
	vars  int
	fails int
	// over is set when nothing more is to be asked.
	over bool

	byIndex  map[int64]*Interface
	basePort map[int64]int64
}

// errStop ends a walk when enough was read.
var errStop = errors.New("enough")

// errVars ends a walk when the device has more values than a reading takes.
var errVars = errors.New("too many values")

// walk reads below root and turns what goes wrong into a sentence. It tells whether
// the walk came to its end.
func (r *reader) walk(what string, root snmp.OID, fn func(index string, v snmp.Var) error) bool {
	if r.over {
		return false
	}
	err := r.s.Walk(r.ctx, root, func(v snmp.Var) error {
		if r.vars++; r.vars > r.opt.MaxVars {
			return errVars
		}
		index, ok := v.OID.Under(root)
		if !ok || v.Kind == snmp.Missing {
			return nil
		}
		return fn(index, v)
	})
	switch {
	case err == nil || errors.Is(err, errStop):
		r.fails = 0
		return true
	case errors.Is(err, errVars):
		r.stop(fmt.Sprintf("The device has more than %d values. What follows %s was not read.", r.opt.MaxVars, what))
	case r.ctx.Err() != nil:
		r.stop(fmt.Sprintf("The reading took longer than %s. What follows %s was not read.", r.opt.Time, what))
	case snmp.Limited(err):
		r.fails = 0
		r.limit(fmt.Sprintf("The %s were cut: %s", what, err))
	default:
		r.limit(fmt.Sprintf("The %s were not read to the end: %s", what, errs.Message(err)))
		// A device that is silent twice in a row has gone; each further table would
		// only wait for its timeout.
		if r.fails++; r.fails >= 2 {
			r.stop("The device stopped answering. The rest was not read.")
		}
	}
	return false
}

func (r *reader) limit(sentence string) {
	if !slices.Contains(r.d.Limits, sentence) {
		r.d.Limits = append(r.d.Limits, sentence)
	}
}

func (r *reader) stop(sentence string) {
	r.over = true
	r.limit(sentence)
}

// rows are those of one table, in the order of the device.
type rows struct {
	order []string
	cells map[string]map[int]snmp.Var
}

func (t rows) text(i string, col int) string { return t.cells[i][col].Text() }

func (t rows) int(i string, col int) int64 {
	n, _ := t.cells[i][col].Int()
	return n
}

// table reads the columns of a table. Nothing more is asked of a table that is not
// there.
func (r *reader) table(what string, entry snmp.OID, cols ...int) rows {
	t := rows{cells: map[string]map[int]snmp.Var{}}
	if !r.has(what, entry) {
		return t
	}
	for _, col := range cols {
		ok := r.walk(what, entry+snmp.OID("."+strconv.Itoa(col)), func(i string, v snmp.Var) error {
			row := t.cells[i]
			if row == nil {
				row = map[int]snmp.Var{}
				t.cells[i] = row
				t.order = append(t.order, i)
			}
			row[col] = v
			return nil
		})
		if !ok && r.over {
			break
		}
	}
	slices.SortFunc(t.order, func(a, b string) int { return snmp.OID(a).Compare(snmp.OID(b)) })
	return t
}

// has tells whether there is anything below root.
func (r *reader) has(what string, root snmp.OID) bool {
	found := false
	r.walk(what, root, func(string, snmp.Var) error {
		found = true
		return errStop
	})
	return found
}

// get reads single values; what is missing stays Missing.
func (r *reader) get(what string, oids ...snmp.OID) []snmp.Var {
	none := make([]snmp.Var, len(oids))
	if r.over {
		return none
	}
	vars, err := r.s.Get(r.ctx, oids...)
	r.vars += len(oids)
	if err != nil || len(vars) != len(oids) {
		r.walk(what, oids[0], func(string, snmp.Var) error { return errStop })
		return none
	}
	return vars
}

// arcs splits an index into its numbers.
func arcs(index string) []int64 {
	parts := strings.Split(index, ".")
	out := make([]int64, len(parts))
	for i, p := range parts {
		out[i], _ = strconv.ParseInt(p, 10, 64)
	}
	return out
}

func octets(a []int64) []byte {
	b := make([]byte, len(a))
	for i, n := range a {
		if n < 0 || n > 255 {
			return nil
		}
		b[i] = byte(n)
	}
	return b
}
