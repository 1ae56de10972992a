package inventory

import (
	"slices"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/strict"
)

// Kind says what sort of thing an item is.
type Kind struct {
	Name  string `json:"name"`
	Title string `json:"title"`
	// Icon is a name of the Tabler icon set.
	Icon        string `json:"icon" doc:"Name in the Tabler icon set."`
	Description string `json:"description"`
}

// Kinds lists the built-in kinds in the order in which a form shows them.
func Kinds() []Kind {
	return []Kind{
		{"service", "Service", "heart-handshake", "What people use and would miss, for example a web shop."},
		{"application", "Application", "app-window", "A program, or several that are deployed together."},
		{"process", "Process", "player-play", "A running program on one host."},
		{"database", "Database", "database", "A database or a database server."},
		{"storage", "Storage", "server-2", "A disk system, a share or a bucket."},
		{"container", "Container", "box", "A container, or a workload made of containers."},
		{"virtual_machine", "Virtual machine", "device-desktop", "A machine on a hypervisor."},
		{"host", "Host", "server", "A physical machine, or one whose hypervisor does not matter."},
		{"cloud_resource", "Cloud resource", "cloud", "Something rented from a cloud by the hour or by use."},
		{"network_device", "Network device", "router", "A switch, router, firewall or access point."},
		{"interface", "Interface", "plug-connected", "A port or a logical interface of a device."},
		{"iot_device", "IoT device", "access-point", "A sensor, meter, camera or controller."},
		{"certificate", "Certificate", "certificate", "A TLS certificate."},
		{"license", "License", "license", "A right to use software, with a number and an end."},
		{"vendor_service", "Vendor service", "building-store", "A service that somebody else runs for us."},
		{"location", "Location", "map-pin", "A site, building, room or rack."},
	}
}

func checkKind(path, kind string) error {
	var names []string
	for _, k := range Kinds() {
		if k.Name == kind {
			return nil
		}
		names = append(names, k.Name)
	}
	slices.Sort(names)
	if kind == "" {
		return errs.Fields(errs.Field{Path: path, Message: "is missing; say what kind of thing it is, for example service or host"})
	}
	return errs.Fields(errs.Field{Path: path, Value: short(kind), Message: "is not a known kind" + strict.DidYouMean(kind, names)})
}

// RelationType joins two items. "a <Name> b" is stored; "b <Inverse> a" is how b
// shows it.
type RelationType struct {
	Name    string
	Inverse string
	// Carries says which way a failure travels.
	Carries direction
}

type direction int

const (
	nowhere direction = iota
	// toFrom: if b stops, a is affected.
	toFrom
	// toTarget: if a stops, b is affected.
	toTarget
)

// The relation types.
const (
	DependsOn  = "depends_on"
	RunsOn     = "runs_on"
	PartOf     = "part_of"
	ConnectsTo = "connects_to"
	MemberOf   = "member_of"
)

// relationTypes lists the types in the order in which they are shown.
func relationTypes() []RelationType {
	return []RelationType{
		{DependsOn, "used_by", toFrom},
		{RunsOn, "runs", toFrom},
		{PartOf, "contains", toTarget},
		{ConnectsTo, ConnectsTo, nowhere},
		{MemberOf, "members", nowhere},
	}
}

func relationType(path, name string) (RelationType, error) {
	var names []string
	for _, t := range relationTypes() {
		if t.Name == name {
			return t, nil
		}
		names = append(names, t.Name)
		if t.Inverse == name {
			return t, errs.Fields(errs.Field{Path: path, Value: name, Message: "is the other side of " + t.Name + "; add " + t.Name + " on the other item"})
		}
	}
	return RelationType{}, errs.Fields(errs.Field{Path: path, Value: short(name), Message: "is not a known relation" + strict.DidYouMean(name, names)})
}

// circular gives the types of which a circle is refused together with t; nil when
// a circle is no mistake.
func circular(t string) []string {
	switch t {
	case DependsOn, RunsOn:
		return []string{DependsOn, RunsOn}
	case PartOf:
		return []string{PartOf}
	}
	return nil
}

func short(s string) string {
	if r := []rune(s); len(r) > 100 {
		return string(r[:100]) + "…"
	}
	return s
}
