package flow

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"time"
)

const (
	v9Header    = 20
	ipfixHeader = 16
)

// netflow9 reads a datagram of version 9 (RFC 3954).
func (r *run) netflow9(b []byte) error {
	if len(b) < v9Header {
		return short("a NetFlow 9 header", len(b), v9Header)
	}
	be := binary.BigEndian
	uptime, seq := be.Uint32(b[4:]), be.Uint32(b[12:])
	exported := time.Unix(int64(be.Uint32(b[8:])), 0).UTC()
	src := r.cache.of(Source{r.exporter, NetFlow9, be.Uint32(b[16:])}, r.at)
	r.restarted(src, uptime, exported)
	r.sequence(src, seq, 1)
	head := Record{Source: src.key, Sequence: seq, Exported: exported, Uptime: time.Duration(uptime) * time.Millisecond}
	head.Boot = exported.Add(-head.Uptime)
	_, err := r.sets(src, head, b[v9Header:])
	return err
}

// ipfix reads a message of IPFIX (RFC 7011). Bytes behind the length that its
// header gives are not part of it.
func (r *run) ipfix(b []byte) error {
	if len(b) < ipfixHeader {
		return short("an IPFIX header", len(b), ipfixHeader)
	}
	be := binary.BigEndian
	n := int(be.Uint16(b[2:]))
	if n < ipfixHeader {
		return fmt.Errorf("flow: an IPFIX message says that it has %d bytes, which is less than its header", n)
	}
	cut := n > len(b)
	if !cut {
		b = b[:n]
	}
	seq := be.Uint32(b[8:])
	src := r.cache.of(Source{r.exporter, IPFIX, be.Uint32(b[12:])}, r.at)
	head := Record{Source: src.key, Sequence: seq, Exported: time.Unix(int64(be.Uint32(b[4:])), 0).UTC(), Boot: src.boot}
	records, err := r.sets(src, head, b[ipfixHeader:])
	if records >= 0 { // else some are not known, and what comes next neither
		r.sequence(src, seq, uint32(records))
	} else {
		src.started = false
	}
	if err == nil && cut {
		err = short("an IPFIX message", len(b), n)
	}
	return err
}

// sets reads the sets of version 9 and IPFIX, and tells how many data records
// there were; -1 when a template is missing.
func (r *run) sets(src *source, head Record, b []byte) (records int, err error) {
	known := true
	for len(b) >= 4 {
		id, n := binary.BigEndian.Uint16(b), int(binary.BigEndian.Uint16(b[2:]))
		if n == 0 && id == 0 && zero(b) {
			break // filled up with zeros
		}
		if n < 4 {
			return -1, fmt.Errorf("flow: set %d says that it has %d bytes, less than its header", id, n)
		}
		var cut error
		if n > len(b) { // what is there is read
			cut = fmt.Errorf("flow: set %d says that it has %d bytes of %d", id, n, len(b))
			n = len(b)
		}
		body := b[4:n]
		b = b[n:]
		switch {
		case isTemplates(src.key.Version, id):
			err = r.templates(src, id, body)
		case id < 256: // reserved
		default:
			var count int
			count, err = r.data(src, id, body, &head)
			known = known && count >= 0
			records += max(count, 0)
		}
		if err = cmp.Or(err, cut); err != nil {
			return -1, err
		}
	}
	if !known {
		return -1, nil
	}
	return records, nil
}

func zero(b []byte) bool {
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return true
}

func isTemplates(v Version, id uint16) bool {
	if v == NetFlow9 {
		return id == 0 || id == 1
	}
	return id == 2 || id == 3
}

