package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gosnmp/gosnmp"

	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/snmp"
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

type agentVar struct {
	oid snmp.OID
	pdu gosnmp.SnmpPDU
}

// agents answers as many switches.
func agents(port string) {
	var v []agentVar
	put := func(oid string, k gosnmp.Asn1BER, n uint64, s string) {
		p := gosnmp.SnmpPDU{Name: "." + oid, Type: k}
		switch k {
		case gosnmp.OctetString:
			p.Value = []byte(s)
		case gosnmp.Integer:
			p.Value = int(n) //nolint:gosec // small numbers
		case gosnmp.Counter64:
			p.Value = n
		default:
			p.Value = uint32(n) //nolint:gosec // small numbers
		}
		v = append(v, agentVar{snmp.OID(oid), p})
	}
	put("1.3.6.1.2.1.1.1.0", gosnmp.OctetString, 0, "a switch")
	put("1.3.6.1.2.1.1.3.0", gosnmp.TimeTicks, 123456, "")
	put("1.3.6.1.2.1.1.5.0", gosnmp.OctetString, 0, "sw")
	put("1.3.6.1.2.1.2.1.0", gosnmp.Integer, snmpInterfaces, "")
	for i := uint64(1); i <= snmpInterfaces; i++ {
		n := "." + strconv.FormatUint(i, 10)
		put("1.3.6.1.2.1.2.2.1.2"+n, gosnmp.OctetString, 0, "GigabitEthernet1/0/"+n[1:])
		put("1.3.6.1.2.1.2.2.1.3"+n, gosnmp.Integer, 6, "")
		put("1.3.6.1.2.1.31.1.1.1.1"+n, gosnmp.OctetString, 0, "Gi1/0/"+n[1:])
		for _, c := range pollColumns() {
			switch {
			case strings.HasSuffix(c, "2.2.1.7"), strings.HasSuffix(c, "2.2.1.8"):
				put(c+n, gosnmp.Integer, 1, "")
			case strings.HasSuffix(c, ".31.1.1.1.15"):
				put(c+n, gosnmp.Gauge32, 1000, "")
			case strings.Contains(c, ".31.1.1.1."):
				put(c+n, gosnmp.Counter64, 123_456_789_012+i, "")
			default:
				put(c+n, gosnmp.Counter32, i, "")
			}
		}
	}
	slices.SortFunc(v, func(a, b agentVar) int { return a.oid.Compare(b.oid) })
	for i := range snmpDevices {
		// Each agent has an address of its own; all have the same port.
		conn, err := net.ListenPacket("udp", net.JoinHostPort(agentAddress(i), port))
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		go serveAgent(conn, v)
	}
	fmt.Println("ready")
	select {}
}

func agentAddress(i int) string { return fmt.Sprintf("127.77.%d.%d", i/250, i%250+1) }

// serveAgent answers GET, GETNEXT and GETBULK of version 2c.
func serveAgent(conn net.PacketConn, v []agentVar) {
	wire := &gosnmp.GoSNMP{Version: gosnmp.Version2c, Community: "public", MaxOids: gosnmp.MaxOids}
	buf := make([]byte, 4096)
	for {
		n, from, err := conn.ReadFrom(buf)
		if err != nil {
			return
		}
		req, err := wire.SnmpDecodePacket(buf[:n])
		if err != nil {
			continue
		}
		res := &gosnmp.SnmpPacket{Version: req.Version, Community: req.Community, PDUType: gosnmp.GetResponse, RequestID: req.RequestID, Logger: req.Logger}
		add := func(name string, i int, exact bool) string {
			switch {
			case i < len(v) && (!exact || v[i].oid == snmp.OID(name)):
				res.Variables = append(res.Variables, v[i].pdu)
				return string(v[i].oid)
			case exact:
				res.Variables = append(res.Variables, gosnmp.SnmpPDU{Name: "." + name, Type: gosnmp.NoSuchInstance})
			default:
				res.Variables = append(res.Variables, gosnmp.SnmpPDU{Name: "." + name, Type: gosnmp.EndOfMibView})
			}
			return name
		}
		at := make([]string, len(req.Variables))
		for i, q := range req.Variables {
			at[i] = strings.TrimPrefix(q.Name, ".")
		}
		rounds := 1
		if req.PDUType == gosnmp.GetBulkRequest {
			rounds = int(req.MaxRepetitions)
		}
		for range rounds {
			for i := range at {
				j, found := slices.BinarySearchFunc(v, snmp.OID(at[i]), func(a agentVar, o snmp.OID) int { return a.oid.Compare(o) })
				if req.PDUType == gosnmp.GetRequest {
					add(at[i], j, true)
					continue
				}
				if found {
					j++
				}
				at[i] = add(at[i], j, false)
			}
			if len(res.Variables) > 55 && req.PDUType == gosnmp.GetBulkRequest {
				break // as much as fits into a packet
			}
		}
		if out, err := res.MarshalMsg(); err == nil {
			_, _ = conn.WriteTo(out, from)
		}
	}
}

