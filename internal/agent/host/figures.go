package host

import (
	"context"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/shirou/gopsutil/v4/cpu"
	"github.com/shirou/gopsutil/v4/disk"
	"github.com/shirou/gopsutil/v4/host"
	"github.com/shirou/gopsutil/v4/load"
	"github.com/shirou/gopsutil/v4/mem"
	"github.com/shirou/gopsutil/v4/net"

	"github.com/mainstay-ops/mainstay/internal/core/agentwire"
)

// Figures are the values of one moment.
type Figures struct {
	At     time.Time
	Series []agentwire.Series
	Points []agentwire.Point
}

// Limits of what is read.
const (
	maxFilesystems = 64
	maxInterfaces  = 128
	maxDisks       = 128
)

// Add puts one value in; labels are pairs of name and value. Values that are no finite
// number are left out.
func (f *Figures) Add(name string, v float64, labels ...string) {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return
	}
	s := agentwire.Series{Name: name}
	if len(labels) > 0 {
		s.Labels = make(map[string]string, len(labels)/2)
		for i := 0; i+1 < len(labels); i += 2 {
			s.Labels[labels[i]] = strings.ToValidUTF8(labels[i+1], "_")
		}
	}
	f.Series = append(f.Series, s)
	f.Points = append(f.Points, agentwire.Point{Series: len(f.Series) - 1, At: f.At.UnixMilli(), Value: v})
}

// Reader reads the machine. It is for one goroutine.
type Reader struct {
	now func() time.Time

	cpuBusy, cpuTotal float64
	booted            time.Time
	mounts            []disk.PartitionStat
	mountsAt          time.Time
	procs             map[int32]procSeen
	procsAt           time.Time
	users             map[string]string
}

// NewReader makes a reader; now is the clock.
func NewReader(now func() time.Time) *Reader { return &Reader{now: now} }

// Figures takes one reading; what cannot be read is not in it.
func (r *Reader) Figures(ctx context.Context) *Figures {
	f := &Figures{At: r.now().UTC()}
	r.cpu(ctx, f)
	if l, err := load.AvgWithContext(ctx); err == nil {
		f.Add("host_load1", l.Load1)
		f.Add("host_load5", l.Load5)
		f.Add("host_load15", l.Load15)
	}
	if m, err := mem.VirtualMemoryWithContext(ctx); err == nil {
		f.Add("host_memory_total_bytes", float64(m.Total))
		f.Add("host_memory_available_bytes", float64(m.Available))
		f.Add("host_memory_free_bytes", float64(m.Free))
		f.Add("host_memory_cached_bytes", float64(m.Cached))
		f.Add("host_memory_buffers_bytes", float64(m.Buffers))
		f.Add("host_swap_total_bytes", float64(m.SwapTotal))
		f.Add("host_swap_used_bytes", float64(m.SwapTotal-min(m.SwapFree, m.SwapTotal)))
	}
	if r.booted.IsZero() {
		if b, err := host.BootTimeWithContext(ctx); err == nil {
			r.booted = time.Unix(int64(b), 0)
		}
	}
	if !r.booted.IsZero() {
		f.Add("host_uptime_seconds", f.At.Sub(r.booted).Seconds())
	}
	r.filesystems(ctx, f)
	disks(ctx, f)
	network(ctx, f)
	pressure(f)
	return f
}

func (r *Reader) cpu(ctx context.Context, f *Figures) {
	ts, err := cpu.TimesWithContext(ctx, false)
	if err != nil || len(ts) == 0 {
		return
	}
	t := ts[0]
	modes := []struct {
		name string
		v    float64
	}{
		{"user", t.User},
		{"system", t.System},
		{"nice", t.Nice},
		{"iowait", t.Iowait},
		{"irq", t.Irq},
		{"softirq", t.Softirq},
		{"steal", t.Steal},
		{"idle", t.Idle},
	}
	total := 0.0
	for _, m := range modes {
		f.Add("host_cpu_seconds_total", m.v, "mode", m.name)
		total += m.v
	}
	busy := total - t.Idle - t.Iowait
	if r.cpuTotal > 0 && total > r.cpuTotal {
		f.Add("host_cpu_usage_ratio", min(1, max(0, (busy-r.cpuBusy)/(total-r.cpuTotal))))
	}
	r.cpuBusy, r.cpuTotal = busy, total
}

const mountsEvery = time.Minute

func (r *Reader) filesystems(ctx context.Context, f *Figures) {
	if f.At.Sub(r.mountsAt).Abs() >= mountsEvery {
		r.mounts, r.mountsAt = mounted(ctx), f.At
	}
	for _, p := range r.mounts {
		// A network file system whose server is gone holds the caller for ever; only
		// disks of this machine are in the list.
		u, err := disk.UsageWithContext(ctx, p.Mountpoint)
		if err != nil || u.Total == 0 {
			continue
		}
		f.Add("host_filesystem_size_bytes", float64(u.Total), "mount", p.Mountpoint)
		f.Add("host_filesystem_avail_bytes", float64(u.Free), "mount", p.Mountpoint)
		if u.InodesTotal > 0 {
			f.Add("host_filesystem_inodes", float64(u.InodesTotal), "mount", p.Mountpoint)
			f.Add("host_filesystem_inodes_free", float64(u.InodesFree), "mount", p.Mountpoint)
		}
	}
}