// templates reads a set of templates and then the data that waited for them.
func (r *run) templates(src *source, id uint16, b []byte) error {
	options := id == 1 || id == 3
	for len(b) >= 4 {
		t, rest, err := r.template(src.key.Version, options, b)
		if err != nil {
			return err
		}
		b = rest
		switch {
		case t.id == 0 && len(t.fields) == 0: // padding
			return nil
		case len(t.fields) == 0: // withdrawn (RFC 7011, 8.1)
			r.withdraw(src, t.id, options)
			continue
		case t.id < 256 || !r.usable(t):
			r.cache.stats.Refused++
			continue
		}
		if r.cache.learn(src, t) {
			for _, w := range r.cache.take(src, t.id) {
				if _, err := r.data(src, w.id, w.body, &w.head); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func (r *run) withdraw(src *source, id uint16, options bool) {
	if id != 2 && id != 3 {
		r.cache.forget(src, id)
		return
	}
	for tid, t := range src.templates {
		if t.options == options {
			r.cache.forget(src, tid)
		}
	}
}

// usable tells whether records of a template have at least one byte and not too
// many fields, and sets the fewest bytes of a record.
func (d *Decoder) usable(t *template) bool {
	t.min = 0
	for _, f := range t.fields {
		if f.length == variableLength {
			t.min++
		} else {
			t.min += int(f.length)
		}
	}
	return t.min > 0 && len(t.fields) <= d.cache.limits.Fields
}

// template reads one template record.
func (r *run) template(v Version, options bool, b []byte) (*template, []byte, error) {
	be := binary.BigEndian
	t := &template{id: be.Uint16(b), options: options}
	count, scopes := int(be.Uint16(b[2:])), 0
	b = b[4:]
	if count == 0 && v != NetFlow9 {
		return t, b, nil
	}
	if options {
		if len(b) < 2 {
			return nil, nil, short("an options template", len(b), 2)
		}
		if v == NetFlow9 { // lengths in bytes: of the scopes, of the options
			scopes = count / 4
			count = scopes + int(be.Uint16(b))/4
		} else { // counts: of all fields, of the scopes
			scopes = int(be.Uint16(b))
		}
		b = b[2:]
	}
	if count*4 > len(b) {
		return nil, nil, short(fmt.Sprintf("template %d with %d fields", t.id, count), len(b), count*4)
	}
	t.fields = make([]spec, 0, count)
	for i := range count {
		if len(b) < 4 {
			return nil, nil, short("a field of a template", len(b), 4)
		}
		f := spec{id: be.Uint16(b), length: be.Uint16(b[2:]), scope: i < scopes}
		b = b[4:]
		if v != NetFlow9 && f.id&0x8000 != 0 {
			if len(b) < 4 {
				return nil, nil, short("the enterprise of a field", len(b), 4)
			}
			f.id &= 0x7fff
			f.enterprise = be.Uint32(b)
			b = b[4:]
		}
		f.element = elementOf(v, f.enterprise, f.id, f.scope)
		t.fields = append(t.fields, f)
	}
	return t, b, nil
}

// data reads the records of a set; -1 when its template has not come.
func (r *run) data(src *source, id uint16, b []byte, head *Record) (int, error) {
	t := src.templates[id]
	if t == nil {
		r.cache.wait(src, id, b, head, r.at)
		return -1, nil
	}
	rec := &r.record
	fields := rec.Fields
	*rec = *head
	rec.Kind, rec.Template, rec.Fields = Traffic, id, fields
	if t.options {
		rec.Kind = Options
	}
	n := 0
	for len(b) >= t.min {
		rest, err := rec.fill(t, b)
		if err != nil {
			return n, err
		}
		b = rest
		n++
		if t.options {
			r.learnOptions(src, rec)
		} else {
			rec.Sampling = src.samplingOf(rec)
		}
		if !r.emit(rec) {
			return n, fmt.Errorf("flow: more than %d records in one datagram", r.cache.limits.RecordsPerData)
		}
	}
	return n, nil // what is left is padding
}

// fill reads one record.
func (r *Record) fill(t *template, b []byte) ([]byte, error) {
	r.Fields = r.Fields[:0]
	for i := range t.fields {
		f := &t.fields[i]
		n := int(f.length)
		if n == variableLength {
			if len(b) < 1 {
				return nil, short("a field of variable length", 0, 1)
			}
			n, b = int(b[0]), b[1:]
			if n == 255 {
				if len(b) < 2 {
					return nil, short("a field of variable length", len(b), 2)
				}
				n, b = int(binary.BigEndian.Uint16(b)), b[2:]
			}
		}
		if n > len(b) {
			return nil, short("field "+fieldName(f.element, f.enterprise, f.id, f.scope), len(b), n)
		}
		r.Fields = append(r.Fields, Field{f.element, f.enterprise, f.id, f.scope, b[:n:n]})
		b = b[n:]
	}
	return b, nil
}
