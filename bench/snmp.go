package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/config"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/live"
	"github.com/mainstay-ops/mainstay/internal/core/module"
	"github.com/mainstay-ops/mainstay/internal/core/snmp"
	wing "github.com/mainstay-ops/mainstay/internal/estate"
	"github.com/mainstay-ops/mainstay/internal/observe"
	"github.com/mainstay-ops/mainstay/internal/observe/device"
	"github.com/mainstay-ops/mainstay/internal/observe/metric"
	"github.com/mainstay-ops/mainstay/internal/testkit/snmpreplay"
)

const (
	snmpDevices    = 1000
	snmpInterfaces = 100
)

// pollColumns are those that the poller reads of an interface.
func pollColumns() []string {
	const t, x = "1.3.6.1.2.1.2.2.1.", "1.3.6.1.2.1.31.1.1.1."
	return []string{x + "6", x + "10", x + "7", x + "8", x + "9", x + "11", x + "12", x + "13", t + "14", t + "20", t + "13", t + "19", t + "7", t + "8", x + "15"}
}

// agents answers as one switch at many ports, one after the other from the first.
func agents(where string) {
	host, first, _ := strings.Cut(where, " ")
	begin, _ := strconv.Atoi(first)
	var v []snmp.Var
	put := func(oid string, k snmp.Kind, n uint64, s string) {
		v = append(v, snmp.Var{OID: snmp.OID(oid), Kind: k, Num: int64(n), Unum: n, Raw: []byte(s)}) //nolint:gosec // small numbers
	}
	put("1.3.6.1.2.1.1.1.0", snmp.OctetString, 0, "a switch")
	put("1.3.6.1.2.1.1.3.0", snmp.TimeTicks, 123456, "")
	put("1.3.6.1.2.1.1.5.0", snmp.OctetString, 0, "sw")
	put("1.3.6.1.2.1.2.1.0", snmp.Integer, snmpInterfaces, "")
	for i := uint64(1); i <= snmpInterfaces; i++ {
		n := "." + strconv.FormatUint(i, 10)
		put("1.3.6.1.2.1.2.2.1.2"+n, snmp.OctetString, 0, "GigabitEthernet1/0/"+n[1:])
		put("1.3.6.1.2.1.2.2.1.3"+n, snmp.Integer, 6, "")
		put("1.3.6.1.2.1.31.1.1.1.1"+n, snmp.OctetString, 0, "Gi1/0/"+n[1:])
		for _, c := range pollColumns() {
			switch {
			case strings.HasSuffix(c, "2.2.1.7"), strings.HasSuffix(c, "2.2.1.8"):
				put(c+n, snmp.Integer, 1, "")
			case strings.HasSuffix(c, ".31.1.1.1.15"):
				put(c+n, snmp.Gauge32, 1000, "")
			case strings.Contains(c, ".31.1.1.1."):
				put(c+n, snmp.Counter64, 123_456_789_012+i, "")
			default:
				put(c+n, snmp.Counter32, i, "")
			}
		}
	}
	r := snmpreplay.New(v...)
	for i := range snmpDevices {
		conn, err := net.ListenPacket("udp", net.JoinHostPort(host, strconv.Itoa(begin+i)))
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		go r.ServeOn(conn, "public")
	}
	fmt.Println("ready")
	select {}
}

// world answers the questions that the poller has to other modules.
type world struct{ first int }

func (w world) SNMP(_ context.Context, _ bun.IDB, id string) (snmp.Target, error) {
	n, _ := strconv.Atoi(id)
	return snmp.Target{Address: "127.0.0.1:" + strconv.Itoa(w.first+n), Community: "public"}, nil
}

func (world) SNMPItems(_ context.Context, _ bun.IDB, after string, limit int) ([]string, error) {
	out := []string{}
	for i := range snmpDevices {
		if id := fmt.Sprintf("%06d", i); id > after && len(out) < limit {
			out = append(out, id)
		}
	}
	return out, nil
}

func (world) ByIDs(_ context.Context, _ bun.IDB, ids []string) (map[string]wing.Item, error) {
	out := map[string]wing.Item{}
	for _, id := range ids {
		out[id] = wing.Item{ID: id, Name: "sw-" + id}
	}
	return out, nil
}

func (world) ByName(context.Context, bun.IDB, string) (wing.Item, error) { return wing.Item{}, nil }

