package profile

import (
	"bytes"
	"context"
	"encoding/hex"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/core/snmp"
)

// replay answers from a list of values.
type replay struct {
	vars []snmp.Var
	// asked counts requests; fail makes a walk below it fail.
	asked int
	fail  map[snmp.OID]error
}

func (r *replay) at(o snmp.OID) (int, bool) {
	return slices.BinarySearchFunc(r.vars, o, func(v snmp.Var, o snmp.OID) int { return v.OID.Compare(o) })
}

func (r *replay) Get(_ context.Context, oids ...snmp.OID) ([]snmp.Var, error) {
	r.asked++
	out := make([]snmp.Var, len(oids))
	for i, o := range oids {
		if at, ok := r.at(o); ok {
			out[i] = r.vars[at]
		}
		out[i].OID = o
	}
	return out, nil
}

func (r *replay) Walk(ctx context.Context, root snmp.OID, fn func(snmp.Var) error) error {
	r.asked++
	if err := r.fail[root]; err != nil {
		return err
	}
	at, _ := r.at(root)
	for ; at < len(r.vars); at++ {
		v := r.vars[at]
		if v.OID == root {
			continue
		}
		if _, ok := v.OID.Under(root); !ok {
			return nil
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := fn(v); err != nil {
			return err
		}
	}
	return nil
}

func (r *replay) Close() error { return nil }

// agent reads lines "OID|tag|value" as snmpsim writes them.
func agent(data []byte) *replay {
	r := &replay{}
	seen := map[snmp.OID]bool{}
	for line := range bytes.Lines(data) {
		p := strings.SplitN(strings.TrimRight(string(line), "\r\n"), "|", 3)
		if len(p) != 3 || seen[snmp.OID(p[0])] || !isOID(p[0]) {
			continue
		}
		if v, ok := recorded(p[1], p[2]); ok {
			v.OID = snmp.OID(p[0])
			seen[v.OID] = true
			r.vars = append(r.vars, v)
		}
	}
	slices.SortFunc(r.vars, func(a, b snmp.Var) int { return a.OID.Compare(b.OID) })
	return r
}

func recorded(tag, value string) (snmp.Var, bool) {
	raw := []byte(value)
	switch {
	case strings.HasSuffix(tag, "x"):
		b, err := hex.DecodeString(value)
		if err != nil {
			return snmp.Var{}, false
		}
		raw = b
	case strings.HasSuffix(tag, "e"):
		if s, err := strconv.Unquote(`"` + strings.ReplaceAll(value, `"`, `\"`) + `"`); err == nil {
			raw = []byte(s)
		}
	}
	i, _ := strconv.ParseInt(strings.TrimSpace(value), 10, 64)
	u, _ := strconv.ParseUint(strings.TrimSpace(value), 10, 64)
	switch strings.TrimRight(tag, "xe") {
	case "2":
		return snmp.Var{Kind: snmp.Integer, Num: i}, true
	case "4":
		return snmp.Var{Kind: snmp.OctetString, Raw: raw}, true
	case "6":
		return snmp.Var{Kind: snmp.ObjectID, Raw: []byte(strings.TrimPrefix(value, "."))}, true
	case "64":
		if strings.HasSuffix(tag, "x") && len(raw) == 4 {
			raw = []byte(strconv.Itoa(int(raw[0])) + "." + strconv.Itoa(int(raw[1])) + "." + strconv.Itoa(int(raw[2])) + "." + strconv.Itoa(int(raw[3])))
		}
		return snmp.Var{Kind: snmp.IPAddress, Raw: raw}, true
	case "65":
		return snmp.Var{Kind: snmp.Counter32, Unum: u}, true
	case "66":
		return snmp.Var{Kind: snmp.Gauge32, Unum: u}, true
	case "67":
		return snmp.Var{Kind: snmp.TimeTicks, Unum: u}, true
	case "70":
		return snmp.Var{Kind: snmp.Counter64, Unum: u}, true
	}
	return snmp.Var{}, false
}

func mustAgent(t *testing.T, file string) *replay {
	t.Helper()
	b, err := os.ReadFile(file)
	require.NoError(t, err)
	return agent(b)
}
