package device

import (
	"strings"

	"github.com/mainstay-ops/mainstay/internal/core/snmp"
)

// processors reads hrProcessorTable (RFC 2790), else the idle share of UCD-SNMP.
func (r *reader) processors() {
	t := r.table("processors", "1.3.6.1.2.1.25.3.3.1", 2)
	var descr rows
	if len(t.order) > 0 {
		descr = r.table("devices", "1.3.6.1.2.1.25.3.2.1", 3)
	}
	for _, i := range t.order {
		p := Processor{Index: i, Descr: descr.text(i, 3)}
		if p.Descr == "" {
			p.Descr = "Processor"
		}
		if n, ok := number(t.cells[i][2]); ok {
			n = min(max(n, 0), 100)
			p.UsagePercent = &n
		}
		r.d.Processors = append(r.d.Processors, p)
	}
	if len(r.d.Processors) > 0 {
		return
	}
	if idle, ok := number(r.get("processors", "1.3.6.1.4.1.2021.11.11.0")[0]); ok && idle >= 0 && idle <= 100 {
		busy := 100 - idle
		r.d.Processors = append(r.d.Processors, Processor{Index: "0", Descr: "CPU", UsagePercent: &busy})
	}
}

const hrStorageTypes = "1.3.6.1.2.1.25.2.1."

var storageTypes = map[string]string{
	"1": "other", "2": "ram", "3": "virtual_memory", "4": "fixed_disk", "5": "removable_disk", "6": "floppy_disk",
	"7": "compact_disc", "8": "ram_disk", "9": "flash_memory", "10": "network_disk",
}

// storage reads hrStorageTable (RFC 2790), which holds memory and file systems.
func (r *reader) storage() {
	t := r.table("storages", "1.3.6.1.2.1.25.2.3.1", 2, 3, 4, 5, 6)
	for _, i := range t.order {
		kind := storageTypes[strings.TrimPrefix(t.text(i, 2), hrStorageTypes)]
		descr := t.text(i, 3)
		unit := uint64(max(t.int(i, 4), 1))
		size, used := unsigned(t.cells[i][5])*unit, unsigned(t.cells[i][6])*unit
		class := memoryClass(kind, descr)
		if size == 0 && used == 0 {
			continue
		}
		if class != "" {
			r.d.Memories = append(r.d.Memories, Memory{Index: i, Descr: descr, Class: class, TotalBytes: size, UsedBytes: used})
			continue
		}
		if size == 0 || kind == "other" || kind == "" {
			continue
		}
		r.d.Storages = append(r.d.Storages, Storage{Index: i, Descr: descr, Type: kind, SizeBytes: size, UsedBytes: used})
	}
	settle(r.d.Memories)
}

// unsigned reads an Integer32 that ran over: agents with large disks count on into
// the sign.
func unsigned(v snmp.Var) uint64 {
	n, _ := v.Int()
	if n < 0 {
		return uint64(uint32(n)) //nolint:gosec // the bits are meant
	}
	return uint64(n)
}

func memoryClass(kind, descr string) string {
	d := strings.ToLower(descr)
	switch {
	case kind != "ram" && kind != "virtual_memory" && kind != "other":
		return ""
	case strings.Contains(d, "swap"), strings.HasPrefix(d, "/dev/hd") && kind == "virtual_memory":
		return "swap"
	case strings.Contains(d, "buffer"):
		return "buffers"
	case strings.Contains(d, "cache"):
		return "cached"
	case strings.Contains(d, "shared mem"):
		return "shared"
	case kind == "virtual_memory":
		return "virtual"
	case kind == "ram":
		return "system"
	}
	return ""
}

// settle makes the memory of net-snmp what people mean: buffers and caches are
// shares of the physical memory, and what they hold can be had at any time, so it
// is not used.
func settle(ms []Memory) {
	physical, reclaim := -1, uint64(0)
	for i, m := range ms {
		switch {
		case m.Class == "system" && physical < 0:
			physical = i
		case m.Class == "buffers" || m.Class == "cached":
			reclaim += m.UsedBytes
		}
	}
	if physical < 0 {
		return
	}
	for i := range ms {
		if c := ms[i].Class; c == "buffers" || c == "cached" || c == "shared" {
			ms[i].TotalBytes = max(ms[i].UsedBytes, ms[physical].TotalBytes)
		}
	}
	if used := &ms[physical].UsedBytes; reclaim <= *used {
		*used -= reclaim
	}
}

// ucd reads memory, disks and load of UCD-SNMP-MIB, where HOST-RESOURCES-MIB has
// none.
func (r *reader) ucd() {
	const ucd = "1.3.6.1.4.1.2021."
	if !r.has("net-snmp values", "1.3.6.1.4.1.2021") {
		return
	}
	if len(r.d.Memories) == 0 {
		v := r.get("memory", ucd+"4.5.0", ucd+"4.6.0", ucd+"4.3.0", ucd+"4.4.0", ucd+"4.14.0", ucd+"4.15.0", ucd+"4.13.0")
		kib := func(i int) uint64 { return unsigned(v[i]) * 1024 }
		if total := kib(0); total > 0 {
			r.d.Memories = append(r.d.Memories, Memory{Index: "1", Descr: "Physical memory", Class: "system", TotalBytes: total, UsedBytes: total - min(kib(1), total)})
			for i, m := range []Memory{{Index: "3", Descr: "Memory buffers", Class: "buffers"}, {Index: "4", Descr: "Cached memory", Class: "cached"}, {Index: "5", Descr: "Shared memory", Class: "shared"}} {
				if v[4+i].Kind != snmp.Missing {
					m.UsedBytes = kib(4 + i)
					r.d.Memories = append(r.d.Memories, m)
				}
			}
		}
		if total := kib(2); total > 0 {
			r.d.Memories = append(r.d.Memories, Memory{Index: "2", Descr: "Swap space", Class: "swap", TotalBytes: total, UsedBytes: total - min(kib(3), total)})
		}
		settle(r.d.Memories)
	}
	if len(r.d.Storages) == 0 {
		r.ucdDisks()
	}
	t := r.table("load", ucd+"10.1", 2, 5)
	for _, i := range t.order {
		if n, ok := number(t.cells[i][5]); ok {
			r.d.Sensors = append(r.d.Sensors, Sensor{Index: i, Class: "load", Descr: t.text(i, 2), Value: n / 100, OID: ucd + "10.1.5." + i})
		}
	}
}

func (r *reader) ucdDisks() {
	t := r.table("disks", "1.3.6.1.4.1.2021.9.1", 2, 6, 8, 11, 12, 15, 16)
	for _, i := range t.order {
		kib := func(col, low, high int) uint64 {
			if n := unsigned(t.cells[i][high])<<32 | unsigned(t.cells[i][low]); n > 0 {
				return n * 1024
			}
			return unsigned(t.cells[i][col]) * 1024
		}
		if size := kib(6, 11, 12); size > 0 {
			r.d.Storages = append(r.d.Storages, Storage{Index: i, Descr: t.text(i, 2), Type: "fixed_disk", SizeBytes: size, UsedBytes: kib(8, 15, 16)})
		}
	}
}
