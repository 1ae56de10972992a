// Command bench measures Mainstay against the programs that people would use
// instead, on the same targets, in one run, and prints ratios. It needs bin/mainstay
// (make build) and uses those of fping, Icinga 2, the blackbox exporter
// and monitoring-plugins that are installed; what is missing is said.
//
//	go run ./bench               all scenarios
//	go run ./bench -only tcp     one of them
package main

import (
	"context"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strings"
	"syscall"
	"time"

	_ "github.com/mainstay-ops/mainstay/internal/adapter/all"
	"github.com/mainstay-ops/mainstay/internal/observe"
)

var scenarios = []struct {
	name, what string
	run        func(context.Context) error
}{
	{"tcp", "TCP checks per CPU-second", tcp},
	{"http", "HTTP checks per CPU-second", httpGet},
	{"plugin", "Nagios plugins per second", plugin},
	{"icmp", "CPU per echo request", icmp},
	{"sweep", "a /16 by ping at 5,000 packets a second", sweep},
	{"snmp", "1,000 devices with 100 interfaces each by SNMP, every 60 s", snmpPoll},
	{"remotewrite", "samples by remote write, beside Prometheus", remoteWrite},
	{"logs", "10 million log lines: stored, packed, searched", logs},
	{"start", "start to ready, and at rest", start},
	{"estate", "100,000 items with 300,000 relations, through the API", estate},
	{"many", "100,000 TCP checks every 60 s", many},
	{"records", "a million incidents", records},
	{"packets", "a capture of 1 GB", packets},
	{"flows", "records of NetFlow 9", flows},
}

func main() {
	only := flag.String("only", "", "run one scenario")
	respond := flag.String("respond", "", "internal: answer on this address, tcp or http first")
	flag.Parse()
	if *respond != "" {
		answer(*respond)
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	fmt.Printf("%s, %d processors, %s\n", cpuModel(), runtime.NumCPU(), runtime.Version())
	for _, s := range scenarios {
		if *only != "" && *only != s.name {
			continue
		}
		fmt.Printf("\n%s: %s\n", s.name, s.what)
		if err := s.run(ctx); err != nil {
			fmt.Printf("  not measured: %v\n", err)
		}
	}
}

func cpuModel() string {
	b, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return runtime.GOARCH
	}
	for line := range strings.Lines(string(b)) {
		if k, v, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(k) == "model name" {
			return strings.TrimSpace(v)
		}
	}
	return runtime.GOARCH
}

// answer is the local responder, a process of its own so that its work is not
// counted.
func answer(where string) {
	kind, addr, _ := strings.Cut(where, "!")
	if kind == "snmp" {
		agents(addr)
		return
	}
	if kind == "flows" {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
		defer stop()
		receiveFlows(ctx, addr)
		return
	}
	if kind == "http" {
		srv := http.Server{Addr: addr, ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok")) })}
		_ = srv.ListenAndServe()
		return
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return
	}
	for {
		c, err := l.Accept()
		if err == nil {
			_ = c.Close()
		}
	}
}

// responder starts answer in a process and waits until it listens.
func responder(ctx context.Context, kind string) (addr string, stop func(), err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	addr = l.Addr().String()
	_ = l.Close()
	self, err := os.Executable()
	if err != nil {
		return "", nil, err
	}
	c := exec.CommandContext(ctx, self, "-respond", kind+"!"+addr)
	if err := c.Start(); err != nil {
		return "", nil, err
	}
	stop = func() { _ = c.Process.Kill(); _ = c.Wait() }
	for range 200 {
		if conn, err := net.DialTimeout("tcp", addr, time.Second); err == nil {
			_ = conn.Close()
			return addr, stop, nil
		}
		time.Sleep(10 * time.Millisecond)
	}
	stop()
	return "", nil, fmt.Errorf("the responder did not start")
}

// cpu is the processor time of this process and its ended children.
func cpu() time.Duration {
	var a, b syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &a)
	_ = syscall.Getrusage(syscall.RUSAGE_CHILDREN, &b)
	sum := func(r syscall.Rusage) time.Duration {
		return time.Duration(r.Utime.Nano() + r.Stime.Nano())
	}
	return sum(a) + sum(b)
}

// rate runs f again and again for a while and gives runs per CPU-second and per second.
func rate(f func()) (perCPU, perSecond float64) {
	const long = 5 * time.Second
	for range 20 {
		f()
	}
	begin, used, n := time.Now(), cpu(), 0
	for time.Since(begin) < long {
		f()
		n++
	}
	return float64(n) / (cpu() - used).Seconds(), float64(n) / time.Since(begin).Seconds()
}

// probe builds a probe of a type for a target.
func probe(typ, target string) (func(), error) {
	t, ok := observe.ProbeTypeByName(typ)
	if !ok {
		return nil, fmt.Errorf("no probe type %s", typ)
	}
	cfg, err := t.FromTarget(target)
	if err != nil {
		return nil, err
	}
	p, err := cfg.Probe(observe.ProbeEnv{Timeout: 10 * time.Second})
	if err != nil {
		return nil, err
	}
	return func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if r := p.Run(ctx); r.Status != observe.OK {
			fmt.Printf("  unexpected: %s %s\n", r.Status, r.Output)
		}
	}, nil
}

func row(what string, v float64, unit string, ratio float64, goal string) {
	r := ""
	if ratio > 0 {
		r = fmt.Sprintf("%6.2f", ratio)
	}
	fmt.Printf("  %-46s %12.1f %-12s %s %s\n", what, v, unit, r, goal)
}
