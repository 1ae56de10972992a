package packet

import (
	"fmt"
	"net/netip"
	"strings"
	"time"
)

var (
	fDNS        = def(Protocol, "dns", "Domain name system")
	fMDNS       = def(Protocol, "mdns", "Multicast DNS")
	fLLMNR      = def(Protocol, "llmnr", "Link-local name resolution")
	fNBNS       = def(Protocol, "nbns", "NetBIOS name service")
	fDNSLen     = def(Uint, "dns.length", "Length")
	fDNSID      = hexDef(4, "dns.id", "Transaction")
	fDNSFlags   = hexDef(4, "dns.flags", "Flags")
	fDNSResp    = def(Bool, "dns.flags.response", "Response")
	fDNSOpcode  = def(Uint, "dns.flags.opcode", "Operation").named(map[uint64]string{0: "query", 1: "inverse query", 2: "status", 4: "notify", 5: "update"})
	fDNSAuth    = def(Bool, "dns.flags.authoritative", "Authoritative")
	fDNSTrunc   = def(Bool, "dns.flags.truncated", "Truncated")
	fDNSRD      = def(Bool, "dns.flags.recdesired", "Recursion desired")
	fDNSRA      = def(Bool, "dns.flags.recavail", "Recursion available")
	fDNSAD      = def(Bool, "dns.flags.authenticated", "Authenticated")
	fDNSCD      = def(Bool, "dns.flags.checkdisable", "Checking disabled")
	fDNSRcode   = def(Uint, "dns.flags.rcode", "Reply code").named(dnsCodes)
	fDNSQueries = def(Uint, "dns.count.queries", "Questions")
	fDNSAnswers = def(Uint, "dns.count.answers", "Answers")
	fDNSAuths   = def(Uint, "dns.count.auth_rr", "Authority records")
	fDNSAdds    = def(Uint, "dns.count.add_rr", "Additional records")
	fDNSQName   = def(Text, "dns.qry.name", "Name")
	fDNSQType   = def(Uint, "dns.qry.type", "Type").named(dnsTypes)
	fDNSQClass  = hexDef(4, "dns.qry.class", "Class")
	fDNSRName   = def(Text, "dns.resp.name", "Name")
	fDNSRType   = def(Uint, "dns.resp.type", "Type").named(dnsTypes)
	fDNSRClass  = hexDef(4, "dns.resp.class", "Class")
	fDNSTTL     = def(Uint, "dns.resp.ttl", "Time to live")
	fDNSRLen    = def(Uint, "dns.resp.len", "Data length")
	fDNSA       = def(IPv4, "dns.a", "Address")
	fDNSAAAA    = def(IPv6, "dns.aaaa", "Address")
	fDNSCNAME   = def(Text, "dns.cname", "Canonical name")
	fDNSNS      = def(Text, "dns.ns", "Name server")
	fDNSPTR     = def(Text, "dns.ptr.domain_name", "Name")
	fDNSMXPref  = def(Uint, "dns.mx.preference", "Preference")
	fDNSMX      = def(Text, "dns.mx.mail_exchange", "Mail exchange")
	fDNSTXT     = def(Text, "dns.txt", "Text")
	fDNSSOAName = def(Text, "dns.soa.mname", "Primary name server")
	fDNSSOAMail = def(Text, "dns.soa.rname", "Responsible mailbox")
	fDNSSOASer  = def(Uint, "dns.soa.serial_number", "Serial number")
	fDNSSOARef  = def(Uint, "dns.soa.refresh_interval", "Refresh interval")
	fDNSSOARet  = def(Uint, "dns.soa.retry_interval", "Retry interval")
	fDNSSOAExp  = def(Uint, "dns.soa.expire_limit", "Expire limit")
	fDNSSOAMin  = def(Uint, "dns.soa.minimum_ttl", "Minimum time to live")
	fDNSSRVPrio = def(Uint, "dns.srv.priority", "Priority")
	fDNSSRVW    = def(Uint, "dns.srv.weight", "Weight")
	fDNSSRVPort = def(Uint, "dns.srv.port", "Port")
	fDNSSRV     = def(Text, "dns.srv.target", "Target")
	fDNSCAAFlag = hexDef(2, "dns.caa.flags", "Flags")
	fDNSCAATag  = def(Text, "dns.caa.tag", "Tag")
	fDNSCAA     = def(Text, "dns.caa.value", "Value")
	fDNSSvcPrio = def(Uint, "dns.svcb.svcpriority", "Priority")
	fDNSSvcName = def(Text, "dns.svcb.targetname", "Target")
	fDNSKeyAlg  = def(Uint, "dns.dnskey.algorithm", "Algorithm")
	fDNSKeyFlag = hexDef(4, "dns.dnskey.flags", "Flags")
	fDNSPayload = def(Uint, "dns.rr.udp_payload_size", "Largest datagram")
	fDNSData    = def(Bytes, "dns.data", "Data")
	fDNSTime    = def(Duration, "dns.time", "Time until the answer")
	fDNSRespTo  = def(Uint, "dns.response_to", "Answer to frame")
	fDNSRepeat  = def(Bool, "dns.retransmission", "Asked again")
)

