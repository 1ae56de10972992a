package discovery

import (
	"context"
	"os"
	"runtime"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/shirou/gopsutil/v4/cpu"
	"github.com/shirou/gopsutil/v4/disk"
	"github.com/shirou/gopsutil/v4/host"
	"github.com/shirou/gopsutil/v4/load"
	"github.com/shirou/gopsutil/v4/mem"
	"github.com/shirou/gopsutil/v4/net"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
)

// Filesystem is one mounted file system.
type Filesystem struct {
	Mount     string `json:"mount"`
	Device    string `json:"device"`
	Type      string `json:"type"`
	SizeBytes uint64 `json:"size_bytes"`
	FreeBytes uint64 `json:"free_bytes"`
}

// Interface is one network interface with what it carried in the last interval.
type Interface struct {
	Name      string   `json:"name"`
	Addresses []string `json:"addresses"`
	// Rates are in bytes per second; they are 0 until there are two readings.
	ReceiveRate  float64 `json:"receive_bytes_per_second"`
	TransmitRate float64 `json:"transmit_bytes_per_second"`

	received, sent uint64

	// What the topology takes besides.
	index    int64
	mac      string
	mtu      int64
	up, loop bool
}

// Host is the newest reading of the machine.
type Host struct {
	Name         string    `json:"name" doc:"Name of its item."`
	At           time.Time `json:"at"`
	OS           string    `json:"os"`
	Kernel       string    `json:"kernel"`
	Architecture string    `json:"architecture"`
	CPUModel     string    `json:"cpu_model"`
	CPUs         int       `json:"cpus"`
	// CPUUsage is the busy share of all processors, 0 to 1, since the last reading.
	CPUUsage        float64      `json:"cpu_usage"`
	Load1           float64      `json:"load1"`
	Load5           float64      `json:"load5"`
	Load15          float64      `json:"load15"`
	MemoryTotal     uint64       `json:"memory_total_bytes"`
	MemoryAvailable uint64       `json:"memory_available_bytes"`
	SwapUsed        uint64       `json:"swap_used_bytes"`
	SwapTotal       uint64       `json:"swap_total_bytes"`
	BootedAt        time.Time    `json:"booted_at"`
	Virtualization  string       `json:"virtualization,omitempty"`
	Filesystems     []Filesystem `json:"filesystems"`
	Interfaces      []Interface  `json:"interfaces"`
	Processes       uint64       `json:"processes"`

	machineID             string
	cpuBusy, cpuTotal     float64
	diskRead, diskWritten uint64
}

// Limits of what is read.
const (
	maxFilesystems = 64
	maxInterfaces  = 64
)

// readHost takes one reading; what cannot be read stays empty.
func readHost(ctx context.Context, prev *Host) Host {
	h := Host{At: time.Now().UTC(), Architecture: runtime.GOARCH, CPUs: runtime.NumCPU(), Filesystems: []Filesystem{}, Interfaces: []Interface{}}
	if prev != nil {
		// What does not change while the machine is up is read once.
		h.Name, h.OS, h.Kernel, h.CPUModel, h.BootedAt, h.Virtualization, h.machineID = prev.Name, prev.OS, prev.Kernel, prev.CPUModel, prev.BootedAt, prev.Virtualization, prev.machineID
	} else {
		h.identify(ctx)
	}
	if ts, err := cpu.TimesWithContext(ctx, false); err == nil && len(ts) > 0 {
		t := ts[0]
		idle := t.Idle + t.Iowait
		h.cpuTotal = t.User + t.System + t.Nice + t.Irq + t.Softirq + t.Steal + idle
		h.cpuBusy = h.cpuTotal - idle
		if prev != nil && h.cpuTotal > prev.cpuTotal {
			h.CPUUsage = min(1, max(0, (h.cpuBusy-prev.cpuBusy)/(h.cpuTotal-prev.cpuTotal)))
		}
	}
	if l, err := load.AvgWithContext(ctx); err == nil {
		h.Load1, h.Load5, h.Load15 = l.Load1, l.Load5, l.Load15
	}
	if m, err := mem.VirtualMemoryWithContext(ctx); err == nil {
		h.MemoryTotal, h.MemoryAvailable = m.Total, m.Available
		h.SwapTotal, h.SwapUsed = m.SwapTotal, m.SwapTotal-min(m.SwapFree, m.SwapTotal)
	}
	if i, err := load.MiscWithContext(ctx); err == nil {
		h.Processes = uint64(max(0, i.ProcsTotal))
	}
	h.readDisks(ctx)
	h.readNetwork(ctx, prev)
	return h
}

