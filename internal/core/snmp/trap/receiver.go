package trap

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gosnmp/gosnmp"

	"github.com/mainstay-ops/mainstay/internal/core/snmp"
)

// Limits on what a message may hold.
const (
	maxVars    = 1000
	maxEngines = 10_000
	// window is how far the clock of a message may be off (RFC 3414, section 2.2.3).
	window = 150
)

// Objects that frame a notification (RFC 3418, RFC 3584).
const (
	sysUpTime   = "1.3.6.1.2.1.1.3.0"
	snmpTrapOID = "1.3.6.1.6.3.1.1.4.1.0"
	trapAddress = "1.3.6.1.6.3.18.1.3.0"
	snmpTraps   = "1.3.6.1.6.3.1.1.5"
)

// Message is a notification whose sender is known.
type Message struct {
	Version snmp.Version
	// Key is the name of the key that opened it.
	Key string
	// Inform tells that the sender waits for an answer.
	Inform bool
	// OID is the notification; that of a trap of version 1 is made as RFC 3584,
	// section 3.1 says.
	OID snmp.OID
	// Uptime of the sender, in hundredths of a second.
	Uptime uint64
	// Agent is the address of the device itself, when the message came through
	// another one; may be empty.
	Agent string
	// Vars are the values besides the uptime and the OID.
	Vars []snmp.Var

	packet []byte
	frame  frame
	opened *gosnmp.SnmpPacket
	level  byte
}

// Refused is the error for a message that is in order but is not accepted.
type Refused struct{ Why string }

// Error implements error.
func (r *Refused) Error() string { return r.Why }

// Malformed is the error for what is no SNMP notification.
type Malformed struct{ Why string }

// Error implements error.
func (m *Malformed) Error() string { return m.Why }

// Receiver reads messages. It is safe for use by many goroutines.
type Receiver struct {
	engine string
	boots  uint32
	begin  time.Time

	mu      sync.Mutex
	unknown uint32 // how often the statistics of RFC 3414 were asked for
	peers   map[string]peer
}

// peer is the clock of an engine that sends traps.
type peer struct {
	boots, clock uint32
	at           time.Time
}

// New makes a receiver with the id of its engine, 5 to 32 bytes, the number of times
// that it was started, and the moment of this start.
func New(engine []byte, boots uint32, begin time.Time) *Receiver {
	return &Receiver{engine: string(engine), boots: boots, begin: begin, peers: map[string]peer{}}
}

func (r *Receiver) clock(now time.Time) uint32 {
	return uint32(max(0, now.Sub(r.begin)) / time.Second) //nolint:gosec // 68 years
}

// Read opens a packet with the first key that fits. A message that is nil without an
// error was a question about the engine. reply, when not nil, goes back to the
// sender at once; the answer to an inform is Message.Answer. Errors are *Malformed
// and *Refused.
func (r *Receiver) Read(packet []byte, now time.Time, keys ...*Keys) (m *Message, reply []byte, err error) {
	defer func() {
		if recover() != nil {
			m, reply, err = nil, nil, &Malformed{"It is broken in a way that the decoder does not survive."}
		}
	}()
	f, err := readFrame(packet)
	if err != nil {
		return nil, nil, &Malformed{"It is not SNMP."}
	}
	if f.version != 3 {
		return r.readCommunity(packet, f, keys)
	}
	return r.readUser(packet, f, now, keys)
}

func (r *Receiver) readCommunity(packet []byte, f frame, keys []*Keys) (*Message, []byte, error) {
	if tag := packet[f.pduAt]; tag != pduTrap1 && tag != pduTrap2 && tag != pduInform {
		return nil, nil, &Malformed{"It is SNMP, but neither a trap nor an inform."}
	}
	p, err := new(gosnmp.GoSNMP).UnmarshalTrap(append([]byte(nil), packet...), false)
	if err != nil {
		return nil, nil, &Malformed{"It is SNMP that cannot be read to the end."}
	}
	key, ok := community(keys, f.community)
	if !ok {
		return nil, nil, &Refused{"Its community is not known."}
	}
	m := &Message{Version: snmp.V2c, Key: key, packet: packet, frame: f, opened: p}
	if f.version == 0 {
		m.Version = snmp.V1
	}
	if err := m.fill(); err != nil {
		return nil, nil, err
	}
	return m, nil, nil
}

