//go:build !linux

package host

import (
	"context"
	"time"

	"github.com/shirou/gopsutil/v4/process"
)

// scan reads every process once.
func (r *Reader) scan(ctx context.Context) []proc {
	ps, err := process.ProcessesWithContext(ctx)
	if err != nil {
		return nil
	}
	out := make([]proc, 0, len(ps))
	for _, x := range ps[:min(len(ps), maxProcesses)] {
		p := proc{pid: x.Pid}
		p.name, _ = x.NameWithContext(ctx)
		p.parent, _ = x.PpidWithContext(ctx)
		if t, err := x.TimesWithContext(ctx); err == nil {
			p.cpu = t.User + t.System
		}
		if m, err := x.MemoryInfoWithContext(ctx); err == nil {
			p.memory = m.RSS
		}
		if ms, err := x.CreateTimeWithContext(ctx); err == nil {
			p.started, p.start = time.UnixMilli(ms), float64(ms)/1000
		}
		out = append(out, p)
	}
	return out
}

// describe fills in what is read only for processes that are shown.
func (r *Reader) describe(ctx context.Context, p *proc) {
	x, err := process.NewProcessWithContext(ctx, p.pid)
	if err != nil {
		return
	}
	p.user, _ = x.UsernameWithContext(ctx)
	if c, err := x.CmdlineSliceWithContext(ctx); err == nil && len(c) > 0 {
		p.command = maskCommand(c)
	}
}
