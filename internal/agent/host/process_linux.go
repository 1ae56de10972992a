package host

import (
	"bytes"
	"context"
	"os"
	"strconv"
	"strings"
	"time"
)

// ticks per second of the times in /proc; fixed at 100 for programs on all platforms
// that Go runs on.
const ticks = 100

// scan reads every process once from /proc. It opens one file for each.
func (r *Reader) scan(context.Context) []proc {
	d, err := os.Open("/proc")
	if err != nil {
		return nil
	}
	defer d.Close()
	names, err := d.Readdirnames(-1)
	if err != nil {
		return nil
	}
	page := uint64(os.Getpagesize())
	out := make([]proc, 0, len(names)/2)
	buf := make([]byte, 1024)
	for _, n := range names {
		pid, err := strconv.ParseInt(n, 10, 32)
		if err != nil || len(out) >= maxProcesses {
			continue
		}
		k, err := readInto("/proc/"+n+"/stat", buf)
		if err != nil {
			continue // it ended meanwhile
		}
		if p, ok := parseStat(buf[:k], page); ok {
			p.pid = int32(pid)
			out = append(out, p)
		}
	}
	return out
}

func readInto(name string, buf []byte) (int, error) {
	f, err := os.Open(name)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	return f.Read(buf)
}

// parseStat reads /proc/PID/stat, see proc_pid_stat(5). The name stands in parentheses
// and may hold anything, so fields count from the last one.
func parseStat(b []byte, page uint64) (proc, bool) {
	from, to := bytes.IndexByte(b, '('), bytes.LastIndexByte(b, ')')
	if from < 0 || to < from {
		return proc{}, false
	}
	f := strings.Fields(string(b[to+1:]))
	if len(f) < 22 {
		return proc{}, false
	}
	num := func(i int) uint64 { n, _ := strconv.ParseUint(f[i], 10, 64); return n }
	p := proc{name: clean(string(b[from+1:to]), 60), state: f[0][0], parent: int32(num(1)), threads: num(17), memory: num(21) * page}
	p.cpu = float64(num(11)+num(12)) / ticks
	p.start = float64(num(19)) / ticks
	return p, true
}

// describe fills in what is read only for processes that are shown.
func (r *Reader) describe(_ context.Context, p *proc) {
	dir := "/proc/" + strconv.Itoa(int(p.pid))
	if b, err := readSmall(dir + "/cmdline"); err == nil && len(b) > 0 {
		b = b[:min(len(b), 8<<10)]
		p.command = maskCommand(strings.Split(strings.TrimRight(string(b), "\x00"), "\x00"))
	}
	if b, err := readSmall(dir + "/status"); err == nil {
		for l := range strings.Lines(string(b)) {
			if v, ok := strings.CutPrefix(l, "Uid:"); ok {
				if w := strings.Fields(v); len(w) > 1 {
					p.user = r.userName(w[1])
				}
			}
		}
	}
	if !r.booted.IsZero() {
		p.started = r.booted.Add(time.Duration(p.start * float64(time.Second)))
	}
}

// userName looks an id up in the accounts of this host.
func (r *Reader) userName(uid string) string {
	if r.users == nil {
		r.users = map[string]string{}
		for _, u := range users() {
			if _, dup := r.users[u.ID]; !dup {
				r.users[u.ID] = u.Name
			}
		}
	}
	if n, ok := r.users[uid]; ok {
		return n
	}
	return uid
}
