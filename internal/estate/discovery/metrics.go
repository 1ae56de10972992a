package discovery

import (
	"context"

	"github.com/mainstay-ops/mainstay/internal/observe"
)

var described = []observe.MetricInfo{
	{Name: "host_cpu_usage_ratio", Type: "gauge", Help: "Busy share of all processors, 0 to 1."},
	{Name: "host_load1", Type: "gauge", Help: "Load average over one minute."},
	{Name: "host_load5", Type: "gauge", Help: "Load average over five minutes."},
	{Name: "host_load15", Type: "gauge", Help: "Load average over fifteen minutes."},
	{Name: "host_memory_total_bytes", Type: "gauge", Unit: "bytes", Help: "Memory of the machine."},
	{Name: "host_memory_available_bytes", Type: "gauge", Unit: "bytes", Help: "Memory that programs can still get."},
	{Name: "host_swap_used_bytes", Type: "gauge", Unit: "bytes", Help: "Swap in use."},
	{Name: "host_filesystem_size_bytes", Type: "gauge", Unit: "bytes", Help: "Size of a file system."},
	{Name: "host_filesystem_avail_bytes", Type: "gauge", Unit: "bytes", Help: "Free space of a file system."},
	{Name: "host_disk_read_bytes_total", Type: "counter", Unit: "bytes", Help: "Bytes read from all disks since the machine started."},
	{Name: "host_disk_written_bytes_total", Type: "counter", Unit: "bytes", Help: "Bytes written to all disks since the machine started."},
	{Name: "host_network_receive_bytes_total", Type: "counter", Unit: "bytes", Help: "Bytes received by an interface."},
	{Name: "host_network_transmit_bytes_total", Type: "counter", Unit: "bytes", Help: "Bytes sent by an interface."},
	{Name: "host_processes", Type: "gauge", Help: "Number of processes."},
	{Name: "host_uptime_seconds", Type: "gauge", Unit: "seconds", Help: "Time since the machine started."},
}

// record writes a reading to the metric store.
func (s *Service) record(ctx context.Context, h *Host) error {
	var out []observe.Sample
	add := func(name string, v float64, label ...string) {
		key := name
		if len(label) == 2 {
			key += "\x00" + label[1]
		}
		id, ok := s.series[key]
		if !ok {
			l := map[string]string{"__name__": name, "item": h.Name}
			if len(label) == 2 {
				l[label[0]] = label[1]
			}
			var err error
			if id, err = s.metrics.Series("host", l); err != nil {
				return
			}
			s.series[key] = id
		}
		out = append(out, observe.Sample{Series: id, At: h.At, Value: v})
	}
	if h.cpuTotal > 0 {
		add("host_cpu_usage_ratio", h.CPUUsage)
	}
	add("host_load1", h.Load1)
	add("host_load5", h.Load5)
	add("host_load15", h.Load15)
	add("host_memory_total_bytes", float64(h.MemoryTotal))
	add("host_memory_available_bytes", float64(h.MemoryAvailable))
	add("host_swap_used_bytes", float64(h.SwapUsed))
	for _, f := range h.Filesystems {
		add("host_filesystem_size_bytes", float64(f.SizeBytes), "mount", f.Mount)
		add("host_filesystem_avail_bytes", float64(f.FreeBytes), "mount", f.Mount)
	}
	add("host_disk_read_bytes_total", float64(h.diskRead))
	add("host_disk_written_bytes_total", float64(h.diskWritten))
	for _, i := range h.Interfaces {
		add("host_network_receive_bytes_total", float64(i.received), "device", i.Name)
		add("host_network_transmit_bytes_total", float64(i.sent), "device", i.Name)
	}
	add("host_processes", float64(h.Processes))
	if !h.BootedAt.IsZero() {
		add("host_uptime_seconds", h.At.Sub(h.BootedAt).Seconds())
	}
	return s.metrics.Append(ctx, out)
}
