// Package snmpreplay plays recorded SNMP agents to tests: in memory, and over UDP
// on loopback as a real agent that can also misbehave.
//
// A recording is a text file of lines OID|tag|value (snmprec). The tag is the
// decimal BER tag of the type, with x for a value in hexadecimal and e for one with
// backslash escapes.
package snmpreplay

import (
	"bufio"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/mainstay-ops/mainstay/internal/core/snmp"
	"github.com/mainstay-ops/mainstay/internal/testkit"
)

// Recording is what one agent had, in the order of its OIDs.
type Recording struct {
	vars []snmp.Var
	// opaque keeps the BER of Opaque values, and of addresses that are not 4 bytes
	// long, for the agent over UDP.
	opaque map[snmp.OID][]byte
	// Skipped counts lines that could not be read.
	Skipped int
}

// Data is the directory of the recorded devices: ../shared/data/snmp, next to the
// checkout. A test without it is skipped, but not in CI.
func Data(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		for _, up := range []string{"..", "../.."} {
			at := filepath.Join(dir, up, "shared", "data", "snmp")
			if _, err := os.Stat(filepath.Join(dir, "go.mod")); err != nil {
				break
			}
			if _, err := os.Stat(filepath.Join(at, "recordings")); err == nil {
				return at
			}
		}
		next := filepath.Dir(dir)
		if next == dir {
			break
		}
		dir = next
	}
	testkit.Missing(t, "there are no recorded devices: ../shared/data/snmp is missing")
	return ""
}

// Load reads a recording. The first of several lines for one OID counts.
func Load(path string) (*Recording, error) {
	f, err := os.Open(path) //nolint:gosec // the caller's own file
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r := &Recording{opaque: map[snmp.OID][]byte{}}
	sc := bufio.NewScanner(f)
	sc.Buffer(make([]byte, 1<<16), 1<<22)
	for sc.Scan() {
		line := strings.TrimRight(sc.Text(), "\r\n")
		if line == "" || line[0] == '#' {
			continue
		}
		v, ok := r.parse(line)
		switch {
		case !ok:
			r.Skipped++
		case v.Kind != snmp.Missing:
			r.vars = append(r.vars, v)
		}
	}
	if err := sc.Err(); err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	r.order()
	return r, nil
}

// New makes a recording of values, for tests that need only a few.
func New(vars ...snmp.Var) *Recording {
	r := &Recording{vars: slices.Clone(vars), opaque: map[snmp.OID][]byte{}}
	r.order()
	return r
}

func (r *Recording) order() {
	slices.SortStableFunc(r.vars, func(a, b snmp.Var) int { return a.OID.Compare(b.OID) })
	r.vars = slices.CompactFunc(r.vars, func(a, b snmp.Var) bool { return a.OID == b.OID })
}

// Vars are all values, in ascending order.
func (r *Recording) Vars() []snmp.Var { return r.vars }

func (r *Recording) parse(line string) (snmp.Var, bool) {
	oid, rest, ok1 := strings.Cut(line, "|")
	tag, value, ok2 := strings.Cut(rest, "|")
	if !ok1 || !ok2 || !validOID(oid) {
		return snmp.Var{}, false
	}
	n := strings.TrimRight(tag, "xe")
	number, err := strconv.Atoi(n)
	if err != nil {
		return snmp.Var{}, false
	}
	raw := []byte(value)
	switch tag[len(n):] {
	case "x", "xx":
		if raw, err = hex.DecodeString(value); err != nil {
			return snmp.Var{}, false
		}
	case "e":
		if raw, err = unescape(value); err != nil {
			return snmp.Var{}, false
		}
	}
	v := snmp.Var{OID: snmp.OID(oid)}
	ok := r.fill(&v, number, raw, tag != n)
	return v, ok
}

// fill sets the value by its BER tag; tag 5 leaves it missing.
func (r *Recording) fill(v *snmp.Var, tag int, raw []byte, binaryValue bool) bool {
	var err error
	text := strings.TrimSpace(string(raw))
	switch tag {
	case 2:
		v.Kind = snmp.Integer
		v.Num, err = strconv.ParseInt(text, 10, 64)
	case 4:
		v.Kind, v.Raw = snmp.OctetString, raw
	case 5:
	case 6:
		v.Kind, v.Raw = snmp.ObjectID, []byte(strings.TrimPrefix(text, "."))
	case 64:
		v.Kind, v.Raw = snmp.IPAddress, []byte(text)
		if binaryValue {
			a, ok := netip.AddrFromSlice(raw)
			if !ok {
				return false
			}
			v.Raw = []byte(a.String())
		}
	case 65, 66, 67, 70:
		v.Kind = map[int]snmp.Kind{65: snmp.Counter32, 66: snmp.Gauge32, 67: snmp.TimeTicks, 70: snmp.Counter64}[tag]
		v.Unum, err = strconv.ParseUint(text, 10, 64)
	case 68:
		v.Kind = snmp.Opaque
		r.opaque[v.OID] = raw
		switch {
		case len(raw) == 7 && raw[0] == 0x9f && raw[1] == 0x78 && raw[2] == 4:
			v.Float = float64(math.Float32frombits(binary.BigEndian.Uint32(raw[3:])))
		case len(raw) == 11 && raw[0] == 0x9f && raw[1] == 0x79 && raw[2] == 8:
			v.Float = math.Float64frombits(binary.BigEndian.Uint64(raw[3:]))
		default:
			v.Kind = snmp.Missing
		}
	default:
		return false
	}
	return err == nil
}

func validOID(s string) bool {
	if s == "" {
		return false
	}
	for part := range strings.SplitSeq(s, ".") {
		if _, err := strconv.ParseUint(part, 10, 32); err != nil {
			return false
		}
	}
	return true
}

// unescape reads backslash escapes as C and Python write them.
func unescape(s string) ([]byte, error) {
	var out []byte
	for len(s) > 0 {
		if s[0] != '\\' {
			out, s = append(out, s[0]), s[1:]
			continue
		}
		if len(s) < 2 {
			return nil, fmt.Errorf("a backslash at the end")
		}
		c := s[1]
		if i := strings.IndexByte("abfnrtv\\'\"", c); i >= 0 {
			out, s = append(out, "\a\b\f\n\r\t\v\\'\""[i]), s[2:]
			continue
		}
		n, base, digits := 2, 16, 2
		if c >= '0' && c <= '7' {
			n, base, digits = 1, 8, 0
			for digits < 3 && n+digits < len(s) && s[n+digits] >= '0' && s[n+digits] <= '7' {
				digits++
			}
		} else if c != 'x' {
			out, s = append(out, '\\', c), s[2:]
			continue
		}
		if len(s) < n+digits {
			return nil, fmt.Errorf("a cut escape")
		}
		b, err := strconv.ParseUint(s[n:n+digits], base, 8)
		if err != nil {
			return nil, err
		}
		out, s = append(out, byte(b)), s[n+digits:]
	}
	return out, nil
}
