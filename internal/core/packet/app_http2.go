package packet

import (
	"bytes"
	"fmt"

	"golang.org/x/net/http2/hpack"
)

var (
	fHTTP2       = def(Protocol, "http2", "HTTP/2")
	fHTTP2Magic  = def(Text, "http2.magic", "Preface")
	fHTTP2Len    = def(Uint, "http2.length", "Length")
	fHTTP2Type   = def(Uint, "http2.type", "Frame").named(map[uint64]string{0: "DATA", 1: "HEADERS", 2: "PRIORITY", 3: "RST_STREAM", 4: "SETTINGS", 5: "PUSH_PROMISE", 6: "PING", 7: "GOAWAY", 8: "WINDOW_UPDATE", 9: "CONTINUATION"})
	fHTTP2Flags  = hexDef(2, "http2.flags", "Flags")
	fHTTP2Stream = def(Uint, "http2.streamid", "Stream")
	fHTTP2Name   = def(Text, "http2.header.name", "Header")
	fHTTP2Value  = def(Text, "http2.header.value", "Value")
	fHTTP2Method = def(Text, "http2.headers.method", "Method")
	fHTTP2Path   = def(Text, "http2.headers.path", "Path")
	fHTTP2Status = def(Text, "http2.headers.status", "Status")
	fHTTP2Host   = def(Text, "http2.headers.authority", "Host")
	fHTTP2Data   = def(Bytes, "http2.data.data", "Data")
)

const http2Preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

type http2State struct{ decode [2]*hpack.Decoder }

var http2App = &streamApp{name: "http2", read: http2Read}

// http2Read reads a frame (RFC 9113, 4) of HTTP/2 without encryption.
func http2Read(x *dissection, v view) int {
	if x.dir == 0 && bytes.HasPrefix([]byte(http2Preface), v.b[:min(v.len(), len(http2Preface))]) {
		if v.len() < len(http2Preface) {
			return 0
		}
		i := x.head(fHTTP2, v.upTo(len(http2Preface)), "http2")
		x.part(fHTTP2Magic, v, 0, len(http2Preface))
		x.close(i)
		x.Info = "Preface"
		return len(http2Preface)
	}
	if v.len() < 9 {
		return 0
	}
	n := int(v.num(0, 3))
	if n > 1<<20 {
		return notMine
	}
	if v.len() < 9+n {
		return 0
	}
	st, _ := x.conv.state.(*http2State)
	if st == nil {
		st = &http2State{}
		for i := range st.decode {
			st.decode[i] = hpack.NewDecoder(4096, nil)
			st.decode[i].SetMaxStringLength(64 << 10)
		}
		x.conv.state = st
	}
	v = v.sub(0, 9+n)
	i := x.head(fHTTP2, v, "http2")
	x.num(fHTTP2Len, v, 0, 3)
	kind, flags := x.num(fHTTP2Type, v, 3, 1), x.num(fHTTP2Flags, v, 4, 1)
	x.val(fHTTP2Stream, v, 5, 4, uint64(v.u32(5)&0x7fffffff))
	x.Info = fHTTP2Type.Names[kind]
	b := v.from(9)
	pad := 0
	if (kind == 0 || kind == 1) && flags&8 != 0 {
		pad = int(b.u8(0))
		b = b.from(1)
	}
	if kind == 1 && flags&0x20 != 0 {
		b = b.from(5)
	}
	b = b.sub(0, b.len()-pad)
	switch kind {
	case 0:
		x.part(fHTTP2Data, b, 0, b.len())
	case 1, 9:
		x.http2Headers(st, b)
	}
	x.close(i)
	return 9 + n
}

func (x *dissection) http2Headers(st *http2State, b view) {
	d := st.decode[x.dir]
	count := 0
	d.SetEmitFunc(func(f hpack.HeaderField) {
		if count++; count > 200 {
			return
		}
		x.text(fHTTP2Name, b, 0, b.len(), f.Name)
		x.text(fHTTP2Value, b, 0, b.len(), f.Value)
		switch f.Name {
		case ":method":
			x.text(fHTTP2Method, b, 0, b.len(), f.Value)
			x.Info += " " + printable([]byte(f.Value))
		case ":path":
			x.text(fHTTP2Path, b, 0, b.len(), f.Value)
			x.Info += " " + printable([]byte(f.Value))
		case ":authority":
			x.text(fHTTP2Host, b, 0, b.len(), f.Value)
		case ":status":
			x.text(fHTTP2Status, b, 0, b.len(), f.Value)
			x.Info += fmt.Sprintf(" %s", printable([]byte(f.Value)))
		}
	})
	_, _ = d.Write(b.b) // a header that cannot be read stays as bytes
}
