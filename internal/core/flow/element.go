package flow

import (
	_ "embed"
	"fmt"
	"strconv"
	"strings"
	"sync"
)

// Type says how the bytes of an element are read. Integers may be shorter than
// the registry says (RFC 7011, 6.2), so their size is not part of the type.
type Type string

// The types of elements.
const (
	Unsigned    Type = "unsigned"
	Signed      Type = "signed"
	Float       Type = "float"
	Bool        Type = "bool"
	IPv4        Type = "ipv4"
	IPv6        Type = "ipv6"
	MAC         Type = "mac"
	Text        Type = "string"
	Octets      Type = "octets"
	Seconds     Type = "s"           // since 1970
	Millis      Type = "ms"          // since 1970
	Micros      Type = "us"          // NTP timestamp: seconds since 1900 and a fraction
	Nanos       Type = "ns"          // NTP timestamp
	Application Type = "application" // RFC 6759: engine and selector
	List        Type = "list"        // RFC 6313; kept as bytes
)

// Element is the meaning of a number in a template.
type Element struct {
	Enterprise uint32 // 0: the registry of the IANA
	ID         uint16
	Type       Type
	Name       string
}

//go:embed elements.csv
var elementsCSV string

type elementKey struct {
	enterprise uint32
	id         uint16
}

// Enterprises with a rule of their own for fields of the way back.
const (
	enterpriseReverse = 29305 // RFC 5103: the same numbers, seen the other way
	enterpriseCERT    = 6871  // the same by bit 14 of the number
	certReverse       = 0x4000
)

var elements = sync.OnceValue(func() map[elementKey]*Element {
	m := map[elementKey]*Element{}
	add := func(e Element) { m[elementKey{e.Enterprise, e.ID}] = &e }
	for line := range strings.Lines(elementsCSV) {
		if line[0] == '#' {
			continue
		}
		p := strings.Split(strings.TrimSpace(line), ",")
		ent, err1 := strconv.ParseUint(p[0], 10, 32)
		id, err2 := strconv.ParseUint(p[1], 10, 16)
		if err1 != nil || err2 != nil || len(p) != 4 {
			panic("flow: bad line in elements.csv: " + line)
		}
		e := Element{uint32(ent), uint16(id), Type(p[2]), p[3]}
		add(e)
		e.Name = "reverse" + strings.ToUpper(p[3][:1]) + p[3][1:]
		switch ent {
		case 0:
			e.Enterprise = enterpriseReverse
			add(e)
		case enterpriseCERT:
			e.ID |= certReverse
			add(e)
		}
	}
	return m
})

// LookupElement gives the element of a number, or nil when it is not known.
func LookupElement(enterprise uint32, id uint16) *Element {
	return elements()[elementKey{enterprise, id}]
}

// Scopes of NetFlow v9 have numbers of their own (RFC 3954, 6.1).
var scopes9 = [...]*Element{
	1: {ID: 1, Type: Unsigned, Name: "scopeSystem"},
	2: {ID: 2, Type: Unsigned, Name: "scopeInterface"},
	3: {ID: 3, Type: Unsigned, Name: "scopeLineCard"},
	4: {ID: 4, Type: Unsigned, Name: "scopeCache"},
	5: {ID: 5, Type: Unsigned, Name: "scopeTemplate"},
}

// named9 are numbers above the registry that exporters use in NetFlow v9, which
// has no enterprise numbers: Cisco ASA, Streamcore and nProbe (57472 and up).
var named9 = sync.OnceValue(func() map[uint16]*Element {
	m := map[uint16]*Element{}
	for _, e := range []Element{
		{ID: 8192, Type: Unsigned, Name: "streamcoreWanRtt"},
		{ID: 8193, Type: Unsigned, Name: "streamcoreNetAppRespTime"},
		{ID: 8194, Type: Unsigned, Name: "streamcoreTotalAppRespTime"},
		{ID: 8195, Type: Unsigned, Name: "streamcoreTcpRetransRate"},
		{ID: 8196, Type: Unsigned, Name: "streamcoreCallDirection"},
		{ID: 8256, Type: Text, Name: "streamcoreHostname"},
		{ID: 8257, Type: Text, Name: "streamcoreUrl"},
		{ID: 8384, Type: Unsigned, Name: "streamcoreIdRule1"},
		{ID: 8385, Type: Unsigned, Name: "streamcoreIdRule2"},
		{ID: 8386, Type: Unsigned, Name: "streamcoreIdRule3"},
		{ID: 8387, Type: Unsigned, Name: "streamcoreIdRule4"},
		{ID: 8388, Type: Unsigned, Name: "streamcoreIdRule5"},
		{ID: 33000, Type: Octets, Name: "ciscoIngressAclId"},
		{ID: 33001, Type: Octets, Name: "ciscoEgressAclId"},
		{ID: 33002, Type: Unsigned, Name: "ciscoFirewallExtendedEvent"},
		{ID: 40000, Type: Text, Name: "ciscoUserName"},
		{ID: 40001, Type: IPv4, Name: "ciscoXlateSourceIPv4Address"},
		{ID: 40002, Type: IPv4, Name: "ciscoXlateDestinationIPv4Address"},
		{ID: 40003, Type: Unsigned, Name: "ciscoXlateSourcePort"},
		{ID: 40004, Type: Unsigned, Name: "ciscoXlateDestinationPort"},
		{ID: 40005, Type: Unsigned, Name: "ciscoFirewallEvent"},
	} {
		m[e.ID] = &e
	}
	// nProbe adds 57472 to its own numbers where it cannot name an enterprise.
	for k, e := range elements() {
		if k.enterprise == 35632 && k.id < 1<<16-57472-1 {
			m[57472+k.id] = &Element{ID: 57472 + k.id, Type: e.Type, Name: e.Name}
		}
	}
	return m
})

// elementOf finds the meaning of a template's field in a version.
func elementOf(v Version, enterprise uint32, id uint16, scope bool) *Element {
	if v != NetFlow9 {
		return LookupElement(enterprise, id)
	}
	if scope {
		if int(id) < len(scopes9) {
			return scopes9[id]
		}
		return nil
	}
	if e := LookupElement(0, id); e != nil {
		return e
	}
	return named9()[id]
}

// fieldName is the element's name, or its number where there is no name.
func fieldName(e *Element, enterprise uint32, id uint16, scope bool) string {
	switch {
	case e != nil:
		return e.Name
	case scope && enterprise == 0: // the numbers of scopes in NetFlow 9 are their own
		return fmt.Sprintf("scope.%d", id)
	}
	return fmt.Sprintf("%d.%d", enterprise, id)
}
