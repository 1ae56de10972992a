package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// icinga runs Icinga 2 with more check_tcp than the machine can start, on a listener of
// its own, and gives the checks that arrived for each second of processor time: that of
// its processes and of all plugins they waited for. A non-empty why says that it cannot be run here.
func icinga(ctx context.Context) (perCPU float64, why string, err error) {
	bin, err := exec.LookPath("icinga2")
	if err != nil {
		return 0, "Icinga 2 is not installed", nil
	}
	if os.Geteuid() != 0 {
		return 0, "Icinga 2 is started by root only", nil
	}
	addr, seen, stop, err := counted()
	if err != nil {
		return 0, "", err
	}
	defer stop()
	dir, err := os.MkdirTemp("", "mainstay-bench-icinga-")
	if err != nil {
		return 0, "", err
	}
	defer os.RemoveAll(dir)
	c, err := startIcinga(ctx, bin, dir, addr)
	if err != nil {
		return 0, "", err
	}
	defer func() {
		_ = c.Process.Signal(syscall.SIGTERM)
		_ = c.Wait()
	}()
	for begin := time.Now(); seen.Load() < 1000; time.Sleep(50 * time.Millisecond) {
		if time.Since(begin) > time.Minute {
			return 0, "", fmt.Errorf("Icinga 2 did not start its checks: see %s", dir)
		}
	}
	used, n := treeCPU(c.Process.Pid), seen.Load()
	time.Sleep(20 * time.Second)
	done := float64(seen.Load() - n)
	return done / (treeCPU(c.Process.Pid) - used).Seconds(), "", nil
}

func startIcinga(ctx context.Context, bin, dir, addr string) (*exec.Cmd, error) {
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	conf := fmt.Sprintf(`const NodeName = "bench"
const ZoneName = NodeName
const PluginDir = %q
const TicketSalt = ""
include <itl>
include <plugins>
object Endpoint NodeName {}
object Zone ZoneName { endpoints = [ NodeName ] }
object CheckerComponent "checker" {}
object Host "local" { check_command = "dummy"; check_interval = 1h; address = "127.0.0.1" }
for (i in range(3000)) {
  object Service "tcp" + i { host_name = "local"; check_command = "tcp"; check_interval = 1s; vars.tcp_port = %s }
}
`, filepath.Dir(checkTCP), port)
	file := filepath.Join(dir, "icinga.conf")
	if err := os.WriteFile(file, []byte(conf), 0o600); err != nil {
		return nil, err
	}
	args := []string{"daemon", "-c", file, "-x", "critical", "-DRunAsUser=root", "-DRunAsGroup=root"}
	for _, d := range []string{"InitRunDir", "DataDir", "LogDir", "CacheDir", "SpoolDir"} {
		at := filepath.Join(dir, d)
		if err := os.MkdirAll(filepath.Join(at, "icinga2"), 0o750); err != nil {
			return nil, err
		}
		if d == "InitRunDir" {
			at = filepath.Join(at, "icinga2")
		}
		args = append(args, "-D"+d+"="+at)
	}
	c := exec.CommandContext(ctx, bin, args...)
	c.Cancel = func() error { return c.Process.Signal(syscall.SIGTERM) }
	return c, c.Start()
}

// counted is a listener in this process that counts who connects.
func counted() (addr string, seen *atomic.Int64, stop func(), err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, nil, err
	}
	seen = &atomic.Int64{}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			seen.Add(1)
			_ = c.Close()
		}
	}()
	return l.Addr().String(), seen, func() { _ = l.Close() }, nil
}

// treeCPU is the processor time of a process, of its descendants, and of those that
// they waited for.
func treeCPU(pid int) time.Duration {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	type proc struct {
		parent int
		used   time.Duration
	}
	all := map[int]proc{}
	for _, name := range stats {
		b, err := os.ReadFile(name)
		if err != nil {
			continue // it ended meanwhile
		}
		id, _, _ := strings.Cut(string(b), " ")
		f := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:]))
		ticks := int64(0)
		for _, s := range f[11:15] { // utime, stime, cutime, cstime of proc(5)
			n, _ := strconv.ParseInt(s, 10, 64)
			ticks += n
		}
		at, _ := strconv.Atoi(id)
		parent, _ := strconv.Atoi(f[1])
		all[at] = proc{parent, time.Duration(ticks) * 10 * time.Millisecond}
	}
	var sum time.Duration
	for at, p := range all {
		for up := at; up > 1; up = all[up].parent {
			if up == pid {
				sum += p.used
				break
			}
		}
	}
	return sum
}
