package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const token = "bench-token-0123456789abcdef0123456789"

type server struct {
	url   string
	cmd   *exec.Cmd
	ready time.Duration
	dir   string
	addr  string

	discovery bool
}

func startServer(ctx context.Context, discovery bool) (*server, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	addr := l.Addr().String()
	_ = l.Close()
	dir, err := os.MkdirTemp("", "mainstay-bench-")
	if err != nil {
		return nil, err
	}
	s := &server{url: "http://" + addr, dir: dir, addr: addr, discovery: discovery}
	if err := s.again(ctx); err != nil {
		return nil, err
	}
	return s, nil
}

// again starts the program on the data of before.
func (s *server) again(ctx context.Context) error {
	s.cmd = exec.CommandContext(ctx, "bin/mainstay", "serve", "--data", s.dir, "--listen", s.addr, "--log-level", "error")
	s.cmd.Env = append(os.Environ(), "MAINSTAY_BOOTSTRAP_TOKEN="+token, fmt.Sprintf("MAINSTAY_DISCOVERY__HOST=%t", s.discovery))
	begin := time.Now()
	if err := s.cmd.Start(); err != nil {
		return fmt.Errorf("%w (run make build first)", err)
	}
	for time.Since(begin) < 20*time.Second {
		if _, err := s.get(ctx, "/readyz"); err == nil {
			s.ready = time.Since(begin)
			return nil
		}
		time.Sleep(5 * time.Millisecond)
	}
	s.stop()
	return fmt.Errorf("the server did not become ready")
}

// halt ends the program and keeps its data.
func (s *server) halt() error {
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	return s.cmd.Wait()
}

func (s *server) stop() {
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	_ = s.cmd.Wait()
	_ = os.RemoveAll(s.dir)
}

func (s *server) do(ctx context.Context, method, path, contentType string, body io.Reader) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, s.url+path, body)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	client := http.Client{Timeout: 10 * time.Minute}
	res, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode >= 300 {
		err = fmt.Errorf("%s %s: %d %.200s", method, path, res.StatusCode, b)
	}
	return b, err
}

func (s *server) get(ctx context.Context, path string) ([]byte, error) {
	return s.do(ctx, http.MethodGet, path, "", nil)
}

// resident is the memory of the server in MiB.
func (s *server) resident() float64 {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(b)) {
		if v, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kb, _ := strconv.ParseFloat(strings.Fields(v)[0], 64)
			return kb / 1024
		}
	}
	return 0
}

func (s *server) busy(over time.Duration) float64 {
	before := processCPU(s.cmd.Process.Pid)
	time.Sleep(over)
	return 100 * (processCPU(s.cmd.Process.Pid) - before).Seconds() / over.Seconds()
}

func start(ctx context.Context) error {
	s, err := startServer(ctx, true)
	if err != nil {
		return err
	}
	defer s.stop()
	row("start to ready, empty data directory", float64(s.ready.Milliseconds()), "ms", 0, "(goal: 500)")
	time.Sleep(20 * time.Second)
	row("processor at rest, one host watched", s.busy(30*time.Second), "% of a core", 0, "(goal: 1)")
	row("resident memory at rest", s.resident(), "MiB", 0, "(goal: 100)")
	if fi, err := os.Stat("bin/mainstay"); err == nil {
		row("size of the program", float64(fi.Size())/1e6, "MB", 0, "(goal: 80)")
	}
	return nil
}

func many(ctx context.Context) error {
	addr, stop, err := responder(ctx, "tcp")
	if err != nil {
		return err
	}
	defer stop()
	s, err := startServer(ctx, false)
	if err != nil {
		return err
	}
	defer s.stop()
	begin := time.Now()
	for part := range 20 {
		var b bytes.Buffer
		b.WriteString("checks:\n")
		for i := range 5000 {
			fmt.Fprintf(&b, "  - {name: c%02d-%04d, every: 60s, tcp: {address: %q}}\n", part, i, addr)
		}
		if _, err := s.do(ctx, http.MethodPost, "/api/v1/apply", "application/yaml", &b); err != nil {
			return err
		}
	}
	row("apply 100,000 checks in 20 files", time.Since(begin).Seconds(), "s", 0, "")
	time.Sleep(75 * time.Second)
	late1, _, err := s.lateness(ctx)
	if err != nil {
		return err
	}
	row("processor", s.busy(60*time.Second), "% of a core", 0, "(goal: 50)")
	late2, n, err := s.lateness(ctx)
	if err != nil {
		return err
	}
	row("executions in all", n, "", 0, "")
	row("later than 1 s, in the last minute", late2-late1, "checks", 0, "(goal: 0)")
	row("resident memory", s.resident(), "MiB", 0, "(goal: 1024)")
	if err := s.visibility(ctx); err != nil {
		return err
	}
	if err := s.firstMail(ctx); err != nil {
		return err
	}
	begin = time.Now()
	b, err := s.get(ctx, "/api/v1/checks?cursor=50000&limit=100")
	if err != nil {
		return err
	}
	var page struct{ Total int }
	if err := json.Unmarshal(b, &page); err != nil {
		return err
	}
	row(fmt.Sprintf("a page from the middle of %d", page.Total), float64(time.Since(begin).Microseconds())/1000, "ms", 0, "(goal: 50)")
	return nil
}

// lateness reads how many checks began more than a second late, and how many in all.
func (s *server) lateness(ctx context.Context) (late, total float64, err error) {
	b, err := s.get(ctx, "/metrics")
	if err != nil {
		return 0, 0, err
	}
	inTime := 0.0
	for line := range strings.Lines(string(b)) {
		line = strings.TrimSpace(line)
		if v, ok := strings.CutPrefix(line, `mainstay_check_lateness_seconds_bucket{le="1"} `); ok {
			inTime, _ = strconv.ParseFloat(v, 64)
		}
		if v, ok := strings.CutPrefix(line, "mainstay_check_lateness_seconds_count "); ok {
			total, _ = strconv.ParseFloat(v, 64)
		}
	}
	return total - inTime, total, nil
}