func (h *Host) identify(ctx context.Context) {
	if i, err := host.InfoWithContext(ctx); err == nil {
		h.Name = i.Hostname
		h.OS = strings.TrimSpace(i.Platform + " " + i.PlatformVersion)
		h.Kernel, h.machineID = i.KernelVersion, strings.ReplaceAll(i.HostID, "-", "")
		h.BootedAt = time.Unix(int64(i.BootTime), 0).UTC()
		if i.VirtualizationRole == "guest" {
			h.Virtualization = i.VirtualizationSystem
		}
	}
	if h.Name == "" {
		h.Name, _ = os.Hostname()
	}
	if h.Name == "" {
		h.Name = "this-host"
	}
	if cs, err := cpu.InfoWithContext(ctx); err == nil && len(cs) > 0 {
		h.CPUModel = strings.TrimSpace(cs[0].ModelName)
	}
}

func (h *Host) readDisks(ctx context.Context) {
	ps, err := disk.PartitionsWithContext(ctx, false)
	if err != nil {
		return
	}
	seen := map[string]bool{}
	for _, p := range ps {
		if len(h.Filesystems) >= maxFilesystems || seen[p.Device] || strings.HasPrefix(p.Mountpoint, "/snap/") || p.Fstype == "squashfs" {
			continue
		}
		u, err := disk.UsageWithContext(ctx, p.Mountpoint)
		if err != nil || u.Total == 0 {
			continue
		}
		seen[p.Device] = true
		h.Filesystems = append(h.Filesystems, Filesystem{Mount: p.Mountpoint, Device: p.Device, Type: p.Fstype, SizeBytes: u.Total, FreeBytes: u.Free})
	}
	if len(h.Filesystems) == 0 {
		// In a container the root may be an overlay that is not listed as a disk.
		if u, err := disk.UsageWithContext(ctx, "/"); err == nil && u.Total > 0 {
			h.Filesystems = append(h.Filesystems, Filesystem{Mount: "/", Type: u.Fstype, SizeBytes: u.Total, FreeBytes: u.Free})
		}
	}
	if cs, err := disk.IOCountersWithContext(ctx); err == nil {
		for name, c := range cs {
			if strings.HasPrefix(name, "loop") || strings.HasPrefix(name, "ram") || strings.HasPrefix(name, "dm-") {
				continue
			}
			h.diskRead += c.ReadBytes
			h.diskWritten += c.WriteBytes
		}
	}
}

func (h *Host) readNetwork(ctx context.Context, prev *Host) {
	ifs, err := net.InterfacesWithContext(ctx)
	if err != nil {
		return
	}
	counters := map[string]net.IOCountersStat{}
	if cs, err := net.IOCountersWithContext(ctx, true); err == nil {
		for _, c := range cs {
			counters[c.Name] = c
		}
	}
	before := map[string]Interface{}
	var elapsed float64
	if prev != nil {
		elapsed = h.At.Sub(prev.At).Seconds()
		for _, i := range prev.Interfaces {
			before[i.Name] = i
		}
	}
	for _, i := range ifs {
		if len(h.Interfaces) >= maxInterfaces {
			break
		}
		x := Interface{Name: i.Name, Addresses: []string{}, index: int64(i.Index), mac: i.HardwareAddr, mtu: int64(i.MTU), up: slices.Contains(i.Flags, "up"), loop: slices.Contains(i.Flags, "loopback")}
		for _, a := range i.Addrs {
			x.Addresses = append(x.Addresses, a.Addr)
		}
		c := counters[i.Name]
		x.received, x.sent = c.BytesRecv, c.BytesSent
		if b, ok := before[i.Name]; ok && elapsed > 0 && x.received >= b.received && x.sent >= b.sent {
			x.ReceiveRate = float64(x.received-b.received) / elapsed
			x.TransmitRate = float64(x.sent-b.sent) / elapsed
		}
		h.Interfaces = append(h.Interfaces, x)
	}
	sort.Slice(h.Interfaces, func(i, j int) bool { return h.Interfaces[i].Name < h.Interfaces[j].Name })
}

// attributes of the host's item: what changes rarely. Figures that move are
// metrics.
func (h *Host) attributes() map[string]any {
	var disks, nets []any
	for _, f := range h.Filesystems {
		disks = append(disks, map[string]any{"mount": f.Mount, "device": f.Device, "type": f.Type, "size_bytes": f.SizeBytes})
	}
	for _, i := range h.Interfaces {
		nets = append(nets, map[string]any{"name": i.Name, "addresses": i.Addresses})
	}
	return map[string]any{
		"os": h.OS, "kernel": h.Kernel, "architecture": h.Architecture, "cpu_model": h.CPUModel, "cpus": h.CPUs, "memory_bytes": h.MemoryTotal,
		"disks": disks, "network": nets, "booted_at": h.BootedAt.Format(time.RFC3339), "virtualization": h.Virtualization, "machine_id": h.machineID,
	}
}

var (
	errOff    = errs.New(errs.NotFound, "Discovery of this machine is switched off (discovery.host).")
	errNoHost = errs.New(errs.Unavailable, "This machine has not been read yet. Try again in a moment.")
)
