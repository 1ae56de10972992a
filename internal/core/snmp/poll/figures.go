package poll

import "github.com/mainstay-ops/mainstay/internal/core/snmp"

// The figures of an interface.
const (
	inBytes = iota
	outBytes
	inUnicast
	inMulticast
	inBroadcast
	outUnicast
	outMulticast
	outBroadcast
	inErrors
	outErrors
	inDiscards
	outDiscards
	adminUp
	operUp
	speed
	figures
)

// figure says where a figure is read: IF-MIB (RFC 2863) has counters of 64 bits in
// ifXTable and those of 32 bits in ifTable.
type figure struct {
	name, cast  string
	wide, small snmp.OID
}

const (
	ifTable  = "1.3.6.1.2.1.2.2.1."
	ifXTable = "1.3.6.1.2.1.31.1.1.1."
)

func figureOf(n int) figure {
	return [figures]figure{
		inBytes:      {"network_interface_in_bytes_total", "", ifXTable + "6", ifTable + "10"},
		outBytes:     {"network_interface_out_bytes_total", "", ifXTable + "10", ifTable + "16"},
		inUnicast:    {"network_interface_in_packets_total", "unicast", ifXTable + "7", ifTable + "11"},
		inMulticast:  {"network_interface_in_packets_total", "multicast", ifXTable + "8", ""},
		inBroadcast:  {"network_interface_in_packets_total", "broadcast", ifXTable + "9", ""},
		outUnicast:   {"network_interface_out_packets_total", "unicast", ifXTable + "11", ifTable + "17"},
		outMulticast: {"network_interface_out_packets_total", "multicast", ifXTable + "12", ""},
		outBroadcast: {"network_interface_out_packets_total", "broadcast", ifXTable + "13", ""},
		inErrors:     {"network_interface_in_errors_total", "", "", ifTable + "14"},
		outErrors:    {"network_interface_out_errors_total", "", "", ifTable + "20"},
		inDiscards:   {"network_interface_in_discards_total", "", "", ifTable + "13"},
		outDiscards:  {"network_interface_out_discards_total", "", "", ifTable + "19"},
		adminUp:      {"network_interface_admin_up", "", "", ifTable + "7"},
		operUp:       {"network_interface_oper_up", "", "", ifTable + "8"},
		speed:        {"network_interface_speed_bytes_per_second", "", ifXTable + "15", ""},
	}[n]
}
