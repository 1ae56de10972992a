package host

import (
	"bufio"
	"bytes"
	"context"
	gonet "net"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/shirou/gopsutil/v4/cpu"
	"github.com/shirou/gopsutil/v4/disk"
	"github.com/shirou/gopsutil/v4/host"
	"github.com/shirou/gopsutil/v4/mem"

	"github.com/mainstay-ops/mainstay/internal/core/agentwire"
)

// Inventory reads what the host is and has. A list that could not be read is nil.
// Ports and connections are read by Sockets.
func (r *Reader) Inventory(ctx context.Context) *agentwire.Inventory {
	r.users = nil // accounts may have changed
	inv := &agentwire.Inventory{At: r.now().UTC(), Host: r.machine(ctx)}
	inv.Packages = packages(ctx)
	inv.Services = services(ctx)
	inv.Users = users()
	inv.Disks = allDisks(ctx)
	inv.Containers = containers(ctx)
	inv.Interfaces = interfaces()
	return inv
}

// machine reads the host itself.
func (r *Reader) machine(ctx context.Context) *agentwire.Host {
	h := &agentwire.Host{Architecture: runtime.GOARCH, CPUs: runtime.NumCPU()}
	h.Hostname, _ = os.Hostname()
	if i, err := host.InfoWithContext(ctx); err == nil {
		h.OS = strings.TrimSpace(i.Platform + " " + i.PlatformVersion)
		h.Kernel = i.KernelVersion
		h.BootedAt = time.Unix(int64(i.BootTime), 0).UTC()
		if i.VirtualizationRole == "guest" {
			h.Virtualization = i.VirtualizationSystem
		}
		if runtime.GOOS != "linux" {
			h.MachineID = i.HostID
		}
	}
	if cs, err := cpu.InfoWithContext(ctx); err == nil && len(cs) > 0 {
		h.CPUModel = strings.TrimSpace(cs[0].ModelName)
	}
	if m, err := mem.VirtualMemoryWithContext(ctx); err == nil {
		h.MemoryBytes = m.Total
	}
	if runtime.GOOS == "linux" {
		h.MachineID = MachineID()
		const dmi = "/sys/class/dmi/id/"
		h.Vendor, h.Model = known(line(dmi+"sys_vendor")), known(line(dmi+"product_name"))
		h.Serial, h.SystemUUID = known(line(dmi+"product_serial")), strings.ToLower(known(line(dmi+"product_uuid")))
		if h.Model == "" {
			h.Model = line("/proc/device-tree/model")
		}
		if h.Serial == "" {
			h.Serial = line("/proc/device-tree/serial-number")
		}
	}
	h.FQDN = fqdn(ctx, h.Hostname)
	return h
}

// MachineID is the id that the system was given at its installation; empty when it has
// none. See machine-id(5).
func MachineID() string {
	if runtime.GOOS != "linux" {
		id, _ := host.HostID()
		return id
	}
	for _, f := range []string{"/etc/machine-id", "/var/lib/dbus/machine-id"} {
		if id := line(f); len(id) == 32 {
			return id
		}
	}
	return ""
}

// known drops what makers write when they have nothing to say.
func known(s string) string {
	switch strings.ToLower(strings.Trim(s, " .")) {
	case "", "none", "not specified", "not applicable", "default string", "to be filled by o.e.m", "system serial number", "system product name", "system manufacturer", "unknown", "0", "0123456789", "empty":
		return ""
	}
	return s
}

// fqdn asks the resolver for the full name; it is empty when the name has no domain.
func fqdn(ctx context.Context, hostname string) string {
	if strings.Contains(hostname, ".") {
		return strings.ToLower(hostname)
	}
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	n, err := gonet.DefaultResolver.LookupCNAME(ctx, hostname)
	n = strings.ToLower(strings.TrimSuffix(n, "."))
	if err != nil || !strings.HasPrefix(n, strings.ToLower(hostname)+".") || strings.HasSuffix(n, ".localdomain") {
		return ""
	}
	return n
}

// users reads the accounts of this host; those of a directory are not in it.
func users() []agentwire.User {
	if runtime.GOOS == "windows" {
		return nil
	}
	b, err := readSmall("/etc/passwd")
	if err != nil {
		return nil
	}
	group, _ := readSmall("/etc/group")
	return parseUsers(b, admins(group))
}

func parseUsers(passwd []byte, admin map[string]bool) []agentwire.User {
	out := []agentwire.User{}
	for l := range strings.Lines(string(passwd)) {
		f := strings.Split(strings.TrimSpace(l), ":")
		if len(f) < 7 || f[0] == "" || strings.HasPrefix(f[0], "#") || len(out) >= agentwire.MaxList {
			continue
		}
		out = append(out, agentwire.User{Name: clean(f[0], 100), ID: clean(f[2], 20), Home: clean(f[5], 200), Shell: clean(f[6], 100), Admin: f[2] == "0" || admin[f[0]]})
	}
	return out
}

// admins are the members of the groups that may become root by custom.
func admins(group []byte) map[string]bool {
	out := map[string]bool{}
	for l := range strings.Lines(string(group)) {
		f := strings.Split(strings.TrimSpace(l), ":")
		if len(f) < 4 || f[0] != "sudo" && f[0] != "wheel" && f[0] != "admin" {
			continue
		}
		for m := range strings.SplitSeq(f[3], ",") {
			out[m] = true
		}
	}
	return out
}

