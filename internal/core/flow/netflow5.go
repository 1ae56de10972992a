package flow

import (
	"encoding/binary"
	"time"
)

const (
	v5Header = 24
	v5Record = 48
)

// v5Fields are the places of a record's values and the elements that mean the same.
var v5Fields = [...]struct {
	id   uint16
	from uint8
	to   uint8
}{
	{8, 0, 4},
	{12, 4, 8},
	{15, 8, 12},
	{10, 12, 14},
	{14, 14, 16},
	{2, 16, 20},
	{1, 20, 24},
	{22, 24, 28},
	{21, 28, 32},
	{7, 32, 34},
	{11, 34, 36},
	{6, 37, 38},
	{4, 38, 39},
	{5, 39, 40},
	{16, 40, 42},
	{17, 42, 44},
	{9, 44, 45},
	{13, 45, 46},
}

// netflow5 reads a datagram of version 5. The header may promise more records
// than there are; those that are there count.
func (r *run) netflow5(b []byte) error {
	if len(b) < v5Header {
		return short("a NetFlow 5 header", len(b), v5Header)
	}
	be := binary.BigEndian
	count, uptime, seq := int(be.Uint16(b[2:])), be.Uint32(b[4:]), be.Uint32(b[16:])
	exported := time.Unix(int64(be.Uint32(b[8:])), int64(be.Uint32(b[12:])%1e9)).UTC()
	src := r.cache.of(Source{r.exporter, NetFlow5, uint32(be.Uint16(b[20:]))}, r.at)
	r.restarted(src, uptime, exported)
	r.sequence(src, seq, uint32(count))
	rec := &r.record
	*rec = Record{
		Source: src.key, Kind: Traffic, Sequence: seq, Exported: exported,
		Uptime: time.Duration(uptime) * time.Millisecond, Sampling: uint64(be.Uint16(b[22:]) & 0x3fff), Fields: rec.Fields[:0],
	}
	rec.Boot = exported.Add(-rec.Uptime)
	body := b[v5Header:]
	for n := 0; n < count && len(body) >= v5Record; n++ {
		rec.Fields = rec.Fields[:0]
		for _, f := range v5Fields {
			rec.add(f.id, body[f.from:f.to])
		}
		rec.add(38, b[20:21])
		rec.add(39, b[21:22])
		if !r.emit(rec) {
			return nil
		}
		body = body[v5Record:]
	}
	return nil
}