func (world) Impact(context.Context, bun.IDB, []string) ([]wing.Reached, error) { return nil, nil }

func (world) Needs(context.Context, bun.IDB, []string) ([]wing.Reached, error) { return nil, nil }

func (world) SendResult(context.Context, string, observe.Result) error { return nil }

func (world) EnsureCheck(context.Context, *db.Tx, observe.CheckSpec) error { return nil }

func (world) DropCheck(context.Context, *db.Tx, string) error { return nil }

func (world) HasCheckFor(context.Context, bun.IDB, []string) (map[string]bool, error) {
	return nil, nil
}

// snmpPoll polls with the poller and the metric store of the program; only the
// other modules are left out.
func snmpPoll(ctx context.Context) error {
	const begin = 21000
	self, err := os.Executable()
	if err != nil {
		return err
	}
	c := exec.CommandContext(ctx, self, "-respond", "snmp!127.0.0.1 "+strconv.Itoa(begin))
	c.Stderr = os.Stderr
	out, err := c.StdoutPipe()
	if err != nil {
		return err
	}
	if err := c.Start(); err != nil {
		return err
	}
	defer func() { _ = c.Process.Kill(); _ = c.Wait() }()
	if _, err := io.ReadFull(out, make([]byte, 6)); err != nil {
		return fmt.Errorf("the agents did not start: %w", err)
	}
	perValue, err := pollAll(ctx, world{first: begin})
	if err != nil {
		return err
	}
	walked, err := bulkwalk(ctx, "127.0.0.1:"+strconv.Itoa(begin))
	if err != nil {
		fmt.Printf("  snmpbulkwalk: not measured: %v\n", err)
	} else {
		row("snmpbulkwalk, the same columns", walked, "µs CPU/value", walked/perValue, "times ours")
	}
	exported, err := exporter(ctx, "127.0.0.1:"+strconv.Itoa(begin))
	if err != nil {
		fmt.Printf("  snmp_exporter: not measured: %v\n", err)
	} else {
		row("snmp_exporter, the same columns", exported, "µs CPU/value", exported/perValue, "times ours")
	}
	return nil
}

func pollAll(ctx context.Context, w world) (float64, error) {
	dir, err := os.MkdirTemp("", "mainstay-bench-")
	if err != nil {
		return 0, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	d, err := db.Open(ctx, db.Options{Dir: dir})
	if err != nil {
		return 0, err
	}
	defer func() { _ = d.Close() }()
	cfg := config.Default()
	cfg.Data = dir
	logger := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))
	reg := prometheus.NewRegistry()
	deps := module.Deps{DB: d, Config: cfg, Logger: logger, Metrics: reg, Health: module.NewHealth(), Wire: module.NewWire(), Live: live.NewHub()}
	module.Provide[wing.Credentials](deps, w)
	module.Provide[wing.Items](deps, w)
	module.Provide[observe.ResultTaker](deps, w)
	module.Provide[observe.CheckMaker](deps, w)
	var starters []module.Starter
	var sets []db.Migrations
	for _, m := range []module.Module{metric.Module(), device.Module()} {
		inst, err := m.New(deps)
		if err != nil {
			return 0, err
		}
		if m.Migrations != nil {
			sets = append(sets, db.Migrations{Module: m.ID, FS: m.Migrations})
		}
		starters = append(starters, inst.(module.Starter))
	}
	if err := d.Migrate(ctx, sets); err != nil {
		return 0, err
	}
	if err := deps.Wire.Join(); err != nil {
		return 0, err
	}
	for _, s := range starters {
		if err := s.Start(access.AsSystem(ctx)); err != nil {
			return 0, err
		}
	}
	defer func() {
		for i := len(starters) - 1; i >= 0; i-- {
			starters[i].Stop(ctx)
		}
	}()
	// In the first minutes each device is read in full once.
	wait(ctx, 2*time.Minute)
	values, late, failed := tally(reg)
	before, at := cpu(), time.Now()
	wait(ctx, time.Minute)
	v2, l2, f2 := tally(reg)
	used, took := cpu()-before, time.Since(at)
	var mem runtime.MemStats
	runtime.ReadMemStats(&mem)
	n := v2 - values
	per := float64(used.Microseconds()) / max(n, 1)
	fmt.Printf("  %d devices with %d interfaces, every 60 s\n", snmpDevices, snmpInterfaces)
	row("values polled and stored", n/took.Seconds(), "per second", 0, "")
	row("processor", used.Seconds()/took.Seconds()*100, "% of one", 0, "")
	row("polls that were late or left out", l2-late, "", 0, "")
	row("polls that failed", f2-failed, "", 0, "")
	row("memory of the process", float64(mem.Sys)/(1<<20), "MiB", 0, "with the metric store")
	row("Mainstay, with storing", per, "µs CPU/value", 1, "")
	return per, nil
}

