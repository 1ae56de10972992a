package column

import (
	"bytes"
	"context"
	"errors"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/snmp"
)

// perGet is how many values a GET asks for, and aim how many a GETBULK should
// bring: they fit into one packet of an Ethernet, so that nothing is fragmented.
const (
	perGet = 40
	aim    = 50
	// maxValues ends a table that has no end.
	maxValues = 500_000
)

// Reader is a conversation with one agent, for one goroutine.
type Reader struct {
	t       snmp.Target
	conn    net.Conn     // version 2c
	session snmp.Session // versions 1 and 3
	timeout time.Duration
	retries int
	id      uint32
	out     []byte
	in      []byte
	// Values counts what the agent gave, Requests what was asked. At is when the
	// present answer came.
	Values, Requests int
	At               time.Time
}

// Open prepares a conversation. Buffer is for answers and is used until Close; with
// less than 64 KiB, or none, a new one is made.
func Open(ctx context.Context, t snmp.Target, buffer []byte) (*Reader, error) {
	r := &Reader{t: t, timeout: t.Timeout, retries: t.Retries, in: buffer, id: uint32(time.Now().UnixNano()) & 0x3fffffff} //nolint:gosec // any number will do
	if r.timeout <= 0 {
		r.timeout = 2 * time.Second
	}
	if r.retries == 0 {
		r.retries = 2
	}
	r.retries = max(r.retries, 0)
	if t.Version != snmp.V2c && t.Version != "" {
		s, err := snmp.Open(ctx, t)
		r.session = s
		return r, err
	}
	if len(r.in) < 65535 {
		r.in = make([]byte, 65535)
	}
	addr := t.Address
	if _, _, err := net.SplitHostPort(addr); err != nil {
		addr = net.JoinHostPort(strings.Trim(addr, "[]"), "161")
	}
	var d net.Dialer
	conn, err := d.DialContext(ctx, "udp", addr)
	if err != nil {
		return nil, errs.Wrap(errs.Unavailable, err, "%s cannot be reached.", t.Address)
	}
	r.conn = conn
	return r, nil
}

// Close ends the conversation.
func (r *Reader) Close() error {
	if r.session != nil {
		return r.session.Close()
	}
	return r.conn.Close()
}

// ask sends a request and waits for its answer; answers to earlier ones are passed
// over.
func (r *Reader) ask(ctx context.Context, pdu byte, reps uint32, prefix, rest [][]byte) (answer, error) {
	r.id = (r.id + 1) & 0x3fffffff
	r.out = request(r.out, r.t.Community, pdu, r.id, 0, reps, prefix, rest)
	for try := 0; ; try++ {
		if err := ctx.Err(); err != nil {
			return answer{}, err
		}
		r.Requests++
		deadline := time.Now().Add(r.timeout)
		if end, ok := ctx.Deadline(); ok && end.Before(deadline) {
			deadline = end
		}
		if err := r.conn.SetReadDeadline(deadline); err != nil {
			return answer{}, err
		}
		if _, err := r.conn.Write(r.out); err != nil && !refused(err) {
			return answer{}, errs.Wrap(errs.Unavailable, err, "%s cannot be reached.", r.t.Address)
		}
		a, err := r.receive()
		var timeout net.Error
		switch {
		case err == nil:
			return a, nil
		case refused(err):
			return a, errs.New(errs.Unavailable, "%s has no SNMP agent on that port.", r.t.Address)
		case errors.As(err, &timeout) && timeout.Timeout():
			if try < r.retries {
				continue
			}
			if r.Values > 0 {
				return a, errs.New(errs.Unavailable, "%s stopped answering SNMP.", r.t.Address)
			}
			return a, errs.New(errs.Unavailable, "%s did not answer SNMP. It may be off, behind a firewall, or the community may be wrong.", r.t.Address)
		}
		return a, errs.Wrap(errs.Unavailable, err, "SNMP with %s failed.", r.t.Address)
	}
}