// allDisks lists the disks and the mounted file systems.
func allDisks(ctx context.Context) []agentwire.Disk {
	out := []agentwire.Disk{}
	es, _ := os.ReadDir("/sys/block")
	for _, e := range es {
		n := e.Name()
		sectors, _ := strconv.ParseUint(line("/sys/block/"+n+"/size"), 10, 64)
		if !wholeDisk(n) || sectors == 0 || len(out) >= maxDisks {
			continue
		}
		dir := "/sys/block/" + n + "/device/"
		d := agentwire.Disk{Name: n, Type: "disk", SizeBytes: sectors * 512, Model: known(line(dir + "model")), Serial: known(line(dir + "serial"))}
		d.Health = smart(ctx, n, &d)
		out = append(out, d)
	}
	for _, p := range mounted(ctx) {
		name := p.Device
		if name == "" {
			name = p.Mountpoint
		}
		d := agentwire.Disk{Name: name, Mount: p.Mountpoint, Type: p.Fstype}
		if u, err := disk.UsageWithContext(ctx, p.Mountpoint); err == nil {
			d.SizeBytes = u.Total
		}
		out = append(out, d)
	}
	return out
}

func interfaces() []agentwire.Interface {
	ifs, err := gonet.Interfaces()
	if err != nil {
		return nil
	}
	out := []agentwire.Interface{}
	for _, i := range ifs[:min(len(ifs), maxInterfaces)] {
		x := agentwire.Interface{Index: int64(i.Index), Name: i.Name, MAC: i.HardwareAddr.String(), MTU: int64(i.MTU), Up: i.Flags&gonet.FlagUp != 0, Loopback: i.Flags&gonet.FlagLoopback != 0}
		if runtime.GOOS == "linux" {
			_, err := os.Stat("/sys/class/net/" + i.Name + "/device")
			x.Virtual = err != nil
			if mbit, err := strconv.ParseInt(line("/sys/class/net/"+i.Name+"/speed"), 10, 64); err == nil && mbit > 0 {
				x.SpeedBPS = uint64(mbit) * 1e6
			}
		}
		as, _ := i.Addrs()
		for _, a := range as {
			x.Addresses = append(x.Addresses, a.String())
		}
		out = append(out, x)
	}
	return out
}

// packages reads what the package manager of the system has installed.
func packages(ctx context.Context) []agentwire.Package {
	if f, err := os.Open("/var/lib/dpkg/status"); err == nil {
		defer f.Close()
		return parseStanzas(bufio.NewReaderSize(f, 64<<10), "dpkg", dpkgKeys)
	}
	if f, err := os.Open("/lib/apk/db/installed"); err == nil {
		defer f.Close()
		return parseStanzas(bufio.NewReaderSize(f, 64<<10), "apk", apkKeys)
	}
	if b := program(ctx, "rpm", "-qa", "--qf", `%{NAME}\t%{EVR}\t%{ARCH}\n`); b != nil {
		return parseRPM(b)
	}
	return nil
}

type stanzaKeys struct{ name, version, arch, status string }

var (
	dpkgKeys = stanzaKeys{"Package: ", "Version: ", "Architecture: ", "Status: "}
	apkKeys  = stanzaKeys{"P:", "V:", "A:", ""}
)

// parseStanzas reads blocks of lines that end with an empty one.
func parseStanzas(r *bufio.Reader, manager string, k stanzaKeys) []agentwire.Package {
	out := []agentwire.Package{}
	var p agentwire.Package
	installed := k.status == ""
	flush := func() {
		if p.Name != "" && p.Version != "" && installed && len(out) < agentwire.MaxList {
			p.Manager = manager
			out = append(out, p)
		}
		p, installed = agentwire.Package{}, k.status == ""
	}
	for {
		b, isPrefix, err := r.ReadLine()
		if err != nil {
			flush()
			return out
		}
		l := string(b)
		for isPrefix && err == nil { // the rest of a very long line is of no interest
			_, isPrefix, err = r.ReadLine()
		}
		if l == "" {
			flush()
		} else if v, ok := strings.CutPrefix(l, k.name); ok {
			p.Name = clean(v, 200)
		} else if v, ok := strings.CutPrefix(l, k.version); ok {
			p.Version = clean(v, 200)
		} else if v, ok := strings.CutPrefix(l, k.arch); ok {
			p.Arch = clean(v, 50)
		} else if k.status != "" && strings.HasPrefix(l, k.status) {
			installed = strings.HasSuffix(l, " installed")
		}
	}
}

func parseRPM(b []byte) []agentwire.Package {
	out := []agentwire.Package{}
	sc := bufio.NewScanner(bytes.NewReader(b))
	for sc.Scan() && len(out) < agentwire.MaxList {
		f := strings.Split(sc.Text(), "\t")
		if len(f) == 3 && f[0] != "" {
			out = append(out, agentwire.Package{Name: clean(f[0], 200), Version: clean(f[1], 200), Arch: clean(f[2], 50), Manager: "rpm"})
		}
	}
	return out
}
