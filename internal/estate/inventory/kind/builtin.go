package kind

// Builtin lists the built-in kinds in the order in which a form shows them.
func Builtin() []Kind {
	list := [][4]string{
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
		{"building", "Building", "building", "A house with floors and rooms."},
		{"floor", "Floor", "stairs", "A floor of a building."},
		{"room", "Room", "door", "A room, in which devices stand."},
		{"location", "Location", "map-pin", "A site, building, room or rack."},
	}
	out := make([]Kind, len(list))
	for n, k := range list {
		out[n] = Kind{Name: k[0], Title: k[1], Icon: k[2], Description: k[3], BuiltIn: true}
	}
	return out
}

// The built-in relation types.
const (
	DependsOn  = "depends_on"
	RunsOn     = "runs_on"
	PartOf     = "part_of"
	ConnectsTo = "connects_to"
	MemberOf   = "member_of"
	LocatedIn  = "located_in"
)

// BuiltinRelations lists the built-in relation types in the order in which they
// are shown.
func BuiltinRelations() []Relation {
	return []Relation{
		{Name: DependsOn, Inverse: "used_by", Title: "depends on", InverseTitle: "is used by", Carries: ToSource, BuiltIn: true, Description: "It needs the other one to work."},
		{Name: RunsOn, Inverse: "runs", Title: "runs on", InverseTitle: "runs", Carries: ToSource, BuiltIn: true, Description: "It lives on the other one."},
		{Name: PartOf, Inverse: "contains", Title: "is part of", InverseTitle: "contains", Carries: ToTarget, BuiltIn: true, Description: "It is a piece of the other one."},
		{Name: ConnectsTo, Inverse: ConnectsTo, Title: "connects to", InverseTitle: "connects to", Carries: Nowhere, BuiltIn: true, Description: "There is a cable or a session between them."},
		{Name: MemberOf, Inverse: "members", Title: "is member of", InverseTitle: "has member", Carries: Nowhere, BuiltIn: true, Description: "It belongs to a group."},
		{Name: LocatedIn, Inverse: "holds", Title: "is in", InverseTitle: "holds", Carries: Nowhere, BuiltIn: true, Description: "It stands in that room or building."},
	}
}

// Circular gives the types of which a circle is refused together with t; nil when
// a circle is no mistake.
func Circular(t string) []string {
	switch t {
	case DependsOn, RunsOn:
		return []string{DependsOn, RunsOn}
	case PartOf:
		return []string{PartOf}
	case LocatedIn:
		return []string{LocatedIn}
	}
	return nil
}