func refused(err error) bool { return strings.Contains(err.Error(), "refused") }

func (r *Reader) receive() (answer, error) {
	for {
		n, err := r.conn.Read(r.in)
		if err != nil {
			return answer{}, err
		}
		// What is no answer to this request is as if it had not come.
		if a, err := parse(r.in[:n]); err == nil && a.id == r.id {
			r.At = time.Now()
			return a, nil
		}
	}
}

func (r *Reader) garbage() error {
	return errs.New(errs.Unavailable, "%s answered with something that is not SNMP.", r.t.Address)
}

// Get reads single values; fn gets the place in oids and the value, of kind Missing
// when there is none. The value is valid during the call only.
func (r *Reader) Get(ctx context.Context, oids []snmp.OID, fn func(i int, v *snmp.Var)) error {
	if r.session != nil {
		vars, err := r.session.Get(ctx, oids...)
		r.At = time.Now()
		for i := range vars {
			r.Values++
			fn(i, &vars[i])
		}
		return err
	}
	names := make([][]byte, len(oids))
	for i, o := range oids {
		var err error
		if names[i], err = encodeOID(o); err != nil {
			return err
		}
	}
	none := make([][]byte, min(perGet, len(oids)))
	for at := 0; at < len(names); at += perGet {
		end := min(at+perGet, len(names))
		if err := r.get(ctx, names[at:end], none, at, fn); err != nil {
			return err
		}
	}
	return nil
}

func (r *Reader) get(ctx context.Context, names, none [][]byte, first int, fn func(i int, v *snmp.Var)) error {
	a, err := r.ask(ctx, pduGet, 0, names, none[:len(names)])
	if err != nil {
		return err
	}
	var v snmp.Var
	if a.status != 0 {
		if len(names) == 1 {
			fn(first, &v)
			return nil
		}
		// An agent whose packet is too small is asked in smaller pieces.
		half := len(names) / 2
		if err := r.get(ctx, names[:half], none, first, fn); err != nil {
			return err
		}
		return r.get(ctx, names[half:], none, first+half, fn)
	}
	for i := range names {
		name, tag, body, rest, err := pair(a.vars)
		if err != nil || !bytes.Equal(name, names[i]) || value(tag, body, &v) != nil {
			return r.garbage()
		}
		r.Values++
		a.vars = rest
		fn(first+i, &v)
	}
	return nil
}

// Rows reads columns of one table, or of tables with the same rows. fn gets the
// place in cols, the encoded index of the row (see Index) and the value; both are
// valid during the call only. Within a column, rows come in their order.
func (r *Reader) Rows(ctx context.Context, cols []snmp.OID, fn func(col int, index []byte, v *snmp.Var)) error {
	if r.session != nil {
		return r.walks(ctx, cols, fn)
	}
	w := walk{r: r, fn: fn}
	for i, c := range cols {
		b, err := encodeOID(c)
		if err != nil {
			return err
		}
		w.open = append(w.open, i)
		w.prefix = append(w.prefix, b)
		w.last = append(w.last, nil)
	}
	return w.run(ctx)
}

type walk struct {
	r      *Reader
	fn     func(col int, index []byte, v *snmp.Var)
	open   []int    // columns that have not ended
	prefix [][]byte // by column
	last   [][]byte // by column: the index of the row before
	most   int      // rows in one answer
	values int
}

func (w *walk) run(ctx context.Context) error {
	for w.most = aim; len(w.open) > 0; {
		reps := min(max(aim/len(w.open), 1), w.most)
		prefix, last := make([][]byte, len(w.open)), make([][]byte, len(w.open))
		for i, c := range w.open {
			prefix[i], last[i] = w.prefix[c], w.last[c]
		}
		a, err := w.r.ask(ctx, pduBulk, uint32(reps), prefix, last) //nolint:gosec // small
		if err != nil {
			return err
		}
		if a.status != 0 {
			// tooBig, or an agent that does not like so many columns at once.
			if w.most = reps / 2; w.most > 0 {
				continue
			}
			if len(w.prefix) == 1 {
				return errs.New(errs.Unavailable, "%s answered with the error %d.", w.r.t.Address, a.status)
			}
			return w.r.oneByOne(ctx, w)
		}
		if err := w.take(a.vars); err != nil {
			return err
		}
	}
	return nil
}

