package trap

import (
	"time"

	"github.com/gosnmp/gosnmp"
)

// The statistics of RFC 3414, section 5, by their last arc but one.
const (
	wrongLevels    = 1
	unknownUsers   = 3
	unknownEngines = 4
	wrongDigests   = 5
)

// The largest message that is taken.
const maxSize = 65507

// statistic is 1.3.6.1.6.3.15.1.1.<n>.0, encoded.
func statistic(n int) []byte {
	return []byte{0x2b, 6, 1, 6, 3, 15, 1, 1, byte(n), 0} //nolint:gosec // one of five
}

// report tells a sender, without proof, why its message was not taken, and with it
// the id and the clock of the engine (RFC 3412, section 7.1, step 3).
func (r *Receiver) report(f frame, stat int, now time.Time) []byte {
	r.mu.Lock()
	r.unknown++
	n := r.unknown
	r.mu.Unlock()
	engine := []byte(r.engine)
	usm := pack(tagSequence, pack(tagOctets, engine), packInt(tagInteger, r.boots), packInt(tagInteger, r.clock(now)),
		pack(tagOctets, []byte(f.user)), pack(tagOctets), pack(tagOctets))
	pdu := pack(pduReport, packInt(tagInteger, f.requestID), packInt(tagInteger, 0), packInt(tagInteger, 0),
		pack(tagSequence, pack(tagSequence, pack(tagOID, statistic(stat)), packInt(tagCounter, n))))
	return pack(tagSequence, packInt(tagInteger, 3),
		pack(tagSequence, packInt(tagInteger, f.msgID), packInt(tagInteger, maxSize), pack(tagOctets, []byte{0}), packInt(tagInteger, 3)),
		pack(tagOctets, usm),
		pack(tagSequence, pack(tagOctets, engine), pack(tagOctets), pdu))
}

// Answer is what the sender of an inform waits for; nil for a trap, and when no
// answer can be made.
func (r *Receiver) Answer(m *Message, now time.Time) []byte {
	if !m.Inform {
		return nil
	}
	if m.frame.version != 3 {
		// The answer is the request, with another tag (RFC 3416, section 4.2.7).
		out := append([]byte(nil), m.packet...)
		out[m.frame.pduAt] = pduResponse
		return out
	}
	return m.reply(r, gosnmp.GetResponse, now)
}

// reply makes a message of version 3 at the level of the one received.
func (m *Message) reply(r *Receiver, kind gosnmp.PDUType, now time.Time) (out []byte) {
	defer func() {
		if recover() != nil {
			out = nil
		}
	}()
	usm, ok := m.opened.SecurityParameters.Copy().(*gosnmp.UsmSecurityParameters)
	if !ok {
		return nil
	}
	usm.AuthoritativeEngineBoots, usm.AuthoritativeEngineTime = r.boots, r.clock(now)
	usm.AuthenticationParameters, usm.PrivacyParameters = "", nil
	g := &gosnmp.GoSNMP{
		Version: gosnmp.Version3, SecurityModel: gosnmp.UserSecurityModel, MsgFlags: gosnmp.SnmpV3MsgFlags(m.level),
		SecurityParameters: usm, ContextEngineID: m.opened.ContextEngineID, ContextName: m.opened.ContextName, MaxOids: maxVars,
	}
	vars := m.opened.Variables
	if kind == gosnmp.Report {
		// Sent with proof but in clear (RFC 3414, section 3.2, step 7).
		g.MsgFlags, g.ContextEngineID = gosnmp.AuthNoPriv, r.engine
		vars = []gosnmp.SnmpPDU{{Name: ".1.3.6.1.6.3.15.1.1.2.0", Type: gosnmp.Counter32, Value: uint32(1)}}
	}
	for _, v := range [][]gosnmp.SnmpPDU{vars, {}} {
		// The next packet has the number after the one that is set.
		g.SetRequestID(m.opened.RequestID - 1)
		g.SetMsgID(m.opened.MsgID - 1)
		// A value of a type that cannot be written is no reason to leave the sender
		// without an answer.
		if b, err := g.SnmpEncodePacket(kind, v, 0, 0); err == nil {
			return b
		}
	}
	return nil
}
