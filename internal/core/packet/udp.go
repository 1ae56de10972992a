package packet

import "fmt"

var (
	fUDP       = def(Protocol, "udp", "User datagram protocol")
	fUDPSrc    = def(Uint, "udp.srcport", "Source port")
	fUDPDst    = def(Uint, "udp.dstport", "Destination port")
	_          = aliasDef("udp.port", "Source or destination port", fUDPSrc, fUDPDst)
	fUDPLen    = def(Uint, "udp.length", "Length")
	fUDPSum    = hexDef(4, "udp.checksum", "Checksum")
	fUDPStream = def(Uint, "udp.stream", "Stream")
	fUDPData   = def(Bytes, "udp.payload", "Payload")
	fSCTP      = def(Protocol, "sctp", "SCTP")
	fSCTPSrc   = def(Uint, "sctp.srcport", "Source port")
	fSCTPDst   = def(Uint, "sctp.dstport", "Destination port")
	_          = aliasDef("sctp.port", "Source or destination port", fSCTPSrc, fSCTPDst)
	fSCTPTag   = hexDef(8, "sctp.verification_tag", "Verification tag")
	fSCTPSum   = hexDef(8, "sctp.checksum", "Checksum")
	fSCTPChunk = def(Uint, "sctp.chunk_type", "Chunk").named(map[uint64]string{
		0: "DATA", 1: "INIT", 2: "INIT ACK", 3: "SACK", 4: "HEARTBEAT", 5: "HEARTBEAT ACK", 6: "ABORT", 7: "SHUTDOWN",
		8: "SHUTDOWN ACK", 9: "ERROR", 10: "COOKIE ECHO", 11: "COOKIE ACK", 14: "SHUTDOWN COMPLETE",
	})
	fSCTPChunkLen = def(Uint, "sctp.chunk_length", "Chunk length")
	fSCTPTSN      = def(Uint, "sctp.data_tsn_raw", "Transmission sequence number")
	fSCTPSID      = hexDef(4, "sctp.data_sid", "Stream")
	fSCTPPPID     = def(Uint, "sctp.data_payload_proto_id", "Payload protocol")
)

func udp(x *dissection, v view) {
	i := x.head(fUDP, v, "udp")
	x.SrcPort, x.DstPort = uint16(x.num(fUDPSrc, v, 0, 2)), uint16(x.num(fUDPDst, v, 2, 2))
	x.HasPorts = true
	n := int(x.num(fUDPLen, v, 4, 2))
	x.num(fUDPSum, v, 6, 2)
	x.Info = fmt.Sprintf("%d → %d, %d bytes", x.SrcPort, x.DstPort, max(n-8, 0))
	if n == 0 || n > v.len() { // jumbo, or cut
		n = v.len()
	}
	if n < 8 {
		panic(errShort)
	}
	if x.inErr > 0 {
		x.end(i, v, 8)
		return
	}
	c := x.join(false, false)
	x.gen(fUDPStream, uint64(c.stream))
	body := v.sub(8, n)
	if body.len() > 0 {
		x.part(fUDPData, body, 0, body.len())
	}
	x.end(i, v, 8)
	x.Payload, x.PayloadNew = body.len(), body.len()
	if body.len() > 0 {
		x.datagram(body)
	}
}

// sctp reads the common header and the heads of the chunks (RFC 9260).
func sctp(x *dissection, v view) {
	i := x.head(fSCTP, v, "sctp")
	x.SrcPort, x.DstPort = uint16(x.num(fSCTPSrc, v, 0, 2)), uint16(x.num(fSCTPDst, v, 2, 2))
	x.HasPorts = true
	x.num(fSCTPTag, v, 4, 4)
	x.num(fSCTPSum, v, 8, 4)
	if x.inErr == 0 {
		x.join(false, false)
	}
	x.Info = ""
	for at := 12; at+4 <= v.len(); {
		kind, n := x.num(fSCTPChunk, v, at, 1), int(x.num(fSCTPChunkLen, v, at+2, 2))
		if n < 4 {
			panic(errShort)
		}
		if x.Info != "" {
			x.Info += ", "
		}
		if name := fSCTPChunk.Names[kind]; name != "" && len(x.Info) < 200 {
			x.Info += name
		}
		if kind == 0 {
			x.num(fSCTPTSN, v, at+4, 4)
			x.num(fSCTPSID, v, at+8, 2)
			x.num(fSCTPPPID, v, at+12, 4)
			x.Payload += max(min(n-16, v.len()-at-16), 0)
		}
		at += (n + 3) &^ 3
	}
	x.PayloadNew = x.Payload
	x.close(i)
}
