package flow

import (
	"net/netip"
	"time"
)

// Version is the kind of datagram that a record came in.
type Version string

// The versions.
const (
	NetFlow5 Version = "netflow5"
	NetFlow9 Version = "netflow9"
	IPFIX    Version = "ipfix"
	SFlow5   Version = "sflow5"
)

// Source is who sends: templates and sampling rates belong to it. Two exporters,
// or two domains of one exporter, may use one template number for two things.
type Source struct {
	Exporter netip.Addr `json:"exporter"`
	Version  Version    `json:"version"`
	Domain   uint32     `json:"domain"` // observation domain, source id, engine or sub-agent
}

// Kind tells traffic from what else exporters send.
type Kind string

// The kinds of records.
const (
	Traffic  Kind = "flow"
	Options  Kind = "options"  // about the exporter: names, sampling, statistics
	Counters Kind = "counters" // of sFlow: totals of one interface or of the device
	Drops    Kind = "drops"    // of sFlow: packets that the device discarded, and why
)

// Record is one record of a datagram. It and its fields are valid until the
// callback returns; Clone keeps it.
type Record struct {
	Source
	Kind     Kind
	Template uint16 // 0: the version has no templates
	Sequence uint32 // of the datagram; of sFlow: of the sample
	Exported time.Time
	// Uptime is how long the exporter ran when it sent this; 0 where the version does not say.
	Uptime time.Duration
	// Boot is when the exporter started, if it said so; IPFIX says it in options data.
	Boot time.Time
	// Sampling is n where one of n packets was looked at; 0 when nobody said.
	Sampling uint64
	Fields   []Field
}

// Field finds the first field with an element of the public registry, or nil.
func (r *Record) Field(id uint16) *Field {
	for i := range r.Fields {
		f := &r.Fields[i]
		if f.ID == id && f.Enterprise == 0 && !(f.Scope && r.Version == NetFlow9) {
			return f
		}
	}
	return nil
}

// Clone copies the record with its bytes.
func (r *Record) Clone() *Record {
	c := *r
	c.Fields = make([]Field, len(r.Fields))
	n := 0
	for i := range r.Fields {
		n += len(r.Fields[i].Bytes)
	}
	buf := make([]byte, 0, n)
	for i, f := range r.Fields {
		from := len(buf)
		buf = append(buf, f.Bytes...)
		f.Bytes = buf[from:len(buf):len(buf)]
		c.Fields[i] = f
	}
	return &c
}

// add appends a field of the public registry.
func (r *Record) add(id uint16, b []byte) {
	r.Fields = append(r.Fields, Field{Element: LookupElement(0, id), ID: id, Bytes: b})
}
