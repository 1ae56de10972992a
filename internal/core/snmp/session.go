package snmp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/gosnmp/gosnmp"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
)

// perGet is how many OIDs go into one packet; more would not fit into the packets
// of small agents.
const perGet = 40

type session struct {
	g      *gosnmp.GoSNMP
	target Target
	reps   uint32
	max    int
	// answered tells that the agent spoke at least once: a silence after that is
	// not about the community.
	answered bool
}

// Open prepares a conversation. Nothing is sent for versions 1 and 2c; version 3
// asks the agent for its engine. Errors are sentences without secrets.
func Open(ctx context.Context, t Target) (Session, error) {
	host, port, err := split(t.Address)
	if err != nil {
		return nil, err
	}
	g := &gosnmp.GoSNMP{
		Target: host, Port: port, Transport: "udp", Context: ctx,
		Timeout: or(t.Timeout, 2*time.Second), Retries: 2, MaxOids: perGet,
		MaxRepetitions: 25,
	}
	switch {
	case t.Retries < 0:
		g.Retries = 0
	case t.Retries > 0:
		g.Retries = t.Retries
	}
	switch t.Version {
	case V1:
		g.Version, g.Community = gosnmp.Version1, t.Community
	case V2c, "":
		g.Version, g.Community = gosnmp.Version2c, t.Community
	case V3:
		if err := secure(g, t); err != nil {
			return nil, err
		}
	default:
		return nil, errs.Fields(errs.Field{Path: "version", Value: string(t.Version), Message: "must be 1, 2c or 3"})
	}
	s := &session{g: g, target: t, reps: uint32(or(t.MaxRepetitions, 25)), max: or(t.MaxVars, 200_000)}
	if err := g.Connect(); err != nil {
		return nil, s.explain(err)
	}
	return s, nil
}

func or[T int | time.Duration](v, def T) T {
	if v > 0 {
		return v
	}
	return def
}

func split(address string) (string, uint16, error) {
	host, p, err := net.SplitHostPort(address)
	if err != nil {
		return strings.Trim(address, "[]"), 161, nil
	}
	n, err := strconv.ParseUint(p, 10, 16)
	if err != nil || n == 0 {
		return "", 0, errs.Fields(errs.Field{Path: "address", Value: address, Message: "must end in a port from 1 to 65535"})
	}
	return host, uint16(n), nil
}

// Close implements Session.
func (s *session) Close() error {
	if s.g.Conn == nil {
		return nil
	}
	return s.g.Conn.Close()
}

// Get implements Session.
func (s *session) Get(ctx context.Context, oids ...OID) ([]Var, error) {
	out := make([]Var, 0, len(oids))
	for len(oids) > 0 {
		n := min(perGet, len(oids))
		vars, err := s.get(ctx, oids[:n])
		if err != nil {
			return out, err
		}
		out, oids = append(out, vars...), oids[n:]
	}
	return out, nil
}

func (s *session) get(ctx context.Context, oids []OID) ([]Var, error) {
	s.g.Context = ctx
	names := make([]string, len(oids))
	for i, o := range oids {
		names[i] = "." + string(o)
	}
	p, err := s.ask(func() (*gosnmp.SnmpPacket, error) { return s.g.Get(names) })
	if err != nil {
		return nil, s.explain(err)
	}
	if p.Error != gosnmp.NoError {
		// Version 1 fails the whole packet for one missing value; an agent whose
		// packet is too small says tooBig. Both are answered in smaller pieces.
		if len(oids) == 1 {
			return []Var{{OID: oids[0]}}, nil
		}
		half := len(oids) / 2
		a, err := s.get(ctx, oids[:half])
		if err != nil {
			return nil, err
		}
		b, err := s.get(ctx, oids[half:])
		return append(a, b...), err
	}
	got := make(map[OID]Var, len(p.Variables))
	for _, v := range p.Variables {
		c := convert(v)
		got[c.OID] = c
	}
	out := make([]Var, len(oids))
	for i, o := range oids {
		out[i] = got[o]
		out[i].OID = o
	}
	return out, nil
}

// Walk implements Session.
func (s *session) Walk(ctx context.Context, root OID, fn func(Var) error) error {
	s.g.Context = ctx
	at, reps := root, s.reps
	for n := 0; ; {
		if err := ctx.Err(); err != nil {
			return err
		}
		p, err := s.next(at, reps)
		if err != nil && s.answered && reps > fewRepetitions && ctx.Err() == nil && timedOut(err) {
			// Large answers are lost on the way to some devices, or never sent.
			reps = fewRepetitions
			s.reps = reps
			continue
		}
		if err != nil {
			return s.explain(err)
		}
		switch {
		case p.Error == gosnmp.TooBig && reps > 1:
			reps /= 2
			continue
		case p.Error == gosnmp.NoSuchName || p.Error == gosnmp.NoError && len(p.Variables) == 0:
			return nil
		case p.Error != gosnmp.NoError:
			return &LimitError{Target: s.target.Address, OID: at, Why: "it answered with the error " + p.Error.String()}
		}
		for _, raw := range p.Variables {
			v := convert(raw)
			if raw.Type == gosnmp.EndOfMibView {
				return nil
			}
			if _, ok := v.OID.Under(root); !ok {
				return nil
			}
			if v.OID.Compare(at) <= 0 {
				return &LimitError{Target: s.target.Address, OID: v.OID, Why: "it answers in circles"}
			}
			at = v.OID
			if n++; n > s.max {
				return &LimitError{Target: s.target.Address, OID: root, Why: fmt.Sprintf("it has more than %d values", s.max)}
			}
			if v.Kind == Missing {
				continue
			}
			if err := fn(v); err != nil {
				return err
			}
		}
	}
}

