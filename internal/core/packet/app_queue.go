package packet

import (
	"bytes"
	"fmt"
	"strconv"
)

var (
	fRESP      = def(Protocol, "resp", "Redis")
	fRESPText  = def(Text, "resp.string", "Text")
	fRESPError = def(Text, "resp.error", "Error")
	fRESPInt   = def(Int, "resp.integer", "Number")
	fRESPBulk  = def(Bytes, "resp.bulk_string.value", "Bulk text")
	fRESPArray = def(Uint, "resp.array_length", "Elements")
)

var redisApp = &streamApp{name: "redis", read: redisRead, guess: func(v view) bool {
	if v.len() < 4 || v.b[0] != '*' {
		return false
	}
	end, _, ok := v.line(0)
	return ok && end > 1 && end < 8 && v.b[1] >= '1' && v.b[1] <= '9'
}}

// redisEnd finds the end of a value (the RESP protocol of Redis); 0: not whole.
func redisEnd(v view, at, depth int) (int, bool) {
	if depth > 16 {
		return 0, false
	}
	if at >= v.len() {
		return 0, true
	}
	end, next, ok := v.line(at)
	if !ok {
		return 0, v.len()-at < mostLine
	}
	kind := v.b[at]
	switch kind {
	case '+', '-', ':', '_', '#', ',', '(':
		return next, true
	case '$', '=', '!':
		n, err := strconv.Atoi(string(v.b[at+1 : end]))
		if err != nil || n > 512<<20 {
			return 0, false
		}
		if n < 0 {
			return next, true
		}
		if next+n+2 > v.len() {
			return 0, true
		}
		return next + n + 2, true
	case '*', '~', '>', '%':
		n, err := strconv.Atoi(string(v.b[at+1 : end]))
		if err != nil || n > 1<<20 {
			return 0, false
		}
		if kind == '%' {
			n *= 2
		}
		at = next
		for range n {
			if at, ok = redisEnd(v, at, depth+1); at == 0 {
				return 0, ok
			}
		}
		return at, true
	}
	return 0, false
}

func redisRead(x *dissection, v view) int {
	n, ok := redisEnd(v, 0, 0)
	if n == 0 {
		if !ok {
			return notMine
		}
		return 0
	}
	v = v.sub(0, n)
	i := x.head(fRESP, v, "redis")
	x.Info = ""
	for at, count := 0, 0; at < n && count < 1000; count++ {
		end, next, _ := v.line(at)
		switch v.b[at] {
		case '+':
			x.redisInfo(x.part(fRESPText, v, at+1, end-at-1))
		case '-':
			x.redisInfo(x.part(fRESPError, v, at+1, end-at-1))
		case ':':
			k, _ := strconv.ParseInt(string(v.b[at+1:end]), 10, 64)
			x.val(fRESPInt, v, at+1, end-at-1, uint64(k))
		case '$', '=', '!':
			k, _ := strconv.Atoi(string(v.b[at+1 : end]))
			if k >= 0 {
				x.redisInfo(x.part(fRESPBulk, v, next, k))
				next += k + 2
			}
		case '*', '~', '>', '%':
			k, _ := strconv.Atoi(string(v.b[at+1 : end]))
			x.val(fRESPArray, v, at+1, end-at-1, uint64(max(k, 0)))
		}
		at = next
	}
	x.close(i)
	return n
}

func (x *dissection) redisInfo(b []byte) {
	if len(x.Info) > 100 {
		return
	}
	if x.Info != "" {
		x.Info += " "
	}
	if x.Info == "AUTH " {
		x.find(Finding{FindClearPassword, "Redis"})
		x.Info += "…"
		return
	}
	x.Info += printable(b)
}

var (
	fMQTT       = def(Protocol, "mqtt", "MQTT")
	fMQTTFlags  = hexDef(2, "mqtt.hdrflags", "Header")
	fMQTTType   = def(Uint, "mqtt.msgtype", "Message").named(mqttTypes)
	fMQTTQoS    = def(Uint, "mqtt.qos", "Quality of service")
	fMQTTRetain = def(Bool, "mqtt.retain", "Retain")
	fMQTTDup    = def(Bool, "mqtt.dupflag", "Duplicate")
	fMQTTLen    = def(Uint, "mqtt.len", "Length")
	fMQTTTopic  = def(Text, "mqtt.topic", "Topic")
	fMQTTMsg    = def(Bytes, "mqtt.msg", "Message")
	fMQTTID     = def(Uint, "mqtt.msgid", "Message number")
	fMQTTClient = def(Text, "mqtt.clientid", "Client")
	fMQTTUser   = def(Text, "mqtt.username", "User")
	fMQTTVer    = def(Uint, "mqtt.ver", "Version").named(map[uint64]string{3: "3.1", 4: "3.1.1", 5: "5.0"})
	fMQTTKeep   = def(Uint, "mqtt.kalive", "Keep-alive in seconds")
	fMQTTReturn = def(Uint, "mqtt.conack.val", "Return code")
)

