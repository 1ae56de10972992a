package packet

import (
	"bytes"
	"fmt"
)

var (
	fNTP        = def(Protocol, "ntp", "Network time")
	fNTPLeap    = def(Uint, "ntp.flags.li", "Leap indicator")
	fNTPVersion = def(Uint, "ntp.flags.vn", "Version")
	fNTPMode    = def(Uint, "ntp.flags.mode", "Mode").named(map[uint64]string{1: "symmetric active", 2: "symmetric passive", 3: "client", 4: "server", 5: "broadcast", 6: "control", 7: "private"})
	fNTPStratum = def(Uint, "ntp.stratum", "Stratum")
	fNTPPoll    = def(Int, "ntp.ppoll", "Poll interval as a power of two")
	fNTPPrec    = def(Int, "ntp.precision", "Precision as a power of two")
	fNTPRefID   = def(Bytes, "ntp.refid", "Reference")
	fNTPXmt     = def(Time, "ntp.xmt", "Transmit time")
	fNTPRec     = def(Time, "ntp.rec", "Receive time")
	fNTPOrg     = def(Time, "ntp.org", "Origin time")
	fTFTP       = def(Protocol, "tftp", "Trivial file transfer")
	fTFTPOp     = def(Uint, "tftp.opcode", "Operation").named(map[uint64]string{1: "read", 2: "write", 3: "data", 4: "ack", 5: "error", 6: "options"})
	fTFTPFile   = def(Text, "tftp.source_file", "File")
	fTFTPBlock  = def(Uint, "tftp.block", "Block")
	fSTUN       = def(Protocol, "stun", "STUN")
	fSTUNType   = hexDef(4, "stun.type", "Message")
	fSTUNID     = def(Bytes, "stun.id", "Transaction")
	fRTP        = def(Protocol, "rtp", "Real-time transport")
	fRTPType    = def(Uint, "rtp.p_type", "Payload type").named(map[uint64]string{0: "PCMU", 3: "GSM", 8: "PCMA", 9: "G.722", 18: "G.729"})
	fRTPMarker  = def(Bool, "rtp.marker", "Marker")
	fRTPSeq     = def(Uint, "rtp.seq", "Sequence")
	fRTPTime    = def(Uint, "rtp.timestamp", "Time stamp")
	fRTPSSRC    = hexDef(8, "rtp.ssrc", "Source")
	fRADIUS     = def(Protocol, "radius", "RADIUS")
	fRADCode    = def(Uint, "radius.code", "Code").named(map[uint64]string{1: "Access-Request", 2: "Access-Accept", 3: "Access-Reject", 4: "Accounting-Request", 5: "Accounting-Response", 11: "Access-Challenge", 12: "Status-Server", 40: "Disconnect-Request", 41: "Disconnect-ACK", 42: "Disconnect-NAK", 43: "CoA-Request", 44: "CoA-ACK", 45: "CoA-NAK"})
	fRADID      = def(Uint, "radius.id", "Identifier")
	fRADLen     = def(Uint, "radius.length", "Length")
	fRADAuth    = def(Bytes, "radius.authenticator", "Authenticator")
	fRADAVP     = def(Label, "radius.avp", "Attribute")
	fRADType    = def(Uint, "radius.avp.type", "Attribute")
	fRADAVPLen  = def(Uint, "radius.avp.length", "Length")
	fRADUser    = def(Text, "radius.User_Name", "User")
	fRADNAS     = def(IPv4, "radius.NAS_IP_Address", "Access server")
	fRADFramed  = def(IPv4, "radius.Framed-IP-Address", "Address of the user")
	fRADCalling = def(Text, "radius.Calling_Station_Id", "Calling station")
	fRADCalled  = def(Text, "radius.Called_Station_Id", "Called station")
	fRADStatus  = def(Uint, "radius.Acct_Status_Type", "Accounting status")
	fRADSession = def(Text, "radius.Acct_Session_Id", "Accounting session")
)

