package flow

import (
	"bytes"
	"encoding/json"
	"time"
)

// MarshalJSON writes the record as one flat object: what the datagram says
// about all of its records, then each field under the name of its element.
// Fields without a name stand as "enterprise.number" with their bytes in
// hexadecimal. A field that comes more than once has an array. Start and end
// that are given as uptime of the exporter are added as times of day.
func (r *Record) MarshalJSON() ([]byte, error) {
	head := struct {
		Kind     Kind     `json:"kind"`
		Version  Version  `json:"version"`
		Exporter string   `json:"exporter,omitempty"`
		Domain   uint32   `json:"domain"`
		Template uint16   `json:"template,omitempty"`
		Sequence uint32   `json:"sequence"`
		Exported string   `json:"export_time,omitempty"`
		Uptime   int64    `json:"uptime_ms,omitempty"`
		Sampling uint64   `json:"sampling,omitempty"`
		Scope    []string `json:"scope,omitempty"`
	}{
		Kind: r.Kind, Version: r.Version, Domain: r.Domain, Template: r.Template, Sequence: r.Sequence,
		Uptime: r.Uptime.Milliseconds(), Sampling: r.Sampling,
	}
	if r.Exporter.IsValid() {
		head.Exporter = r.Exporter.String()
	}
	if !r.Exported.IsZero() {
		head.Exported = r.Exported.UTC().Format(time.RFC3339Nano)
	}
	order, values := r.named()
	for i := range r.Fields {
		if r.Fields[i].Scope {
			head.Scope = append(head.Scope, r.Fields[i].Name())
		}
	}
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(head); err != nil {
		return nil, err
	}
	buf.Truncate(bytes.LastIndexByte(buf.Bytes(), '}'))
	for _, name := range order {
		v := values[name]
		buf.WriteString(",")
		if err := enc.Encode(name); err != nil {
			return nil, err
		}
		buf.WriteString(":")
		var one any = v
		if len(v) == 1 {
			one = v[0]
		}
		if err := enc.Encode(one); err != nil {
			return nil, err
		}
	}
	buf.WriteString("}")
	var out bytes.Buffer
	err := json.Compact(&out, buf.Bytes())
	return out.Bytes(), err
}

// headNames are the keys of the object that are not elements. No element of the
// table is called so; TestElementNames holds that.
var headNames = []string{"kind", "version", "exporter", "domain", "template", "sequence", "export_time", "uptime_ms", "sampling", "scope"}

// named gathers the values by name, in the order of the fields.
func (r *Record) named() (order []string, values map[string][]any) {
	values = make(map[string][]any, len(r.Fields)+2)
	put := func(name string, v any) {
		if _, there := values[name]; !there {
			order = append(order, name)
		}
		values[name] = append(values[name], v)
	}
	for i := range r.Fields {
		put(r.Fields[i].Name(), r.Fields[i].Value())
	}
	for _, t := range []struct {
		uptime, at uint16
	}{{22, 152}, {21, 153}} {
		if f := r.Field(t.uptime); f != nil && r.Field(t.at) == nil {
			if v, ok := r.bootTime(f); ok {
				put(LookupElement(0, t.at).Name, timeText(v, Millis))
			}
		}
	}
	return order, values
}

// bootTime turns an uptime of the exporter in milliseconds into a time of day:
// the datagram says both clocks at the moment it was sent. The counter has 32
// bits and starts again after 49.7 days, so the difference is taken in 32 bits.
func (r *Record) bootTime(f *Field) (time.Time, bool) {
	if len(f.Bytes) != 4 {
		return time.Time{}, false
	}
	if r.Version == IPFIX {
		return r.Boot.Add(time.Duration(f.Uint()) * time.Millisecond), !r.Boot.IsZero()
	}
	if r.Exported.IsZero() || r.Version == SFlow5 {
		return time.Time{}, false
	}
	exported := r.Exported
	if r.Version == NetFlow9 {
		// Its header has whole seconds, cut. The end of that second is taken: of
		// all moments at which it can have been sent, this is the last.
		exported = exported.Add(time.Second)
	}
	ago := int32(uint32(r.Uptime.Milliseconds()) - uint32(f.Uint()))
	return exported.Add(-time.Duration(ago) * time.Millisecond), true
}