var mqttTypes = map[uint64]string{
	1: "Connect", 2: "Connect ack", 3: "Publish", 4: "Publish ack", 5: "Publish received", 6: "Publish release",
	7: "Publish complete", 8: "Subscribe", 9: "Subscribe ack", 10: "Unsubscribe", 11: "Unsubscribe ack", 12: "Ping request", 13: "Ping response", 14: "Disconnect", 15: "Auth",
}

type mqttState struct{ version uint64 }

var mqttApp = &streamApp{name: "mqtt", read: mqttRead, guess: func(v view) bool {
	return v.len() > 10 && v.b[0] == 0x10 && (bytes.Equal(v.b[2:8], []byte("\x00\x04MQTT")) || bytes.Equal(v.b[3:9], []byte("\x00\x04MQTT")) || bytes.Equal(v.b[2:8], []byte("\x00\x06MQIs")))
}}

// mqttLength reads a length of one to four bytes; -1: more bytes are needed.
func mqttLength(v view, at int) (n, size int) {
	for k := range 4 {
		if at+k >= v.len() {
			return -1, 0
		}
		c := int(v.b[at+k])
		n |= c & 0x7f << (7 * k)
		if c&0x80 == 0 {
			return n, k + 1
		}
	}
	return 0, 0
}

func mqttRead(x *dissection, v view) int {
	kind := uint64(v.u8(0) >> 4)
	n, size := mqttLength(v, 1)
	if n < 0 {
		return 0
	}
	if size == 0 || kind == 0 {
		return notMine
	}
	head := 1 + size
	if v.len() < head+n {
		return 0
	}
	v = v.sub(0, head+n)
	i := x.head(fMQTT, v, "mqtt")
	x.num(fMQTTFlags, v, 0, 1)
	x.val(fMQTTType, v, 0, 1, kind)
	x.Info = mqttTypes[kind]
	flags := v.u8(0)
	if kind == 3 {
		x.flag(fMQTTDup, v, 0, 1, flags&8 != 0)
		x.val(fMQTTQoS, v, 0, 1, uint64(flags>>1&3))
		x.flag(fMQTTRetain, v, 0, 1, flags&1 != 0)
	}
	x.val(fMQTTLen, v, 1, size, uint64(n))
	st, _ := x.conv.state.(*mqttState)
	if st == nil {
		st = &mqttState{}
		x.conv.state = st
	}
	x.mqttBody(st, kind, flags, v.from(head))
	x.close(i)
	return head + n
}

func (x *dissection) mqttText(d *Def, b view, at int) (text []byte, next int) {
	n := int(b.u16(at))
	return x.part(d, b, at+2, n), at + 2 + n
}

func (x *dissection) mqttProperties(st *mqttState, b view, at int) int {
	if st.version < 5 {
		return at
	}
	n, size := mqttLength(b, at)
	return at + size + max(n, 0)
}

func (x *dissection) mqttBody(st *mqttState, kind uint64, flags byte, b view) {
	switch kind {
	case 1:
		at := 2 + int(b.u16(0))
		st.version = x.num(fMQTTVer, b, at, 1)
		connect := b.u8(at + 1)
		x.num(fMQTTKeep, b, at+2, 2)
		at = x.mqttProperties(st, b, at+4)
		id, at := x.mqttText(fMQTTClient, b, at)
		x.Info += " " + printable(id)
		if connect&4 != 0 { // will
			at = x.mqttProperties(st, b, at)
			at += 2 + int(b.u16(at))
			at += 2 + int(b.u16(at))
		}
		if connect&0x80 != 0 {
			user, _ := x.mqttText(fMQTTUser, b, at)
			if connect&0x40 != 0 {
				x.find(Finding{FindClearPassword, "MQTT, user " + printable(user)})
			}
		}
	case 2:
		x.num(fMQTTReturn, b, 1, 1)
	case 3:
		topic, at := x.mqttText(fMQTTTopic, b, 0)
		x.Info += " " + printable(topic)
		if flags>>1&3 > 0 {
			x.num(fMQTTID, b, at, 2)
			at += 2
		}
		at = x.mqttProperties(st, b, at)
		x.part(fMQTTMsg, b, at, b.len()-at)
	case 4, 5, 6, 7, 9, 11:
		x.num(fMQTTID, b, 0, 2)
	case 8, 10:
		x.num(fMQTTID, b, 0, 2)
		for at := x.mqttProperties(st, b, 2); at < b.len(); {
			var topic []byte
			topic, at = x.mqttText(fMQTTTopic, b, at)
			x.Info += fmt.Sprintf(" %s", printable(topic))
			if kind == 8 {
				at++
			}
		}
	}
}
