package packet

import (
	"bytes"
	"strconv"
	"strings"
)

var (
	fSyslog         = def(Protocol, "syslog", "Syslog")
	fSyslogFacility = def(Uint, "syslog.facility", "Facility")
	fSyslogLevel    = def(Uint, "syslog.level", "Level")
	fSyslogMsg      = def(Text, "syslog.msg", "Message")
)

var syslogApp = &datagramApp{name: "syslog", read: func(x *dissection, v view) bool {
	end := bytes.IndexByte(v.b[:min(v.len(), 6)], '>')
	if v.len() < 3 || v.b[0] != '<' || end < 2 {
		return false
	}
	n, err := strconv.ParseUint(string(v.b[1:end]), 10, 16)
	if err != nil || n > 191 {
		return false
	}
	i := x.head(fSyslog, v, "syslog")
	x.val(fSyslogFacility, v, 1, end-1, n>>3)
	x.val(fSyslogLevel, v, 1, end-1, n&7)
	x.Info = printable(x.part(fSyslogMsg, v, end+1, v.len()-end-1))
	x.close(i)
	return true
}}

var (
	fSIP        = def(Protocol, "sip", "Session initiation")
	fSIPLine    = def(Text, "sip.Request-Line", "Request line")
	fSIPStatusL = def(Text, "sip.Status-Line", "Status line")
	fSIPMethod  = def(Text, "sip.Method", "Method")
	fSIPStatus  = def(Uint, "sip.Status-Code", "Status")
	fSIPFrom    = def(Text, "sip.From", "From")
	fSIPTo      = def(Text, "sip.To", "To")
	fSIPCallID  = def(Text, "sip.Call-ID", "Call")
	fSIPAgent   = def(Text, "sip.User-Agent", "User agent")
	fSIPCSeq    = def(Text, "sip.CSeq", "Sequence")
	fSIPURI     = def(Text, "sip.r-uri", "Address")
	fSDP        = def(Protocol, "sdp", "Session description")
	fSDPMedia   = def(Text, "sdp.media", "Media")
	fSDPConn    = def(Text, "sdp.connection_info", "Connection")
)

var sipMethods = []string{"INVITE ", "ACK ", "BYE ", "CANCEL ", "OPTIONS ", "REGISTER ", "PRACK ", "SUBSCRIBE ", "NOTIFY ", "PUBLISH ", "INFO ", "REFER ", "MESSAGE ", "UPDATE "}

func isSIP(v view) bool {
	if bytes.HasPrefix(v.b, []byte("SIP/2.0 ")) {
		return true
	}
	for _, m := range sipMethods {
		if bytes.HasPrefix(v.b, []byte(m)) {
			line, _, _ := bytes.Cut(v.b[:min(v.len(), 1024)], []byte("\n"))
			return bytes.Contains(line, []byte(" SIP/2.0"))
		}
	}
	return false
}

var (
	sipApp       = &datagramApp{name: "sip", guess: isSIP, read: func(x *dissection, v view) bool { return sipMessage(x, v) > 0 }}
	sipStreamApp = &streamApp{name: "sip", guess: isSIP, begins: isSIP, read: func(x *dissection, v view) int {
		end := headEnd(v.b, 0)
		if end < 0 {
			if v.len() > mostLine {
				return notMine
			}
			return 0
		}
		h, ok := httpStart(v, end)
		if !ok {
			return notMine
		}
		n := end + int(max(h.length, 0))
		if h.length > mostLine {
			return notMine
		}
		if n > v.len() {
			return 0
		}
		return sipMessage(x, v.sub(0, n))
	}}
)

var sipHeaders = map[string]*Def{"from": fSIPFrom, "f": fSIPFrom, "to": fSIPTo, "t": fSIPTo, "call-id": fSIPCallID, "i": fSIPCallID, "user-agent": fSIPAgent, "cseq": fSIPCSeq}

func sipMessage(x *dissection, v view) int {
	end, at, ok := v.line(0)
	if !ok {
		return 0
	}
	i := x.head(fSIP, v, "sip")
	first := v.b[:end]
	x.Info = printable(first)
	w, second := words(first)
	if bytes.HasPrefix(first, []byte("SIP/2.0 ")) {
		x.part(fSIPStatusL, v, 0, end)
		if code, ok := digits(first[second:]); ok {
			x.val(fSIPStatus, v, second, 3, code)
		}
	} else {
		x.part(fSIPLine, v, 0, end)
		x.part(fSIPMethod, v, 0, w)
		n, _ := words(first[second:])
		x.part(fSIPURI, v, second, n)
	}
	for at < v.len() {
		e, next, ok := v.line(at)
		if !ok {
			break
		}
		if e == at {
			at = next
			break
		}
		if c := bytes.IndexByte(v.b[at:e], ':'); c > 0 {
			if d := sipHeaders[strings.ToLower(strings.TrimSpace(string(v.b[at:at+c])))]; d != nil {
				from := at + c + 1
				for from < e && v.b[from] == ' ' {
					from++
				}
				x.part(d, v, from, e-from)
			}
		}
		at = next
	}
	x.end(i, v, at)
	if at < v.len() && bytes.HasPrefix(v.b[at:], []byte("v=")) {
		s := x.open(fSDP, v.from(at))
		for at < v.len() {
			e, next, ok := v.line(at)
			if !ok {
				e, next = v.len(), v.len()
			}
			switch {
			case bytes.HasPrefix(v.b[at:e], []byte("m=")):
				x.part(fSDPMedia, v, at+2, e-at-2)
			case bytes.HasPrefix(v.b[at:e], []byte("c=")):
				x.part(fSDPConn, v, at+2, e-at-2)
			}
			at = next
		}
		x.close(s)
	}
	return v.len()
}
