package estate

import (
	"context"
	"regexp"
	"time"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/snmp"
)

// NetworkView is what one source sees of the network of one item at one moment. A
// nil list means that the source did not look; an empty one that there is none.
type NetworkView struct {
	ItemID string
	// Source is snmp, agent, host (the machine of the server) or sweep (an address that
	// answered and of which no more is known).
	Source     string
	At         time.Time
	Interfaces []Interface
	Addresses  []Address
	VLANs      []VLAN
	Neighbors  []Neighbor
}

// Interface is a port, or a logical interface, of an item. Index is unique in the
// item and source.
type Interface struct {
	Index             int64
	Name, Descr       string
	Alias, Type, MAC  string
	SpeedBPS          uint64
	MTU               int64
	AdminUp, OperUp   bool
	Duplex            string
	VLAN              int64
	Virtual, Loopback bool
}

// inner are the names that container engines and hypervisors give to bridges that no
// other host reaches; their addresses are the same everywhere.
var inner = regexp.MustCompile(`^(docker\d+|docker_gwbridge|br-[0-9a-f]{12}|virbr\d+(-nic)?|lxcbr\d+|lxdbr\d+|incusbr\d+|cni-?(podman)?\d+|podman\d+|cbr0|vmnet\d+|vboxnet\d+|vEthernet \((Default Switch|WSL.*|nat)\))$`)

// Inner tells whether the interface leads to a network that exists only inside the
// item, for containers or virtual machines.
func (i Interface) Inner() bool { return inner.MatchString(i.Name) }

// Address is an IP address on an interface. PrefixLength is 0 when it is not known.
// VRF is empty for the global table.
type Address struct {
	Address      string
	PrefixLength int
	IfIndex      int64
	VRF          string
	// Source is who says so, in an answer of Network.
	Source string
}

// VLAN is a virtual LAN that the item knows.
type VLAN struct {
	ID   int64
	Name string
}

// The kinds of evidence for a link, from the surest.
const (
	EvidenceLLDP       = "lldp"
	EvidenceCDP        = "cdp"
	EvidenceBridge     = "fdb"
	EvidenceARP        = "arp"
	EvidenceRoute      = "route"
	EvidenceConnection = "connection"
)

// Neighbor is one piece of evidence for something at the other end of an
// interface. What is not known stays empty.
type Neighbor struct {
	LocalIfIndex int64
	// Evidence is one of the Evidence constants.
	Evidence   string
	RemoteName string
	RemotePort string
	// RemotePortDescr is the description of the remote port, where RemotePort is only an
	// identifier such as a MAC address.
	RemotePortDescr string
	RemoteMAC       string
	RemoteAddress   string
	VLAN            int64
	// Port and Process belong to a connection: the remote TCP or UDP port, and the
	// local process.
	Port    int
	Process string
}

// Network keeps what sources see of the network and joins it to links.
// estate.topology provides it.
type Network interface {
	// Report replaces what the source said before of the lists that are not nil.
	Report(ctx context.Context, tx *db.Tx, v NetworkView) error
	// Interfaces gives those of the items, by item id, in the order of their index.
	Interfaces(ctx context.Context, q bun.IDB, itemIDs []string) (map[string][]Interface, error)
	// Addresses gives those of the items, by item id.
	Addresses(ctx context.Context, q bun.IDB, itemIDs []string) (map[string][]Address, error)
	// VLANs gives those that the items know, by item id.
	VLANs(ctx context.Context, q bun.IDB, itemIDs []string) (map[string][]VLAN, error)
}

// NetworkSeen is told when a source reported a view that differs from the one
// before.
type NetworkSeen struct {
	ItemID string `json:"item_id"`
	Source string `json:"source"`
}

// FactName implements event.Fact.
func (NetworkSeen) FactName() string { return "estate.network_seen" }

// Proposal is a check that makes sense for an item and that nobody has made yet.
type Proposal struct {
	// Name of the check; a proposal of that name is replaced.
	Name string
	// Type is the probe type, Probe its configuration as in ops.yaml.
	Type  string
	Probe map[string]any
	Every time.Duration
	// Reason is one sentence for the person who decides.
	Reason string
	// From is the edge that the check is to run on; empty is the server.
	From string
}

// Proposals collects suggested checks. estate.discovery provides it.
type Proposals interface {
	Propose(ctx context.Context, tx *db.Tx, item Item, ps []Proposal) error
}

// Credentials gives what is needed to read a device. estate.discovery provides it.
type Credentials interface {
	// SNMP gives the target with which the item was read last; errs.NotFound when
	// none ever worked. The secrets in it never leave the process.
	SNMP(ctx context.Context, q bun.IDB, itemID string) (snmp.Target, error)
	// SNMPFrom tells from which edge items were read; those that the server read are
	// left out.
	SNMPFrom(ctx context.Context, q bun.IDB, itemIDs []string) (map[string]string, error)
	// SNMPItems lists the ids of items that were read by SNMP, after a cursor, at
	// most limit.
	SNMPItems(ctx context.Context, q bun.IDB, after string, limit int) ([]string, error)
}
