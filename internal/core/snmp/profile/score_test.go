package profile

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/core/snmp/device"
	"github.com/mainstay-ops/mainstay/internal/testkit/snmpreplay"
)

type expectation struct {
	Devices []struct {
		OS, Type, Hardware, Version, Serial string
	}
	Processors []struct {
		OID string `json:"processor_oid"`
	}
	Mempools []struct {
		Description string `json:"mempool_descr"`
	}
	Sensors []struct {
		Class string `json:"sensor_class"`
		OID   string `json:"sensor_oid"`
	}
}

type tally struct{ got, want, extra int }

func (t tally) recall() float64 { return 100 * float64(t.got) / float64(max(t.want, 1)) }

var loose = regexp.MustCompile(`[^a-z0-9.]+`)

// says tells whether what is read holds what is expected, or the other way round.
func says(got, want string) bool {
	g, w := loose.ReplaceAllString(strings.ToLower(got), ""), loose.ReplaceAllString(strings.ToLower(want), "")
	return g != "" && w != "" && (strings.Contains(w, g) || strings.Contains(g, w))
}

func TestScore(t *testing.T) {
	dir := snmpreplay.Data(t)
	set, err := Shipped()
	require.NoError(t, err)
	f, err := os.Open(filepath.Join(dir, "index.csv"))
	require.NoError(t, err)
	defer f.Close()
	lines, err := csv.NewReader(f).ReadAll()
	require.NoError(t, err)
	col := map[string]int{}
	for i, n := range lines[0] {
		col[n] = i
	}
	score := map[string]*tally{}
	at := func(name string) *tally {
		if score[name] == nil {
			score[name] = &tally{}
		}
		return score[name]
	}
	count := func(name string, ok bool, format string, args ...any) {
		c := at(name)
		c.want++
		if ok {
			c.got++
		} else {
			t.Logf("%s: "+format, append([]any{name}, args...)...)
		}
	}
	for _, l := range lines[1:] {
		name := l[col["recording"]]
		rec, err := snmpreplay.Load(filepath.Join(dir, "recordings", name+".snmprec"))
		require.NoError(t, err, name)
		r, err := Survey(context.Background(), rec.Session(), Options{Set: set})
		require.NoError(t, err, name)
		d := r.Device
		it := d.Item
		count("os", strings.EqualFold(it.OS, l[col["os"]]), "%s is %s, read %q (%s) from %q %q", name, l[col["os"]], it.OS, d.Profile, it.SysObjectID, short(it.SysDescr))
		facts := Facts{strings.TrimPrefix(it.SysObjectID, "."), it.SysDescr, it.Name}
		assert.LessOrEqual(t, len(set.Candidates(facts)), 1, "%s matches %v", name, set.Candidates(facts))
		b, err := os.ReadFile(filepath.Join(dir, "expected", name+".json"))
		if err != nil {
			continue
		}
		var e expectation
		require.NoError(t, json.Unmarshal(b, &e), name)
		if len(e.Devices) > 0 {
			x := e.Devices[0]
			for _, p := range []struct{ name, want, got string }{
				{"version", x.Version, it.Version}, {"model", x.Hardware, it.Model}, {"serial", x.Serial, it.Serial},
			} {
				if p.want != "" && p.want != "<private>" {
					count(p.name, says(p.got, p.want), "%s (%s) is %q, read %q", name, d.Profile, p.want, p.got)
				}
			}
		}
		compare(t, at("processors"), name, d.Profile, oidsOf(e.Processors, func(i int) string { return e.Processors[i].OID }), oidsOf(d.Processors, func(i int) string { return processorOID(d.Processors[i]) }))
		m := at("memories")
		m.want += len(e.Mempools)
		m.got += min(len(e.Mempools), len(d.Memories))
		if len(e.Mempools) > len(d.Memories) {
			t.Logf("memories: %s (%s) wants %d has %d", name, d.Profile, len(e.Mempools), len(d.Memories))
		}
		compare(t, at("sensors"), name, d.Profile, oidsOf(e.Sensors, func(i int) string { return e.Sensors[i].OID }), oidsOf(d.Sensors, func(i int) string { return d.Sensors[i].OID }))
	}
	var names []string
	for n := range score {
		names = append(names, n)
	}
	slices.Sort(names)
	for _, n := range names {
		c := score[n]
		fmt.Printf("%-12s %5d of %5d  %5.1f %%  (%d more)\n", n, c.got, c.want, c.recall(), c.extra)
	}
}

// processorOID is the value of a processor: that of a profile has it as its index,
// that of the standard tables the row of hrProcessorTable.
func processorOID(p device.Processor) string {
	if strings.Contains(p.Index, ".") {
		return p.Index
	}
	return "1.3.6.1.2.1.25.3.3.1.2." + p.Index
}

func oidsOf[T any](rows []T, oid func(int) string) []string {
	out := make([]string, len(rows))
	for i := range rows {
		out[i] = strings.TrimPrefix(oid(i), ".")
	}
	return out
}

func compare(t *testing.T, c *tally, name, profile string, want, got []string) {
	t.Helper()
	missing := map[string]int{}
	for _, w := range want {
		c.want++
		if slices.Contains(got, w) {
			c.got++
			continue
		}
		if i := strings.LastIndexByte(w, '.'); i > 0 {
			w = w[:i]
		}
		missing[w]++
	}
	if len(want) > 0 {
		c.extra += max(0, len(got)-len(want))
	}
	if len(missing) > 0 {
		t.Logf("missing: %s (%s) %v", name, profile, missing)
	}
}

func short(s string) string {
	if len(s) > 90 {
		return s[:90]
	}
	return s
}
