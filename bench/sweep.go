package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"strings"
	"time"
)

// sweep runs one discovery job over 127.0.0.0/16 through the real program, with
// every finding stored, and fping over the same addresses at the same rate. Every
// address there answers.
func sweep(ctx context.Context) error {
	const rate, network = 5000, "127.0.0.0/16"
	s, err := startServer(ctx, false)
	if err != nil {
		return err
	}
	defer s.stop()
	used := processCPU(s.cmd.Process.Pid)
	spec := fmt.Sprintf(`{"name": "bench", "targets": [%q], "methods": ["ping"], "rate": %d}`, network, rate)
	if _, err := s.do(ctx, "POST", "/api/v1/discovery-jobs", "application/json", strings.NewReader(spec)); err != nil {
		return err
	}
	var job struct {
		Run struct {
			State, Message string
			Found, Total   int
			Seconds        float64
			Sent           int64 `json:"packets_sent"`
		}
	}
	for job.Run.State != "done" {
		time.Sleep(200 * time.Millisecond)
		b, err := s.get(ctx, "/api/v1/discovery-jobs/bench")
		if err != nil {
			return err
		}
		if err := json.Unmarshal(b, &job); err != nil {
			return err
		}
		if job.Run.State == "failed" {
			return fmt.Errorf("the run failed: %s", job.Run.Message)
		}
	}
	mine := job.Run.Seconds
	row(fmt.Sprintf("mainstay, %d of %d found and stored", job.Run.Found, job.Run.Total), mine, "s", 0, "")
	row("its packets", float64(job.Run.Sent), "packets", 0, "")
	row("its CPU", (processCPU(s.cmd.Process.Pid) - used).Seconds(), "s", 0, "")
	bin, err := exec.LookPath("fping")
	if err != nil {
		row("fping is not installed", 0, "", 0, "")
		return nil
	}
	begin := time.Now()
	// fping leaves with 1 when an address was silent; that is no failure here.
	out, err := exec.CommandContext(ctx, bin, "-q", "-a", "-g", network, "-i", "0.2", "-r", "1", "-t", "1000").CombinedOutput()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if took := time.Since(begin).Seconds(); took < 5 {
		return fmt.Errorf("fping did not sweep: %w: %.200s", err, out)
	}
	peer := time.Since(begin).Seconds()
	row("fping at the same rate; mainstay takes", peer, "s", mine/peer, "times as long (goal: at most 1.3)")
	return nil
}
