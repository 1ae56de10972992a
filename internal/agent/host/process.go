package host

import (
	"context"
	"slices"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/agentwire"
)

// proc is one process in a reading.
type proc struct {
	pid, parent int32
	name        string
	state       byte
	threads     uint64
	cpu         float64 // seconds used
	memory      uint64
	start       float64 // tells two processes with one id apart
	user        string
	command     string
	started     time.Time
	share       float64
}

// procSeen is what the next reading compares with.
type procSeen struct{ cpu, start float64 }

const (
	maxProcesses = 32768
	// topProcesses are shown by processor and as many by memory.
	topProcesses = 25
)

// Processes counts all processes into f and gives those that use the most processor
// time since the last reading, and the most memory.
func (r *Reader) Processes(ctx context.Context, f *Figures) []agentwire.Process {
	all := r.scan(ctx)
	if len(all) == 0 {
		return nil
	}
	elapsed := f.At.Sub(r.procsAt).Seconds()
	seen := make(map[int32]procSeen, len(all))
	var running, blocked, zombies, threads float64
	for i := range all {
		p := &all[i]
		if was, ok := r.procs[p.pid]; ok && was.start == p.start && elapsed > 0 {
			p.share = max(0, (p.cpu-was.cpu)/elapsed)
		}
		seen[p.pid] = procSeen{p.cpu, p.start}
		threads += float64(p.threads)
		switch p.state {
		case 'R':
			running++
		case 'D':
			blocked++
		case 'Z':
			zombies++
		}
	}
	r.procs, r.procsAt = seen, f.At
	f.Add("host_processes", float64(len(all)))
	if threads > 0 {
		f.Add("host_threads", threads)
		f.Add("host_processes_running", running)
		f.Add("host_processes_blocked", blocked)
		f.Add("host_processes_zombie", zombies)
	}
	return r.top(ctx, all)
}

func (r *Reader) top(ctx context.Context, all []proc) []agentwire.Process {
	chosen := map[int32]bool{}
	var out []agentwire.Process
	take := func() {
		for _, p := range all[:min(len(all), topProcesses)] {
			if chosen[p.pid] {
				continue
			}
			chosen[p.pid] = true
			r.describe(ctx, &p)
			out = append(out, agentwire.Process{PID: p.pid, Parent: p.parent, Name: p.name, User: p.user, Command: p.command, CPU: p.share, MemoryBytes: p.memory, Started: p.started.UTC()})
		}
	}
	slices.SortFunc(all, func(a, b proc) int { return order(b.share, a.share, a.pid, b.pid) })
	take()
	slices.SortFunc(all, func(a, b proc) int { return order(float64(b.memory), float64(a.memory), a.pid, b.pid) })
	take()
	return out
}

// order sorts by value, then by id, so that equal values keep their place.
func order(x, y float64, a, b int32) int {
	switch {
	case x < y:
		return -1
	case x > y:
		return 1
	}
	return int(a - b)
}
