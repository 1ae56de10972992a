// Package device reads what an SNMP agent says of its device from the standard
// MIBs: what it is, its interfaces, addresses, processors, memory, storage,
// sensors, parts, neighbors and VLANs. What only a vendor's MIB knows is added by
// package profile.
package device

// Device is what one reading gave. It is the answer of `mainstay discover --json`.
type Device struct {
	Item       Item        `json:"item"`
	Interfaces []Interface `json:"interfaces"`
	Addresses  []Address   `json:"addresses"`
	Processors []Processor `json:"processors"`
	Memories   []Memory    `json:"memories"`
	Storages   []Storage   `json:"storages"`
	Sensors    []Sensor    `json:"sensors"`
	Neighbors  []Neighbor  `json:"neighbors"`
	VLANs      []VLAN      `json:"vlans"`
	Parts      []Part      `json:"parts"`
	// MACs are the forwarding table of a bridge, Hosts the address table (ARP and
	// neighbor discovery), Routes the next hops.
	MACs   []BridgeMAC `json:"macs"`
	Hosts  []Host      `json:"hosts"`
	Routes []Route     `json:"routes"`
	// Profile is the name of the profile that matched; empty for none.
	Profile string `json:"profile,omitempty"`
	// Limits tells, in sentences, which tables were not read to the end and why.
	Limits []string `json:"limits,omitempty"`
}

// Item says what the device is.
type Item struct {
	// Name is sysName, or the address when the device has none.
	Name string `json:"name"`
	// Kind is a kind of item: network_device, host, storage, printer, ups ...
	Kind string `json:"kind"`
	// Role narrows it: switch, router, firewall, access_point, server, ups, pdu,
	// printer, storage, hypervisor, camera, environment; may be empty.
	Role   string `json:"role,omitempty"`
	Vendor string `json:"vendor"`
	Model  string `json:"model"`
	// OS is a short key such as ios, junos, linux; OSName is for people.
	OS          string `json:"os"`
	OSName      string `json:"os_name,omitempty"`
	Version     string `json:"version"`
	Serial      string `json:"serial"`
	SysObjectID string `json:"sys_object_id"`
	SysDescr    string `json:"sys_descr"`
	Location    string `json:"location,omitempty"`
	Contact     string `json:"contact,omitempty"`
	// UptimeSeconds since the agent started.
	UptimeSeconds float64 `json:"uptime_seconds,omitempty"`
}

// Interface is a row of IF-MIB ifTable and ifXTable (RFC 2863).
type Interface struct {
	Index int64  `json:"index"`
	Name  string `json:"name"`
	Descr string `json:"descr"`
	Alias string `json:"alias"`
	// Type is the name in IANAifType-MIB, for example ethernetCsmacd; the number
	// when it is not known.
	Type     string `json:"type"`
	SpeedBPS uint64 `json:"speed_bps"`
	// OperStatus and AdminStatus are up, down, testing, unknown, dormant,
	// notPresent, lowerLayerDown.
	OperStatus  string `json:"oper_status"`
	AdminStatus string `json:"admin_status"`
	MAC         string `json:"mac"`
	MTU         int64  `json:"mtu"`
	// Duplex is fullDuplex, halfDuplex or empty (EtherLike-MIB).
	Duplex string `json:"duplex,omitempty"`
	// VLAN is the native VLAN (PVID) of a bridge port; 0 when not known.
	VLAN int64 `json:"vlan,omitempty"`
}

// Address is an IP address of the device (IP-MIB, RFC 4293).
type Address struct {
	Address      string `json:"address"`
	PrefixLength int    `json:"prefix_length"`
	IfIndex      int64  `json:"if_index"`
}

// Processor is one that can be busy. UsagePercent is 0 to 100, nil when not told.
type Processor struct {
	Index        string   `json:"index"`
	Descr        string   `json:"descr"`
	UsagePercent *float64 `json:"usage_percent"`
}

// Memory is a pool. Class is system, buffers, cached, virtual, shared or swap.
type Memory struct {
	Index      string `json:"index"`
	Descr      string `json:"descr"`
	Class      string `json:"class"`
	TotalBytes uint64 `json:"total_bytes"`
	UsedBytes  uint64 `json:"used_bytes"`
	// UsedPercent is given by devices that tell a share and no amounts.
	UsedPercent *float64 `json:"used_percent,omitempty"`
}

// Storage is a file system or a disk.
type Storage struct {
	Index     string `json:"index"`
	Descr     string `json:"descr"`
	Type      string `json:"type"`
	SizeBytes uint64 `json:"size_bytes"`
	UsedBytes uint64 `json:"used_bytes"`
}

// Sensor is a measured value of the hardware. Class is temperature, voltage,
// current, power, fan_speed, humidity, frequency, charge, load, runtime, dbm,
// state, percent, count. Unit is celsius, volt, ampere, watt, rpm, percent, hertz,
// second, dbm or empty.
type Sensor struct {
	Index string  `json:"index"`
	Class string  `json:"class"`
	Descr string  `json:"descr"`
	Value float64 `json:"value"`
	Unit  string  `json:"unit"`
	// State is the word of a sensor of class state, for example normal.
	State string `json:"state,omitempty"`
	// OID is where the value is read.
	OID string `json:"oid"`
}

// Neighbor is what the device hears of the other end of a link.
type Neighbor struct {
	LocalIfIndex int64 `json:"local_if_index"`
	// Protocol is lldp or cdp.
	Protocol      string `json:"protocol"`
	RemoteName    string `json:"remote_name"`
	RemotePort    string `json:"remote_port"`
	RemoteMAC     string `json:"remote_mac,omitempty"`
	RemoteAddress string `json:"remote_address,omitempty"`
	RemoteDescr   string `json:"remote_descr,omitempty"`
}

// VLAN is a virtual LAN that the device knows.
type VLAN struct {
	ID   int64  `json:"id"`
	Name string `json:"name"`
}

// Part is a row of ENTITY-MIB entPhysicalTable (RFC 6933).
type Part struct {
	Index       int64  `json:"index"`
	ContainedIn int64  `json:"contained_in"`
	Class       string `json:"class"`
	Name        string `json:"name"`
	Descr       string `json:"descr"`
	Model       string `json:"model"`
	Serial      string `json:"serial"`
	HardwareRev string `json:"hardware_rev,omitempty"`
	FirmwareRev string `json:"firmware_rev,omitempty"`
	SoftwareRev string `json:"software_rev,omitempty"`
	Vendor      string `json:"vendor,omitempty"`
}

// BridgeMAC is a learnt address of a bridge (BRIDGE-MIB, Q-BRIDGE-MIB).
type BridgeMAC struct {
	MAC     string `json:"mac"`
	IfIndex int64  `json:"if_index"`
	VLAN    int64  `json:"vlan,omitempty"`
}

// Host is a row of the address table: which MAC has an address on a link.
type Host struct {
	Address string `json:"address"`
	MAC     string `json:"mac"`
	IfIndex int64  `json:"if_index"`
}

// Route is a next hop (IP-FORWARD-MIB, RFC 4292).
type Route struct {
	Prefix   string `json:"prefix"`
	NextHop  string `json:"next_hop"`
	IfIndex  int64  `json:"if_index"`
	Protocol string `json:"protocol,omitempty"`
}