var ntpApp = &datagramApp{name: "ntp", read: func(x *dissection, v view) bool {
	if v.len() < 12 {
		return false
	}
	i := x.head(fNTP, v, "ntp")
	first := v.u8(0)
	x.val(fNTPLeap, v, 0, 1, uint64(first>>6))
	x.val(fNTPVersion, v, 0, 1, uint64(first>>3&7))
	x.val(fNTPMode, v, 0, 1, uint64(first&7))
	x.Info = "NTP " + fNTPMode.Names[uint64(first&7)]
	if mode := first & 7; mode > 0 && mode < 6 {
		x.num(fNTPStratum, v, 1, 1)
		x.val(fNTPPoll, v, 2, 1, uint64(int64(int8(v.u8(2)))))
		x.val(fNTPPrec, v, 3, 1, uint64(int64(int8(v.u8(3)))))
		x.part(fNTPRefID, v, 12, 4)
		for k, d := range []*Def{fNTPOrg, fNTPRec, fNTPXmt} {
			at := 24 + 8*k
			if n := v.num(at, 8); n != 0 {
				x.val(d, v, at, 8, ntpNanos(n))
			}
		}
	}
	x.close(i)
	return true
}}

// ntpNanos turns seconds since 1900 with a fraction (RFC 5905, 6) into
// nanoseconds since 1970; small numbers are of the era that began in 2036.
func ntpNanos(n uint64) uint64 {
	const from1900 = 2208988800
	sec := n >> 32
	if sec < 1<<31 {
		sec += 1 << 32
	}
	return (sec-from1900)*1e9 + (n&0xffffffff)*1e9>>32
}

var tftpApp = &datagramApp{name: "tftp", read: func(x *dissection, v view) bool {
	if v.len() < 4 || v.u16(0) == 0 || v.u16(0) > 6 {
		return false
	}
	i := x.head(fTFTP, v, "tftp")
	op := x.num(fTFTPOp, v, 0, 2)
	x.Info = "TFTP " + fTFTPOp.Names[op]
	switch op {
	case 1, 2:
		if end := bytes.IndexByte(v.b[2:], 0); end > 0 {
			x.Info += " " + printable(x.part(fTFTPFile, v, 2, end))
		}
	case 3, 4:
		x.num(fTFTPBlock, v, 2, 2)
	}
	x.close(i)
	return true
}}

var stunApp = &datagramApp{name: "stun", guess: func(v view) bool {
	return v.len() >= 20 && v.b[0]&0xc0 == 0 && v.u32(4) == 0x2112a442 && int(v.u16(2)) == v.len()-20
}, read: func(x *dissection, v view) bool {
	i := x.head(fSTUN, v, "stun")
	x.Info = fmt.Sprintf("STUN 0x%04x", x.num(fSTUNType, v, 0, 2))
	x.part(fSTUNID, v, 8, 12)
	x.close(i)
	return true
}}

// rtpApp is known only by its shape (RFC 3550, 5.1): version 2, a payload type
// of sound or video, and even ports above those of services on both sides.
var rtpApp = &datagramApp{name: "rtp", guess: func(v view) bool {
	if v.len() < 12 || v.b[0]&0xf0 != 0x80 {
		return false
	}
	t := v.b[1] & 0x7f
	return t <= 34 && (t == 0 || t == 3 || t == 4 || t == 8 || t == 9 || t == 18 || t == 31 || t == 34) && v.len() < 1500
}, read: func(x *dissection, v view) bool {
	if x.SrcPort < 1024 || x.DstPort < 1024 || x.SrcPort%2 != 0 || x.DstPort%2 != 0 {
		return false
	}
	i := x.head(fRTP, v, "rtp")
	x.flag(fRTPMarker, v, 1, 1, v.u8(1)&0x80 != 0)
	x.val(fRTPType, v, 1, 1, uint64(v.u8(1)&0x7f))
	seq := x.num(fRTPSeq, v, 2, 2)
	x.num(fRTPTime, v, 4, 4)
	x.num(fRTPSSRC, v, 8, 4)
	x.Info = fmt.Sprintf("RTP %s seq=%d", fRTPType.Names[uint64(v.u8(1)&0x7f)], seq)
	x.close(i)
	return true
}}