func wait(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

func tally(reg *prometheus.Registry) (values, late, failed float64) {
	fams, _ := reg.Gather()
	for _, f := range fams {
		for _, m := range f.GetMetric() {
			n := m.GetCounter().GetValue()
			switch f.GetName() {
			case "mainstay_device_values_total":
				values += n
			case "mainstay_device_polls_late_total":
				late += n
			case "mainstay_device_polls_total":
				if len(m.GetLabel()) > 0 && m.GetLabel()[0].GetValue() == "failed" {
					failed += n
				}
			}
		}
	}
	return values, late, failed
}

// bulkwalk walks the columns one by one as a script would; the values are not stored.
func bulkwalk(ctx context.Context, addr string) (float64, error) {
	bin, err := exec.LookPath("snmpbulkwalk")
	if err != nil {
		return 0, err
	}
	before, n := cpu(), 0
	for range 10 {
		for _, col := range pollColumns() {
			c := exec.CommandContext(ctx, bin, "-v2c", "-c", "public", "-Oqn", "-Cr50", addr, col)
			c.Env = append(os.Environ(), "MIBS=")
			out, err := c.Output()
			if err != nil {
				return 0, err
			}
			n += strings.Count(string(out), "\n")
		}
	}
	return float64((cpu() - before).Microseconds()) / float64(n), nil
}

// exporter asks snmp_exporter, which gives text; that is not stored.
func exporter(ctx context.Context, addr string) (float64, error) {
	bin, err := exec.LookPath("prometheus-snmp-exporter")
	if err != nil {
		return 0, err
	}
	f, err := os.CreateTemp("", "snmp-*.yml")
	if err != nil {
		return 0, err
	}
	defer func() { _ = os.Remove(f.Name()) }()
	var b strings.Builder
	b.WriteString("bench:\n  walk:\n")
	for _, col := range pollColumns() {
		b.WriteString("  - " + col + "\n")
	}
	b.WriteString("  version: 2\n  max_repetitions: 50\n  auth:\n    community: public\n  metrics:\n")
	for i, col := range pollColumns() {
		fmt.Fprintf(&b, "  - name: m%d\n    oid: %s\n    type: counter\n    indexes:\n    - labelname: ifIndex\n      type: gauge\n", i, col)
	}
	if _, err := f.WriteString(b.String()); err != nil {
		return 0, err
	}
	_ = f.Close()
	listen := "127.0.0.1:20999"
	c := exec.CommandContext(ctx, bin, "--config.file="+f.Name(), "--web.listen-address="+listen)
	if err := c.Start(); err != nil {
		return 0, err
	}
	stopped := false
	stop := func() {
		if !stopped {
			stopped = true
			_ = c.Process.Signal(os.Interrupt)
			_ = c.Wait()
		}
	}
	defer stop()
	n := 0
	before := cpu()
	for i := 0; i < 200; {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+listen+"/snmp?module=bench&target="+addr, nil)
		if err != nil {
			return 0, err
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			if i == 0 && n < 100 {
				n++
				time.Sleep(50 * time.Millisecond)
				continue
			}
			return 0, err
		}
		body, _ := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if res.StatusCode != http.StatusOK {
			return 0, fmt.Errorf("it answered %s: %.200s", res.Status, body)
		}
		if got := strings.Count(string(body), "ifIndex="); got != snmpInterfaces*len(pollColumns()) {
			return 0, fmt.Errorf("it gave %d values", got)
		}
		i++
	}
	self := cpu() - before
	stop()
	// What the exporter used is that of its process; ours for reading is left out.
	all := cpu() - before - self
	return float64(all.Microseconds()) / float64(200*snmpInterfaces*len(pollColumns())), nil
}