// oneByOne reads what is left column by column.
func (r *Reader) oneByOne(ctx context.Context, w *walk) error {
	for _, c := range w.open {
		one := walk{r: r, open: []int{0}, prefix: [][]byte{w.prefix[c]}, last: [][]byte{w.last[c]}}
		one.fn = func(_ int, index []byte, v *snmp.Var) { w.fn(c, index, v) }
		if err := one.run(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (w *walk) take(vars []byte) error {
	var v snmp.Var
	ended := make([]bool, len(w.open))
	got := 0
	for i := 0; len(vars) > 0; i++ {
		name, tag, body, rest, err := pair(vars)
		if err != nil {
			return w.r.garbage()
		}
		vars = rest
		k := i % len(w.open)
		c := w.open[k]
		if ended[k] {
			continue
		}
		index, inside := bytes.CutPrefix(name, w.prefix[c])
		if !inside || len(index) == 0 || tag == tagEnd {
			ended[k] = true
			got++
			continue
		}
		if !after(index, w.last[c]) {
			return errs.New(errs.Unavailable, "%s answers in circles.", w.r.t.Address)
		}
		w.last[c] = append(w.last[c][:0], index...)
		if err := value(tag, body, &v); err != nil {
			return w.r.garbage()
		}
		got++
		w.r.Values++
		if w.values++; w.values > maxValues {
			return errs.New(errs.Unavailable, "%s has more than %d values in one table.", w.r.t.Address, maxValues)
		}
		if v.Kind != snmp.Missing {
			w.fn(c, index, &v)
		}
	}
	if got == 0 {
		// An agent that sends nothing at all has no more.
		w.open = nil
		return nil
	}
	still := w.open[:0]
	for k, c := range w.open {
		if !ended[k] {
			still = append(still, c)
		}
	}
	w.open = still
	return nil
}

// after tells whether the encoded index a comes behind b. Arcs have no leading zero
// groups, so a longer arc is a greater one.
func after(a, b []byte) bool {
	for len(a) > 0 && len(b) > 0 {
		i, j := arcLen(a), arcLen(b)
		if i != j {
			return i > j
		}
		if c := bytes.Compare(a[:i], b[:j]); c != 0 {
			return c > 0
		}
		a, b = a[i:], b[j:]
	}
	return len(a) > len(b)
}

func arcLen(b []byte) int {
	for i, c := range b {
		if c&0x80 == 0 {
			return i + 1
		}
	}
	return len(b)
}

// walks is Rows for the versions that package snmp speaks.
func (r *Reader) walks(ctx context.Context, cols []snmp.OID, fn func(col int, index []byte, v *snmp.Var)) error {
	var buf []byte
	for i, c := range cols {
		err := r.session.Walk(ctx, c, func(v snmp.Var) error {
			index, ok := v.OID.Under(c)
			if !ok {
				return nil
			}
			buf = appendIndex(buf[:0], index)
			r.Values, r.At = r.Values+1, time.Now()
			fn(i, buf, &v)
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// Number gives a value as a float; see snmp.Var.Number.
func Number(v *snmp.Var) (float64, bool) {
	switch v.Kind {
	case snmp.Counter32, snmp.Gauge32, snmp.TimeTicks, snmp.Counter64:
		return float64(v.Unum), true
	case snmp.Integer:
		return float64(v.Num), true
	}
	return v.Number()
}

// IfIndex gives the number of a row that has one arc as its index.
func IfIndex(index []byte) (int64, bool) {
	n, err := strconv.ParseInt(Index(index), 10, 64)
	return n, err == nil
}