var radiusApp = &datagramApp{name: "radius", read: func(x *dissection, v view) bool {
	if v.len() < 20 || int(v.u16(2)) < 20 || int(v.u16(2)) > v.len() {
		return false
	}
	i := x.head(fRADIUS, v, "radius")
	code := x.num(fRADCode, v, 0, 1)
	id := x.num(fRADID, v, 1, 1)
	n := int(x.num(fRADLen, v, 2, 2))
	x.part(fRADAuth, v, 4, 16)
	x.Info = fmt.Sprintf("%s id=%d", fRADCode.Names[code], id)
	for at := 20; at+2 <= n; {
		size := int(v.u8(at + 1))
		if size < 2 {
			panic(errShort)
		}
		a := v.sub(at, at+size)
		k := x.open(fRADAVP, a)
		kind := x.num(fRADType, a, 0, 1)
		x.num(fRADAVPLen, a, 1, 1)
		switch {
		case kind == 1:
			x.Info += " " + printable(x.part(fRADUser, a, 2, size-2))
		case kind == 4 && size == 6:
			x.part(fRADNAS, a, 2, 4)
		case kind == 8 && size == 6:
			x.part(fRADFramed, a, 2, 4)
		case kind == 30:
			x.part(fRADCalled, a, 2, size-2)
		case kind == 31:
			x.part(fRADCalling, a, 2, size-2)
		case kind == 40 && size == 6:
			x.num(fRADStatus, a, 2, 4)
		case kind == 44:
			x.part(fRADSession, a, 2, size-2)
		}
		x.close(k)
		at += size
	}
	x.close(i)
	return true
}}

var (
	fCflow        = def(Protocol, "cflow", "NetFlow or IPFIX")
	fCflowVersion = def(Uint, "cflow.version", "Version")
	fCflowCount   = def(Uint, "cflow.count", "Records")
	fCflowSeq     = def(Uint, "cflow.sequence", "Sequence")
	fCflowDomain  = def(Uint, "cflow.od_id", "Observation domain")
	fCflowSet     = def(Uint, "cflow.flowset_id", "Set")
	fSFlow        = def(Protocol, "sflow", "sFlow")
	fSFlowVersion = def(Uint, "sflow_245.version", "Version")
	fSFlowAgent   = def(IPv4, "sflow_245.agent", "Agent")
	fSFlowSamples = def(Uint, "sflow_245.numsamples", "Samples")
)

// flowApp reads the heads of datagrams about flows; their records are the work
// of package flow.
var flowApp = &datagramApp{name: "cflow", read: func(x *dissection, v view) bool {
	if v.len() < 20 {
		return false
	}
	version := v.u16(0)
	if version == 0 && v.u32(0) == 5 {
		i := x.head(fSFlow, v, "sflow")
		x.num(fSFlowVersion, v, 0, 4)
		if v.u32(4) == 1 {
			x.part(fSFlowAgent, v, 8, 4)
			x.Info = fmt.Sprintf("sFlow, %d samples", x.num(fSFlowSamples, v, 24, 4))
		}
		x.close(i)
		return true
	}
	if version != 5 && version != 9 && version != 10 {
		return false
	}
	i := x.head(fCflow, v, "cflow")
	x.num(fCflowVersion, v, 0, 2)
	x.Info = fmt.Sprintf("NetFlow version %d", version)
	at := 20
	switch version {
	case 5:
		x.num(fCflowCount, v, 2, 2)
		x.num(fCflowSeq, v, 16, 4)
		at = v.len()
	case 9:
		x.num(fCflowCount, v, 2, 2)
		x.num(fCflowSeq, v, 12, 4)
	default:
		x.Info = "IPFIX"
		x.num(fCflowSeq, v, 8, 4)
		x.num(fCflowDomain, v, 12, 4)
		at = 16
	}
	for at+4 <= v.len() {
		n := int(v.u16(at + 2))
		if n < 4 {
			break
		}
		x.num(fCflowSet, v, at, 2)
		at += n
	}
	x.close(i)
	return true
}}
