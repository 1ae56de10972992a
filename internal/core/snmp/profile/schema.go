package profile

import "github.com/mainstay-ops/mainstay/internal/core/snmp"

// Limits on what a profile may hold and a device may answer.
const (
	maxProfiles = 5000
	maxRows     = 5000
	maxPattern  = 1000
	maxDepth    = 16
)

type document struct {
	Profiles []*Profile `yaml:"profiles" required:"true"`
}

// Profile says how one family of devices is known and read.
type Profile struct {
	Line int `strict:"line"`
	// Name is unique; a user's profile of the same name replaces a shipped one.
	Name string `yaml:"name" required:"true"`
	// Extends names profiles whose identity and rows this one takes over.
	Extends List[string] `yaml:"extends"`
	// Priority decides between profiles that match; the greater wins, 0 is usual.
	Priority int      `yaml:"priority" minimum:"-100" maximum:"100"`
	Match    []Match  `yaml:"match"`
	Identity Identity `yaml:"identity"`
	// KeepStandard names what is added to the rows of the standard tables instead
	// of taking their place: processors, memories.
	KeepStandard List[string] `yaml:"keep_standard"`
	Processors   []Processor  `yaml:"processors"`
	Memories     []Memory     `yaml:"memories"`
	Storages     []Storage    `yaml:"storages"`
	Sensors      []Sensor     `yaml:"sensors"`
	Neighbors    []Neighbor   `yaml:"neighbors"`
	Metrics      []Metric     `yaml:"metrics"`
	// Traps and Objects give names to what the devices send by themselves. They are
	// known for every device, whichever profile it has.
	Traps   []Trap   `yaml:"traps"`
	Objects []Object `yaml:"objects"`

	file string
	// own is set for a user's profile.
	own bool
}

// Match is one way to know a device; all that is given must hold.
type Match struct {
	// ObjectID holds prefixes of sysObjectID, of which one must fit.
	ObjectID List[OID] `yaml:"object_id"`
	Descr    Pattern   `yaml:"descr"`
	NotDescr Pattern   `yaml:"not_descr"`
	// Name is looked for in sysName.
	Name Pattern `yaml:"name"`
	// Value asks the device for one value, or the first of a column.
	Value *Probe `yaml:"value"`
}

// Probe is a value that must be there and, when Pattern is given, look so.
type Probe struct {
	OID     OID     `yaml:"oid" required:"true"`
	Pattern Pattern `yaml:"pattern"`
}

// Identity says what the device is. Each part has sources of which the first that
// gives something is taken.
type Identity struct {
	Vendor  List[Source] `yaml:"vendor"`
	OS      List[Source] `yaml:"os"`
	OSName  List[Source] `yaml:"os_name"`
	Kind    List[Source] `yaml:"kind"`
	Role    List[Source] `yaml:"role"`
	Model   List[Source] `yaml:"model"`
	Version List[Source] `yaml:"version"`
	Serial  List[Source] `yaml:"serial"`
	// Patterns are looked for in sysDescr; a named group fills the part of its name.
	Patterns List[Pattern] `yaml:"patterns"`
}

// Source is where a part of the identity comes from.
type Source struct {
	// Text is taken as it is.
	Text string `yaml:"text"`
	// OID is a scalar, or a column whose first row that holds something is taken.
	OID OID `yaml:"oid"`
	// Descr is looked for in sysDescr, Name in sysName; the first group is taken.
	Descr Pattern `yaml:"descr"`
	Name  Pattern `yaml:"name"`
	// ObjectID gives a text for a prefix of sysObjectID; the longest wins.
	ObjectID map[string]string `yaml:"object_id"`
	// Pattern takes its first group out of the value at OID.
	Pattern Pattern `yaml:"pattern"`
	// Map turns the value into a text; a value that is not in it is passed over.
	Map map[string]string `yaml:"map"`
	// Format is a text with {value} in it, or with {1} and {2} for the groups of the
	// expression.
	Format string `yaml:"format"`
	// Fallback is taken only when the standard tables gave nothing.
	Fallback bool `yaml:"fallback"`
}

// Rows is what all tables have in common.
type Rows struct {
	// Columns are further values of a row, for Where and for texts as {name}.
	Columns map[string]Column `yaml:"columns"`
	// Where keeps the rows for which all of it holds.
	Where []Where `yaml:"where"`
	// Descr is a text with {index}, {index.N} and the names of columns.
	Descr string `yaml:"descr"`
	// Skip are values, as the device writes them, that mean there is nothing.
	Skip List[string] `yaml:"skip"`
	// Multiplier and Divisor scale the number; 1 when not given.
	Multiplier float64 `yaml:"multiplier"`
	Divisor    float64 `yaml:"divisor"`
}