var dnsCodes = map[uint64]string{
	0: "no error", 1: "format error", 2: "server failure", 3: "no such name", 4: "operation not known", 5: "refused",
	6: "name exists", 7: "records exist", 8: "records do not exist", 9: "not authoritative", 10: "not in zone",
}

var dnsTypes = map[uint64]string{
	1: "A", 2: "NS", 5: "CNAME", 6: "SOA", 12: "PTR", 13: "HINFO", 15: "MX", 16: "TXT", 28: "AAAA", 29: "LOC", 33: "SRV", 35: "NAPTR",
	39: "DNAME", 41: "OPT", 43: "DS", 44: "SSHFP", 46: "RRSIG", 47: "NSEC", 48: "DNSKEY", 50: "NSEC3", 51: "NSEC3PARAM", 52: "TLSA", 64: "SVCB", 65: "HTTPS",
	99: "SPF", 249: "TKEY", 250: "TSIG", 251: "IXFR", 252: "AXFR", 255: "ANY", 257: "CAA",
}

var (
	dnsApp   = &datagramApp{name: "dns", read: func(x *dissection, v view) bool { return dns(x, v, fDNS, "dns") }}
	mdnsApp  = &datagramApp{name: "mdns", read: func(x *dissection, v view) bool { return dns(x, v, fMDNS, "mdns") }}
	llmnrApp = &datagramApp{name: "llmnr", read: func(x *dissection, v view) bool { return dns(x, v, fLLMNR, "llmnr") }}
	nbnsApp  = &datagramApp{name: "nbns", read: func(x *dissection, v view) bool { return dns(x, v, fNBNS, "nbns") }}

	dnsStreamApp = &streamApp{name: "dns", read: dnsStream, guess: func(v view) bool { return v.len() >= 2 }}
)

func dnsStream(x *dissection, v view) int {
	if v.len() < 2 {
		return 0
	}
	n := int(v.u16(0))
	if n < 12 {
		return notMine
	}
	if v.len() < 2+n {
		return 0
	}
	at := len(x.Fields)
	dns(x, v.sub(2, 2+n), fDNS, "dns")
	if at < len(x.Fields) {
		x.depth++
		x.num(fDNSLen, v, 0, 2)
		x.depth--
	}
	return 2 + n
}

// dnsState is what a conversation remembers of questions.
type dnsState struct{ asked map[uint16]dnsAsked }

type dnsAsked struct {
	at       time.Time
	frame    int
	answered bool
}

