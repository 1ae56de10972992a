package device

import "github.com/mainstay-ops/mainstay/internal/observe"

// described says what the metrics of package poll mean.
func described() []observe.MetricInfo {
	c := func(name, unit, help string) observe.MetricInfo {
		return observe.MetricInfo{Name: name, Type: "counter", Unit: unit, Help: help}
	}
	g := func(name, unit, help string) observe.MetricInfo {
		return observe.MetricInfo{Name: name, Type: "gauge", Unit: unit, Help: help}
	}
	return []observe.MetricInfo{
		c("network_interface_in_bytes_total", "bytes", "Bytes received on an interface of a device."),
		c("network_interface_out_bytes_total", "bytes", "Bytes sent on an interface of a device."),
		c("network_interface_in_packets_total", "", "Packets received, by cast: unicast, multicast, broadcast."),
		c("network_interface_out_packets_total", "", "Packets sent, by cast: unicast, multicast, broadcast."),
		c("network_interface_in_errors_total", "", "Packets received with errors."),
		c("network_interface_out_errors_total", "", "Packets that could not be sent because of errors."),
		c("network_interface_in_discards_total", "", "Packets received and dropped without an error, for example for want of memory."),
		c("network_interface_out_discards_total", "", "Packets not sent without an error, for example because a queue was full."),
		g("network_interface_admin_up", "", "1 when the interface is switched on by its administrator, else 0."),
		g("network_interface_oper_up", "", "1 when the interface is up, else 0."),
		g("network_interface_speed_bytes_per_second", "bytes", "Nominal speed of the interface."),
		g("network_bgp_peer_established", "", "1 when the session with the BGP peer is established, else 0."),
		g("network_ospf_neighbor_full", "", "1 when the adjacency with the OSPF neighbor is full, else 0."),
		g("device_up", "", "1 when the device answered SNMP at the last poll, else 0."),
		g("device_poll_duration_seconds", "seconds", "How long the last poll of the device took."),
		g("device_uptime_seconds", "seconds", "Time since the SNMP agent of the device started."),
		g("device_cpu_usage_ratio", "", "Share of the time in which a processor of a device is busy, 0 to 1."),
		g("device_memory_used_bytes", "bytes", "Used bytes of a memory of a device."),
		g("device_memory_total_bytes", "bytes", "Size of a memory of a device."),
		g("device_memory_usage_ratio", "", "Used share of a memory, of devices that tell no amounts, 0 to 1."),
		g("device_storage_used_bytes", "bytes", "Used bytes of a file system or disk of a device."),
		g("device_storage_total_bytes", "bytes", "Size of a file system or disk of a device."),
		g("device_storage_usage_ratio", "", "Used share of a storage, of devices that tell no amounts, 0 to 1."),
		g("device_sensor_temperature", "celsius", "A temperature that a device measures."),
		g("device_sensor_fan_speed", "rpm", "Speed of a fan."),
		g("device_sensor_voltage", "volt", "A voltage that a device measures."),
		g("device_sensor_current", "ampere", "A current that a device measures."),
		g("device_sensor_power", "watt", "A power that a device measures."),
		g("device_sensor_humidity", "percent", "A relative humidity."),
		g("device_sensor_charge", "percent", "How full a battery or a supply is."),
		g("device_sensor_load", "", "A load that a device tells."),
		g("device_sensor_runtime", "second", "How long a battery will last."),
		g("device_sensor_frequency", "hertz", "A frequency."),
		g("device_sensor_dbm", "dbm", "An optical or radio power."),
		g("device_sensor_state", "", "The number of a state; its words are on the page of the device."),
	}
}