// snmpPoll lets the server poll and compares the processor time for a value.
func snmpPoll(ctx context.Context) error {
	const port = "21161"
	self, err := os.Executable()
	if err != nil {
		return err
	}
	c := exec.CommandContext(ctx, self, "-respond", "snmp!"+port)
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
	perValue, err := pollAll(ctx, port)
	if err != nil {
		return err
	}
	addr := net.JoinHostPort(agentAddress(0), port)
	walked, err := bulkwalk(ctx, addr)
	if err != nil {
		fmt.Printf("  snmpbulkwalk: not measured: %v\n", err)
	} else {
		row("snmpbulkwalk, the same columns", walked, "µs CPU/value", walked/perValue, "times ours")
	}
	exported, err := exporter(ctx, addr)
	if err != nil {
		fmt.Printf("  snmp_exporter: not measured: %v\n", err)
	} else {
		row("snmp_exporter, the same columns", exported, "µs CPU/value", exported/perValue, "times ours")
	}
	return nil
}

func pollAll(ctx context.Context, port string) (float64, error) {
	s, err := startServer(ctx, false)
	if err != nil {
		return 0, err
	}
	defer s.stop()
	var b strings.Builder
	fmt.Fprintf(&b, "kinds:\n  - name: switch\ncredentials:\n  - {name: lan, version: 2c, community: public, port: %s}\nitems:\n", port)
	for i := range snmpDevices {
		fmt.Fprintf(&b, "  - {name: sw-%04d, kind: switch}\n", i)
	}
	if _, err := s.do(ctx, http.MethodPost, "/api/v1/apply", "application/yaml", strings.NewReader(b.String())); err != nil {
		return 0, err
	}
	// What discovery would have written, without the time that it takes.
	if err := s.halt(); err != nil {
		return 0, err
	}
	if err := markRead(ctx, s.dir); err != nil {
		return 0, err
	}
	if err := s.again(ctx); err != nil {
		return 0, err
	}
	// In the first minutes each device is read in full once.
	wait(ctx, 100*time.Second)
	first, err := s.polling(ctx)
	if err != nil {
		return 0, err
	}
	before, at := processCPU(s.cmd.Process.Pid), time.Now()
	wait(ctx, time.Minute)
	second, err := s.polling(ctx)
	if err != nil {
		return 0, err
	}
	used, took := processCPU(s.cmd.Process.Pid)-before, time.Since(at)
	diff := func(k string) float64 { return second["mainstay_device_"+k] - first["mainstay_device_"+k] }
	n := diff("values_total")
	per := float64(used.Microseconds()) / max(n, 1)
	fmt.Printf("  %d devices with %d interfaces, every 60 s, the whole server\n", snmpDevices, snmpInterfaces)
	row("polls in a minute", diff(`polls_total{result="ok"}`), "", 0, "")
	row("values polled and stored", n/took.Seconds(), "per second", 0, "")
	row("processor", used.Seconds()/took.Seconds()*100, "% of one", 0, "")
	row("polls that were late or left out", diff("polls_late_total"), "", 0, "")
	row("polls that failed", diff(`polls_total{result="failed"}`), "", 0, "")
	row("resident memory", s.resident(), "MiB", 0, "")
	row("Mainstay, with storing", per, "µs CPU/value", 1, "")
	return per, nil
}

// markRead says of each item that it was read with the credential.
func markRead(ctx context.Context, dir string) error {
	d, err := db.Open(ctx, db.Options{Dir: dir})
	if err != nil {
		return err
	}
	defer func() { _ = d.Close() }()
	return d.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		for i := range snmpDevices {
			if _, err := tx.NewRaw("INSERT INTO discovery_readings (item_id, credential, address, read_at) SELECT id, 'lan', ?, ? FROM items WHERE name = ?", agentAddress(i), tx.Now(), fmt.Sprintf("sw-%04d", i)).Exec(ctx); err != nil {
				return err
			}
		}
		return nil
	})
}

// polling reads the metrics of the server about polling.
func (s *server) polling(ctx context.Context) (map[string]float64, error) {
	b, err := s.get(ctx, "/metrics")
	if err != nil {
		return nil, err
	}
	out := map[string]float64{}
	for line := range strings.Lines(string(b)) {
		if k, v, ok := strings.Cut(strings.TrimSpace(line), " "); ok {
			out[k], _ = strconv.ParseFloat(v, 64)
		}
	}
	return out, nil
}

func wait(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
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