// dns reads a message (RFC 1035, 4).
func dns(x *dissection, v view, d *Def, name string) bool {
	if v.len() < 12 {
		return false
	}
	i := x.head(d, v, name)
	id := uint16(x.num(fDNSID, v, 0, 2))
	flags := x.num(fDNSFlags, v, 2, 2)
	response := flags&0x8000 != 0
	x.flag(fDNSResp, v, 2, 2, response)
	opcode := flags >> 11 & 15
	x.val(fDNSOpcode, v, 2, 2, opcode)
	if response {
		x.flag(fDNSAuth, v, 2, 2, flags&0x400 != 0)
	}
	x.flag(fDNSTrunc, v, 2, 2, flags&0x200 != 0)
	x.flag(fDNSRD, v, 2, 2, flags&0x100 != 0)
	if response {
		x.flag(fDNSRA, v, 2, 2, flags&0x80 != 0)
		x.flag(fDNSAD, v, 2, 2, flags&0x20 != 0)
	}
	x.flag(fDNSCD, v, 2, 2, flags&0x10 != 0)
	code := flags & 15
	if response {
		x.val(fDNSRcode, v, 2, 2, code)
	}
	counts := [4]int{}
	for k, f := range []*Def{fDNSQueries, fDNSAnswers, fDNSAuths, fDNSAdds} {
		counts[k] = int(x.num(f, v, 4+2*k, 2))
	}
	at := 12
	var question, kind string
	for q := 0; q < counts[0]; q++ {
		s, next := dnsName(v, at)
		x.text(fDNSQName, v, at, next-at, s)
		t := x.num(fDNSQType, v, next, 2)
		x.num(fDNSQClass, v, next+2, 2)
		at = next + 4
		if q == 0 {
			question, kind = s, dnsType(t)
		}
	}
	var answers []string
	for section := 1; section < 4; section++ {
		for range counts[section] {
			var s string
			s, at = x.dnsRecord(v, at)
			if section == 1 && len(answers) < 4 {
				answers = append(answers, s)
			}
		}
	}
	x.dnsTimes(id, response, code, question, name)
	word := "Query"
	if response {
		word = "Answer"
	}
	x.Info = fmt.Sprintf("%s 0x%04x %s %s", word, id, kind, printable([]byte(question)))
	if response && code != 0 {
		x.Info += ", " + dnsCodes[code]
	}
	if len(answers) > 0 {
		x.Info += ": " + strings.Join(answers, ", ")
	}
	x.end(i, v, at)
	return true
}

func dnsType(t uint64) string {
	if s := dnsTypes[t]; s != "" {
		return s
	}
	return fmt.Sprintf("TYPE%d", t)
}

// dnsTimes matches answers with questions.
func (x *dissection) dnsTimes(id uint16, response bool, code uint64, question, name string) {
	const most, slow = 256, 200 * time.Millisecond
	if x.conv == nil || name == "mdns" {
		return
	}
	s, _ := x.conv.state.(*dnsState)
	if s == nil {
		s = &dnsState{asked: map[uint16]dnsAsked{}}
		x.conv.state = s
	}
	a, there := s.asked[id]
	switch {
	case !response && there && !a.answered && x.Time.Sub(a.at) < 30*time.Second:
		x.gen(fDNSRepeat, 1)
		x.find(Finding{FindDNSUnanswered, printable([]byte(question))})
	case !response:
		if len(s.asked) >= most {
			clear(s.asked)
		}
		s.asked[id] = dnsAsked{at: x.Time, frame: x.Number}
	case there && !a.answered:
		took := x.Time.Sub(a.at)
		x.gen(fDNSRespTo, uint64(a.frame))
		x.gen(fDNSTime, uint64(took))
		a.answered = true
		s.asked[id] = a
		if took > slow {
			x.find(Finding{FindDNSSlow, fmt.Sprintf("%s took %d ms", printable([]byte(question)), took.Milliseconds())})
		}
	}
	if response && code != 0 {
		x.find(Finding{FindDNSError, fmt.Sprintf("%s: %s", printable([]byte(question)), dnsCodes[code])})
	}
}