// mounted lists the file systems on disks of this machine, each device once.
func mounted(ctx context.Context) []disk.PartitionStat {
	ps, err := disk.PartitionsWithContext(ctx, false)
	if err != nil {
		return nil
	}
	var out []disk.PartitionStat
	seen := map[string]bool{}
	for _, p := range ps {
		if len(out) >= maxFilesystems || seen[p.Device] || p.Fstype == "squashfs" || strings.HasPrefix(p.Mountpoint, "/snap/") || remote(p.Fstype) {
			continue
		}
		seen[p.Device] = true
		out = append(out, p)
	}
	if len(out) == 0 {
		// In a container the root may be an overlay that is not listed as a disk.
		if u, err := disk.UsageWithContext(ctx, "/"); err == nil && u.Total > 0 {
			out = append(out, disk.PartitionStat{Mountpoint: "/", Fstype: u.Fstype})
		}
	}
	return out
}

func remote(fs string) bool {
	return strings.HasPrefix(fs, "nfs") || strings.HasPrefix(fs, "fuse") || slices.Contains([]string{"cifs", "smb3", "smbfs", "ceph", "afs", "9p", "glusterfs"}, fs)
}

// wholeDisk leaves out what counts the same bytes a second time.
func wholeDisk(name string) bool {
	for _, p := range []string{"loop", "ram", "dm-", "zram", "md", "sr", "fd"} {
		if strings.HasPrefix(name, p) {
			return false
		}
	}
	return !partition(name)
}

// partition tells whether the name is of a part of a disk, such as sda1 or nvme0n1p2.
func partition(name string) bool {
	base := strings.TrimRight(name, "0123456789")
	if base == name {
		return false
	}
	if strings.HasPrefix(name, "nvme") || strings.HasPrefix(name, "mmcblk") {
		return strings.HasSuffix(base, "p")
	}
	for _, p := range []string{"sd", "vd", "hd", "xvd"} {
		if strings.HasPrefix(name, p) {
			return true
		}
	}
	return false
}

func disks(ctx context.Context, f *Figures) {
	cs, err := disk.IOCountersWithContext(ctx)
	if err != nil {
		return
	}
	names := make([]string, 0, len(cs))
	for n := range cs {
		if wholeDisk(n) {
			names = append(names, n)
		}
	}
	slices.Sort(names)
	var read, written uint64
	for i, n := range names {
		c := cs[n]
		read += c.ReadBytes
		written += c.WriteBytes
		if i >= maxDisks {
			continue
		}
		f.Add("host_disk_device_read_bytes_total", float64(c.ReadBytes), "device", n)
		f.Add("host_disk_device_written_bytes_total", float64(c.WriteBytes), "device", n)
		f.Add("host_disk_device_reads_total", float64(c.ReadCount), "device", n)
		f.Add("host_disk_device_writes_total", float64(c.WriteCount), "device", n)
		f.Add("host_disk_device_io_seconds_total", float64(c.IoTime)/1000, "device", n)
		f.Add("host_disk_device_read_seconds_total", float64(c.ReadTime)/1000, "device", n)
		f.Add("host_disk_device_write_seconds_total", float64(c.WriteTime)/1000, "device", n)
	}
	f.Add("host_disk_read_bytes_total", float64(read))
	f.Add("host_disk_written_bytes_total", float64(written))
}

func network(ctx context.Context, f *Figures) {
	cs, err := net.IOCountersWithContext(ctx, true)
	if err != nil {
		return
	}
	for i, c := range cs {
		if i >= maxInterfaces {
			return
		}
		// Ends of virtual cables come and go with each container.
		if strings.HasPrefix(c.Name, "veth") {
			continue
		}
		f.Add("host_network_receive_bytes_total", float64(c.BytesRecv), "device", c.Name)
		f.Add("host_network_transmit_bytes_total", float64(c.BytesSent), "device", c.Name)
		f.Add("host_network_receive_packets_total", float64(c.PacketsRecv), "device", c.Name)
		f.Add("host_network_transmit_packets_total", float64(c.PacketsSent), "device", c.Name)
		f.Add("host_network_receive_errors_total", float64(c.Errin), "device", c.Name)
		f.Add("host_network_transmit_errors_total", float64(c.Errout), "device", c.Name)
		f.Add("host_network_receive_drops_total", float64(c.Dropin), "device", c.Name)
		f.Add("host_network_transmit_drops_total", float64(c.Dropout), "device", c.Name)
	}
}

// pressure reads the kernel's pressure stall information: for how long tasks waited
// (some) or all of them did (full). See Documentation/accounting/psi.rst of Linux.
func pressure(f *Figures) {
	for _, what := range []string{"cpu", "io", "memory"} {
		b, err := readSmall("/proc/pressure/" + what)
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(b)) {
			kind, v, ok := parsePressure(line)
			if ok {
				f.Add("host_pressure_seconds_total", v, "resource", what, "kind", kind)
			}
		}
	}
}

// parsePressure reads "some avg10=0.00 avg60=0.00 avg300=0.00 total=123" in microseconds.
func parsePressure(line string) (kind string, seconds float64, ok bool) {
	w := strings.Fields(line)
	if len(w) < 2 || w[0] != "some" && w[0] != "full" {
		return "", 0, false
	}
	n, found := strings.CutPrefix(w[len(w)-1], "total=")
	us, err := strconv.ParseUint(n, 10, 64)
	return w[0], float64(us) / 1e6, found && err == nil
}
