package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"time"
)

const checkTCP = "/usr/lib/nagios/plugins/check_tcp"

func tcp(ctx context.Context) error {
	addr, stop, err := responder(ctx, "tcp")
	if err != nil {
		return err
	}
	defer stop()
	ours, err := probe("tcp", addr)
	if err != nil {
		return err
	}
	mine, _ := rate(ours)
	bare, _ := rate(func() {
		if c, err := net.DialTimeout("tcp", addr, time.Second); err == nil {
			_ = c.Close()
		}
	})
	row("mainstay", mine, "/CPU-s", 0, "")
	row("bare dial and close in Go; mainstay is", bare, "/CPU-s", mine/bare, "of it (goal: 0.5)")
	if host, port, err := net.SplitHostPort(addr); err == nil {
		if _, err := os.Stat(checkTCP); err == nil {
			p, _ := rate(func() { _ = exec.CommandContext(ctx, checkTCP, "-H", host, "-p", port).Run() })
			row("check_tcp in a process, without a scheduler;", p, "/CPU-s", mine/p, "times")
		}
	}
	peer, why, err := icinga(ctx)
	if err != nil {
		return err
	}
	if why != "" {
		row(why, 0, "", 0, "")
	} else {
		row("Icinga 2 with check_tcp;", peer, "/CPU-s", mine/peer, "times (goal: 40)")
	}
	return blackbox(ctx, "tcp_connect", addr, mine)
}

func httpGet(ctx context.Context) error {
	addr, stop, err := responder(ctx, "http")
	if err != nil {
		return err
	}
	defer stop()
	ours, err := probe("http", "http://"+addr+"/")
	if err != nil {
		return err
	}
	mine, _ := rate(ours)
	row("mainstay", mine, "/CPU-s", 0, "")
	return blackbox(ctx, "http_2xx", "http://"+addr+"/", mine)
}

// blackbox asks Prometheus' exporter for the same probe over HTTP, as Prometheus
// does, and counts only the exporter's own processor time.
func blackbox(ctx context.Context, mod, target string, mine float64) error {
	bin, err := exec.LookPath("prometheus-blackbox-exporter")
	if err != nil {
		row("blackbox exporter is not installed", 0, "", 0, "")
		return nil
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	addr := l.Addr().String()
	_ = l.Close()
	c := exec.CommandContext(ctx, bin, "--web.listen-address="+addr, "--config.file=/etc/prometheus/blackbox.yml", "--log.level=error")
	if err := c.Start(); err != nil {
		return err
	}
	defer func() { _ = c.Process.Kill(); _ = c.Wait() }()
	client := http.Client{Timeout: 5 * time.Second}
	ask := func() error {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+"/probe?module="+mod+"&target="+target, nil)
		if err != nil {
			return err
		}
		res, err := client.Do(req)
		if err != nil {
			return err
		}
		defer res.Body.Close()
		var b bytes.Buffer
		_, err = b.ReadFrom(res.Body)
		if err == nil && !strings.Contains(b.String(), "probe_success 1") {
			err = fmt.Errorf("the exporter's probe failed")
		}
		return err
	}
	for i := 0; ask() != nil; i++ {
		if i > 100 {
			return fmt.Errorf("the blackbox exporter did not answer")
		}
		time.Sleep(20 * time.Millisecond)
	}
	begin, used, n := time.Now(), processCPU(c.Process.Pid), 0
	for time.Since(begin) < 5*time.Second {
		if err := ask(); err != nil {
			return err
		}
		n++
	}
	per := float64(n) / (processCPU(c.Process.Pid) - used).Seconds()
	row("blackbox exporter (its own CPU);", per, "/CPU-s", mine/per, "times (goal: 3)")
	return nil
}

// processCPU reads the processor time of a running process.
func processCPU(pid int) time.Duration {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	f := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:]))
	user, _ := strconv.ParseInt(f[11], 10, 64)
	system, _ := strconv.ParseInt(f[12], 10, 64)
	return time.Duration(user+system) * 10 * time.Millisecond
}

func plugin(ctx context.Context) error {
	addr, stop, err := responder(ctx, "tcp")
	if err != nil {
		return err
	}
	defer stop()
	if _, err := os.Stat(checkTCP); err != nil {
		return fmt.Errorf("monitoring-plugins are not installed")
	}
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return err
	}
	ours, err := probe("plugin", checkTCP+" -H "+host+" -p "+port)
	if err != nil {
		return err
	}
	mineCPU, mine := rate(ours)
	bareCPU, bare := rate(func() { _, _ = exec.CommandContext(ctx, checkTCP, "-H", host, "-p", port).Output() })
	row("mainstay, one after the other", mine, "/s", 0, "")
	row("bare fork and exec; mainstay is", bare, "/s", mine/bare, "of it (goal: 0.8)")
	row("the same per CPU-second; mainstay is", bareCPU, "/CPU-s", mineCPU/bareCPU, "of it")
	peerCPU, why, err := icinga(ctx)
	if err != nil {
		return err
	}
	if why != "" {
		row(why, 0, "", 0, "")
		return nil
	}
	row("Icinga 2 per CPU-second;", peerCPU, "/CPU-s", mineCPU/peerCPU, "times (goal: 1.5)")
	return nil
}

func icmp(ctx context.Context) error {
	const hosts, packets = 100, 3 // three packets are the probe's default
	var targets []string
	var probes []func()
	for i := range hosts {
		targets = append(targets, fmt.Sprintf("127.0.0.%d", i+1))
		p, err := probe("icmp", targets[i])
		if err != nil {
			return err
		}
		probes = append(probes, p)
	}
	used, rounds := cpu(), 0
	for begin := time.Now(); time.Since(begin) < 6*time.Second; rounds++ {
		var wg sync.WaitGroup
		for _, p := range probes {
			wg.Go(p)
		}
		wg.Wait()
	}
	mine := (cpu() - used).Seconds() / float64(rounds*hosts*packets) * 1e6
	row("mainstay, 100 hosts", mine, "us/packet", 0, "")
	bin, err := exec.LookPath("fping")
	if err != nil {
		row("fping is not installed", 0, "", 0, "")
		return nil
	}
	const count = 30
	used = cpu()
	if err := exec.CommandContext(ctx, bin, append([]string{"-q", "-c", strconv.Itoa(count), "-p", "100", "-i", "1"}, targets...)...).Run(); err != nil {
		return err
	}
	peer := (cpu() - used).Seconds() / (count * hosts) * 1e6
	row("fping, 100 hosts; mainstay uses", peer, "us/packet", mine/peer, "times as much (goal: at most 1.2)")
	return nil
}