func (r *Receiver) readUser(packet []byte, f frame, now time.Time, keys []*Keys) (*Message, []byte, error) {
	asks := f.flags&flagReportable != 0
	report := func(stat int, why string) (*Message, []byte, error) {
		var reply []byte
		if asks {
			reply = r.report(f, stat, now)
		}
		if why == "" {
			return nil, reply, nil
		}
		return nil, reply, &Refused{why}
	}
	switch {
	case asks && f.engine != r.engine && (f.engine == "" || f.user == ""):
		return report(unknownEngines, "")
	case asks && f.engine != r.engine:
		return report(unknownEngines, "It is meant for another SNMP engine.")
	case !asks && (len(f.engine) < 5 || len(f.engine) > 32):
		return nil, nil, &Refused{"It does not name the SNMP engine that sent it."}
	case !asks && f.engine == r.engine:
		return nil, nil, &Refused{"It names the SNMP engine of this server as its sender."}
	}
	users := named(keys, f.user)
	if len(users) == 0 {
		return report(unknownUsers, fmt.Sprintf("The SNMPv3 user %q is not known.", printable(f.user)))
	}
	level, fits := f.flags&(flagAuth|flagPriv), false
	for _, u := range users {
		if level != u.level {
			continue
		}
		fits = true
		g := &gosnmp.GoSNMP{Version: gosnmp.Version3, SecurityModel: gosnmp.UserSecurityModel}
		table := gosnmp.NewSnmpV3SecurityParametersTable(gosnmp.Logger{})
		if err := table.Add(f.user, u.usm.Copy()); err != nil {
			continue
		}
		g.SetTrapSecurityParametersTable(table)
		p, err := g.UnmarshalTrap(append([]byte(nil), packet...), true)
		if err != nil {
			continue
		}
		m := &Message{Version: snmp.V3, Key: u.key, packet: packet, frame: f, opened: p, level: level}
		if level&flagAuth != 0 && !r.timely(f, now) {
			if asks {
				return nil, m.reply(r, gosnmp.Report, now), &Refused{"Its clock is not that of this server's SNMP engine; the sender was told."}
			}
			return nil, nil, &Refused{"It is older than what the same SNMP engine sent before."}
		}
		if err := m.fill(); err != nil {
			return nil, nil, err
		}
		if m.Inform && f.engine != r.engine {
			return nil, nil, &Refused{"It is an inform that is meant for another SNMP engine."}
		}
		return m, nil, nil
	}
	if !fits {
		return report(wrongLevels, fmt.Sprintf("The SNMPv3 user %q must send with the authentication and privacy that it was set up with.", printable(f.user)))
	}
	return report(wrongDigests, fmt.Sprintf("A password or protocol of the SNMPv3 user %q is wrong.", printable(f.user)))
}

func printable(s string) string { return strings.ToValidUTF8(s, "?") }

// timely tells whether a message lies in the time window (RFC 3414, section 3.2,
// steps 7a and 7b). For traps it remembers the clock of the sender.
func (r *Receiver) timely(f frame, now time.Time) bool {
	if f.engine == r.engine {
		off := int64(f.clock) - int64(r.clock(now))
		return f.boots == r.boots && off <= window && off >= -window
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	p, known := r.peers[f.engine]
	if known {
		expected := int64(p.clock) + int64(now.Sub(p.at)/time.Second)
		if f.boots < p.boots || f.boots == p.boots && int64(f.clock) < expected-window {
			return false
		}
	}
	if !known && len(r.peers) >= maxEngines {
		for k := range r.peers { // any one
			delete(r.peers, k)
			break
		}
	}
	if !known || f.boots > p.boots || f.clock > p.clock {
		r.peers[f.engine] = peer{boots: f.boots, clock: f.clock, at: now}
	}
	return true
}

// fill takes over what was opened.
func (m *Message) fill() error {
	p := m.opened
	if len(p.Variables) > maxVars {
		return &Malformed{fmt.Sprintf("It has more than %d values.", maxVars)}
	}
	for _, v := range p.Variables {
		c := snmp.FromPDU(v)
		// What framed the message is looked for by name: some senders leave it out or
		// put it elsewhere.
		switch c.OID {
		case sysUpTime:
			m.Uptime = c.Unum
			continue
		case snmpTrapOID:
			m.OID = snmp.OID(c.Text())
			continue
		case trapAddress:
			m.Agent = c.Text()
		}
		m.Vars = append(m.Vars, c)
	}
	switch p.PDUType {
	case gosnmp.Trap:
		m.Uptime = uint64(p.Timestamp)
		enterprise := strings.TrimPrefix(p.Enterprise, ".")
		if p.GenericTrap >= 0 && p.GenericTrap < 6 {
			m.OID = snmp.OID(snmpTraps + "." + strconv.Itoa(p.GenericTrap+1))
		} else {
			m.OID = snmp.OID(enterprise + ".0." + strconv.FormatUint(uint64(uint32(p.SpecificTrap)), 10)) //nolint:gosec // as on the wire
		}
		if p.AgentAddress != "0.0.0.0" {
			m.Agent = p.AgentAddress
		}
	case gosnmp.InformRequest:
		m.Inform = true
	case gosnmp.SNMPv2Trap:
	default:
		return &Malformed{"It is SNMP, but neither a trap nor an inform."}
	}
	if m.OID == "" || len(m.OID) > 600 {
		return &Malformed{"It does not say which notification it is."}
	}
	return nil
}
