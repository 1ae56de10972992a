package device

import (
	"strings"

	"github.com/mainstay-ops/mainstay/internal/core/snmp"
)

// system reads the system group (RFC 3418). A device that does not answer here is
// an error; one that answers with nothing is read on.
func (r *reader) system() error {
	const sys = "1.3.6.1.2.1.1."
	v, err := r.s.Get(r.ctx, sys+"1.0", sys+"2.0", sys+"3.0", sys+"4.0", sys+"5.0", sys+"6.0")
	if err != nil {
		return err
	}
	it := &r.d.Item
	it.SysDescr, it.SysObjectID = v[0].Text(), v[1].Text()
	if t, ok := v[2].Number(); ok {
		it.UptimeSeconds = t / 100
	}
	it.Contact, it.Name, it.Location = v[3].Text(), v[4].Text(), v[5].Text()
	if it.Name == "" {
		it.Name = r.opt.Address
	}
	return nil
}

// identify says what can be said of any device: from the chassis of ENTITY-MIB and
// from what the device offers.
func (r *reader) identify() {
	it := &r.d.Item
	for _, p := range r.d.Parts {
		if p.Class != "chassis" && p.Class != "stack" {
			continue
		}
		fill(&it.Model, p.Model)
		fill(&it.Serial, p.Serial)
		fill(&it.Vendor, p.Vendor)
		fill(&it.Version, p.SoftwareRev)
		if p.Class == "chassis" && it.Serial != "" && it.Model != "" {
			break
		}
	}
	os, rest, _ := strings.Cut(it.SysDescr, " ")
	words := strings.Fields(rest)
	// uname -a: the system, the host, the release.
	if (os == "Linux" || os == "FreeBSD" || os == "OpenBSD" || os == "NetBSD" || os == "Darwin" || os == "SunOS") && len(words) >= 2 {
		fill(&it.OS, strings.ToLower(os))
		fill(&it.OSName, os)
		fill(&it.Version, words[1])
		fill(&it.Kind, "host")
	}
	if it.Kind == "" {
		it.Kind = "network_device"
	}
}

// fill sets what is still empty. Words that stand for nothing do not count.
func fill(to *string, v string) {
	switch strings.ToLower(v) {
	case "", "n/a", "na", "none", "unknown", "not available", "not specified", "0", "-":
		return
	}
	if *to == "" {
		*to = v
	}
}

var partClasses = map[int64]string{
	1: "other", 2: "unknown", 3: "chassis", 4: "backplane", 5: "container", 6: "powerSupply", 7: "fan",
	8: "sensor", 9: "module", 10: "port", 11: "stack", 12: "cpu", 13: "energyObject", 14: "battery", 15: "storageDrive",
}

// parts reads entPhysicalTable of ENTITY-MIB (RFC 6933).
func (r *reader) parts() {
	t := r.table("parts", "1.3.6.1.2.1.47.1.1.1.1", 2, 4, 5, 7, 8, 9, 10, 11, 12, 13)
	for _, i := range t.order {
		r.d.Parts = append(r.d.Parts, Part{
			Index: arcs(i)[0], ContainedIn: t.int(i, 4), Class: partClasses[t.int(i, 5)],
			Name: t.text(i, 7), Descr: t.text(i, 2), Model: t.text(i, 13), Serial: t.text(i, 11),
			HardwareRev: t.text(i, 8), FirmwareRev: t.text(i, 9), SoftwareRev: t.text(i, 10), Vendor: t.text(i, 12),
		})
	}
}

// number gives the value of a single or of a column, where there is one.
func number(v snmp.Var) (float64, bool) {
	if v.Kind == snmp.Missing {
		return 0, false
	}
	return v.Number()
}