func (x *dissection) dnsRecord(v view, at int) (answer string, end int) {
	name, next := dnsName(v, at)
	x.text(fDNSRName, v, at, next-at, name)
	kind := x.num(fDNSRType, v, next, 2)
	if kind == 41 { // of EDNS: its class and time to live mean something else (RFC 6891)
		x.num(fDNSPayload, v, next+2, 2)
	} else {
		x.num(fDNSRClass, v, next+2, 2)
		x.num(fDNSTTL, v, next+4, 4)
	}
	n := int(x.num(fDNSRLen, v, next+8, 2))
	at = next + 10
	end = at + n
	r := v.sub(at, end)
	named := func(d *Def, from int) string {
		s, to := dnsName(view{v.b[:end], v.at, v.src}, at+from)
		x.text(d, v, at+from, min(to, end)-at-from, s)
		return s
	}
	answer = dnsType(kind)
	if n == 0 { // of an update: a condition or a deletion
		return answer, end
	}
	switch kind {
	case 1:
		if n == 4 {
			answer = netip.AddrFrom4([4]byte(x.part(fDNSA, r, 0, 4))).String()
		}
	case 28:
		if n == 16 {
			answer = netip.AddrFrom16([16]byte(x.part(fDNSAAAA, r, 0, 16))).String()
		}
	case 2:
		answer = named(fDNSNS, 0)
	case 5:
		answer = named(fDNSCNAME, 0)
	case 12:
		answer = named(fDNSPTR, 0)
	case 15:
		if n > 2 {
			x.num(fDNSMXPref, r, 0, 2)
			answer = named(fDNSMX, 2)
		}
	case 16, 99:
		for k := 0; k < n; {
			size := int(r.u8(k))
			answer = printable(x.part(fDNSTXT, r, k+1, size))
			k += 1 + size
		}
	case 6:
		if n > 0 {
			answer = named(fDNSSOAName, 0)
			_, second := dnsName(v, at)
			named(fDNSSOAMail, second-at)
			_, third := dnsName(v, second)
			for k, d := range []*Def{fDNSSOASer, fDNSSOARef, fDNSSOARet, fDNSSOAExp, fDNSSOAMin} {
				x.num(d, v, third+4*k, 4)
			}
		}
	case 33:
		if n > 6 {
			x.num(fDNSSRVPrio, r, 0, 2)
			x.num(fDNSSRVW, r, 2, 2)
			x.num(fDNSSRVPort, r, 4, 2)
			answer = named(fDNSSRV, 6)
		}
	case 257:
		if n > 2 {
			x.num(fDNSCAAFlag, r, 0, 1)
			size := int(r.u8(1))
			x.part(fDNSCAATag, r, 2, size)
			answer = printable(x.part(fDNSCAA, r, 2+size, n-2-size))
		}
	case 64, 65:
		if n > 2 {
			x.num(fDNSSvcPrio, r, 0, 2)
			answer = named(fDNSSvcName, 2)
		}
	case 48:
		if n > 4 {
			x.num(fDNSKeyFlag, r, 0, 2)
			x.num(fDNSKeyAlg, r, 3, 1)
		}
	default:
		if n > 0 {
			x.part(fDNSData, r, 0, n)
		}
	}
	return answer, end
}

// dnsName reads a name, following its pointers backwards only, and tells where
// the bytes after it begin.
func dnsName(v view, at int) (name string, end int) {
	var b strings.Builder
	limit := at
	jumped := false
	for hops := 0; ; {
		n := int(v.u8(at))
		switch {
		case n == 0:
			if !jumped {
				end = at + 1
			}
			if b.Len() == 0 {
				return "<Root>", end
			}
			return b.String(), end
		case n&0xc0 == 0xc0:
			to := int(v.u16(at) & 0x3fff)
			if !jumped {
				end = at + 2
			}
			if hops++; hops > 32 || to >= limit {
				panic(errShort)
			}
			jumped, at, limit = true, to, to
		case n&0xc0 != 0:
			panic(errShort)
		default:
			if b.Len()+n > 255 {
				panic(errShort)
			}
			if b.Len() > 0 {
				b.WriteByte('.')
			}
			b.Write(v.bytes(at+1, n))
			at += 1 + n
		}
	}
}