// Column is a further value of a row.
type Column struct {
	OID OID `yaml:"oid" required:"true"`
	// Via names a column whose value is the index into this one; Index tells which
	// arcs of the row's index are, for example 1 or 2-4 or 2-.
	Via   string            `yaml:"via"`
	Index Arcs              `yaml:"index"`
	Map   map[string]string `yaml:"map"`
}

// Where is a condition on a column.
type Where struct {
	Column  string       `yaml:"column" required:"true"`
	Is      List[string] `yaml:"is"`
	Not     List[string] `yaml:"not"`
	Pattern Pattern      `yaml:"pattern"`
}

// Processor is read in percent.
type Processor struct {
	Rows  `yaml:",inline"`
	Usage OID `yaml:"usage" required:"true"`
	// Idle tells that Usage is the time without work.
	Idle    bool    `yaml:"idle"`
	Pattern Pattern `yaml:"pattern"`
}

// Amounts are the parts of a pool, of which two, or Percent, are enough.
// Multiplier is the number of bytes in a unit.
type Amounts struct {
	Total OID `yaml:"total"`
	Used  OID `yaml:"used"`
	Free  OID `yaml:"free"`
	// Percent that is used; PercentFree that is not.
	Percent     OID `yaml:"percent"`
	PercentFree OID `yaml:"percent_free"`
	// Unit names a column that holds the bytes in a unit.
	Unit string `yaml:"unit"`
}

// Memory is a pool of memory.
type Memory struct {
	Rows    `yaml:",inline"`
	Amounts `yaml:",inline"`
	Class   string `yaml:"class" enum:"system,buffers,cached,virtual,shared,swap"`
}

// Storage is a volume or a disk.
type Storage struct {
	Rows    `yaml:",inline"`
	Amounts `yaml:",inline"`
	Type    string `yaml:"type"`
}

// Sensor is a measured value; with States the word of a number.
type Sensor struct {
	Rows  `yaml:",inline"`
	Class string `yaml:"class" required:"true" enum:"temperature,voltage,current,power,fan_speed,humidity,frequency,charge,load,runtime,dbm,state,percent,count"`
	Unit  string `yaml:"unit" enum:"celsius,volt,ampere,watt,rpm,percent,hertz,second,dbm,decibel,meter"`
	Value OID    `yaml:"value" required:"true"`
	// Offset is added after scaling.
	Offset float64 `yaml:"offset"`
	// Precision names a column with the number of decimal places, Factor one that
	// the value is multiplied by.
	Precision string `yaml:"precision"`
	Factor    string `yaml:"factor"`
	// Pattern takes the number out of a text by its first group.
	Pattern Pattern `yaml:"pattern"`
	// Min and Max are the range that is plausible after scaling.
	Min    *float64          `yaml:"min"`
	Max    *float64          `yaml:"max"`
	States map[string]string `yaml:"states"`
}

// Neighbor is a row of a vendor's discovery protocol. All are texts with columns.
type Neighbor struct {
	Rows          `yaml:",inline"`
	Each          OID    `yaml:"each" required:"true"`
	Protocol      string `yaml:"protocol" required:"true"`
	LocalIfIndex  string `yaml:"local_if_index" required:"true"`
	RemoteName    string `yaml:"remote_name" required:"true"`
	RemotePort    string `yaml:"remote_port"`
	RemoteMAC     string `yaml:"remote_mac"`
	RemoteAddress string `yaml:"remote_address"`
	RemoteDescr   string `yaml:"remote_descr"`
}

// Metric is a further value for graphs.
type Metric struct {
	Rows   `yaml:",inline"`
	Name   string            `yaml:"name" required:"true"`
	Type   string            `yaml:"type" required:"true" enum:"counter,gauge"`
	Help   string            `yaml:"help"`
	Value  OID               `yaml:"value" required:"true"`
	Labels map[string]string `yaml:"labels"`
	// Factor names a column that the value is multiplied by, Precision one with the
	// number of decimal places.
	Factor    string  `yaml:"factor"`
	Precision string  `yaml:"precision"`
	Pattern   Pattern `yaml:"pattern"`
	// Unless names rows of the profile, processors or memories, that tell the same
	// better; the metric is left out when there are such.
	Unless string `yaml:"unless" enum:"processors,memories"`
}

// Trap is the name of a notification.
type Trap struct {
	OID  OID    `yaml:"oid" required:"true"`
	Name string `yaml:"name" required:"true"`
	// Means is one sentence on what it says.
	Means string `yaml:"means"`
	// State is how bad that is; empty when the trap alone does not tell.
	State string `yaml:"state" enum:"ok,warning,critical"`
}

// Object is the name of a value in a notification; what follows the OID is the index.
type Object struct {
	OID  OID    `yaml:"oid" required:"true"`
	Name string `yaml:"name" required:"true"`
	// Values are the words for its numbers.
	Values map[string]string `yaml:"values"`
}

// OID is a dotted number of at least two arcs.
type OID string

func (o OID) oid() snmp.OID { return snmp.OID(o) }