func (s *session) next(at OID, reps uint32) (*gosnmp.SnmpPacket, error) {
	name := []string{"." + string(at)}
	return s.ask(func() (*gosnmp.SnmpPacket, error) {
		if s.g.Version == gosnmp.Version1 {
			return s.g.GetNext(name)
		}
		return s.g.GetBulk(name, 0, reps)
	})
}

// fewRepetitions fit into the smallest packet that each agent must take, 484 bytes.
const fewRepetitions = 5

// errMalformed stands for a packet that the decoder could not survive.
var errMalformed = errors.New("it sent a packet that is not SNMP")

// ask sends one request. What an agent sends must never end the program, so a panic
// of the decoder is an error.
func (s *session) ask(send func() (*gosnmp.SnmpPacket, error)) (p *gosnmp.SnmpPacket, err error) {
	defer func() {
		if recover() != nil {
			p, err = nil, errMalformed
		}
	}()
	if p, err = send(); err == nil && p == nil {
		err = errMalformed
	}
	s.answered = s.answered || err == nil
	return p, err
}

func timedOut(err error) bool { return strings.Contains(err.Error(), "timeout") }

// LimitError says that a device answered in a way that would not end.
type LimitError struct {
	Target string
	OID    OID
	Why    string
}

// Error implements error.
func (e *LimitError) Error() string {
	return fmt.Sprintf("%s was not read to the end at %s: %s.", e.Target, e.OID, e.Why)
}

// Limited tells whether err is the end of a walk at a limit; what was read until
// then is good.
func Limited(err error) bool {
	var l *LimitError
	return errors.As(err, &l)
}

// FromPDU takes over a value that the decoder of the protocol gave.
func FromPDU(p gosnmp.SnmpPDU) Var { return convert(p) }

func convert(p gosnmp.SnmpPDU) Var {
	v := Var{OID: OID(strings.TrimPrefix(p.Name, "."))}
	switch p.Type {
	case gosnmp.Integer:
		v.Kind, v.Num = Integer, gosnmp.ToBigInt(p.Value).Int64()
	case gosnmp.OctetString, gosnmp.BitString, gosnmp.NsapAddress, gosnmp.ObjectDescription:
		v.Kind = OctetString
		switch b := p.Value.(type) {
		case []byte:
			v.Raw = b
		case string:
			v.Raw = []byte(b)
		}
	case gosnmp.ObjectIdentifier:
		s, _ := p.Value.(string)
		v.Kind, v.Raw = ObjectID, []byte(strings.TrimPrefix(s, "."))
	case gosnmp.IPAddress:
		s, _ := p.Value.(string)
		v.Kind, v.Raw = IPAddress, []byte(s)
	case gosnmp.Counter32:
		v.Kind, v.Unum = Counter32, gosnmp.ToBigInt(p.Value).Uint64()
	case gosnmp.Gauge32, gosnmp.Uinteger32:
		v.Kind, v.Unum = Gauge32, gosnmp.ToBigInt(p.Value).Uint64()
	case gosnmp.TimeTicks:
		v.Kind, v.Unum = TimeTicks, gosnmp.ToBigInt(p.Value).Uint64()
	case gosnmp.Counter64:
		v.Kind, v.Unum = Counter64, gosnmp.ToBigInt(p.Value).Uint64()
	case gosnmp.OpaqueFloat:
		f, _ := p.Value.(float32)
		v.Kind, v.Float = Opaque, float64(f)
	case gosnmp.OpaqueDouble:
		f, _ := p.Value.(float64)
		v.Kind, v.Float = Opaque, f
	}
	return v
}

// explain turns an error of the protocol into a sentence.
func (s *session) explain(err error) error {
	msg := err.Error()
	who := s.target.Address
	switch {
	case errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded):
		return err
	case timedOut(err) && s.answered:
		return errs.New(errs.Unavailable, "%s stopped answering SNMP.", who)
	case timedOut(err):
		what := "the community"
		if s.target.Version == V3 {
			what = "the user or a password"
		}
		return errs.New(errs.Unavailable, "%s did not answer SNMP. It may be off, behind a firewall, or %s may be wrong.", who, what)
	case strings.Contains(msg, "connection refused"):
		return errs.New(errs.Unavailable, "%s has no SNMP agent on that port.", who)
	case strings.Contains(msg, "unknown user name") || strings.Contains(msg, "unknown username"):
		return errs.New(errs.Unavailable, "%s does not know the SNMPv3 user.", who)
	case strings.Contains(msg, "not authentic"):
		// Reports about an unknown user and a wrong password come without proof.
		return errs.New(errs.Unavailable, "%s does not know the SNMPv3 user, or the authentication password or protocol is wrong.", who)
	case strings.Contains(msg, "wrong digest"):
		return errs.New(errs.Unavailable, "%s refused the SNMPv3 authentication password or protocol.", who)
	case strings.Contains(msg, "decryption"):
		return errs.New(errs.Unavailable, "%s refused the SNMPv3 privacy password or protocol.", who)
	case strings.Contains(msg, "no such host"):
		return errs.New(errs.Unavailable, "The name in %s is not known to the DNS.", who)
	}
	if errors.Is(err, errMalformed) || strings.Contains(msg, "decode") || strings.Contains(msg, "parsing") ||
		strings.Contains(msg, "unmarshal") || strings.Contains(msg, "truncated") || strings.Contains(msg, "sanity") || strings.Contains(msg, "PDUType") {
		return errs.Wrap(errs.Unavailable, err, "%s answered with something that is not SNMP.", who)
	}
	return errs.New(errs.Unavailable, "SNMP with %s failed: %s.", who, strings.TrimSuffix(msg, "."))
}
