package trap

// frame is what can be read of a message before it is opened.
type frame struct {
	version int64 // 0, 1 and 3, as on the wire
	// Versions 1 and 2c.
	community string
	// pduAt is where the PDU begins.
	pduAt int
	// Version 3.
	msgID        uint32
	flags        byte
	engine, user string
	boots, clock uint32
	// requestID is known when the PDU is not encrypted.
	requestID uint32
}

// The bits of msgFlags.
const (
	flagAuth       = 1
	flagPriv       = 2
	flagReportable = 4
)

func readFrame(b []byte) (f frame, err error) {
	whole, err := take(b, tagSequence)
	if err != nil {
		return f, err
	}
	var rest []byte
	if f.version, rest, err = takeInt(whole.body); err != nil {
		return f, err
	}
	switch f.version {
	case 0, 1:
		c, err := take(rest, tagOctets)
		if err != nil {
			return f, err
		}
		f.community = string(c.body)
		f.pduAt = len(b) - len(whole.rest) - len(c.rest)
		_, err = take(c.rest)
		return f, err
	case 3:
		return f, f.secure(rest)
	}
	return f, errFrame
}

// secure reads msgGlobalData and the parameters of the User-based Security Model
// (RFC 3412, section 6; RFC 3414, section 2.4).
func (f *frame) secure(b []byte) error {
	global, err := take(b, tagSequence)
	if err != nil {
		return err
	}
	id, rest, err := takeInt(global.body)
	if err != nil {
		return err
	}
	if _, rest, err = takeInt(rest); err != nil { // msgMaxSize
		return err
	}
	flags, err := take(rest, tagOctets)
	if err != nil || len(flags.body) != 1 {
		return errFrame
	}
	model, _, err := takeInt(flags.rest)
	if err != nil || model != 3 {
		return errFrame
	}
	f.msgID, f.flags = uint32(id), flags.body[0] //nolint:gosec // 31 bits
	params, err := take(global.rest, tagOctets)
	if err != nil {
		return err
	}
	usm, err := take(params.body, tagSequence)
	if err != nil {
		return err
	}
	engine, err := take(usm.body, tagOctets)
	if err != nil {
		return err
	}
	boots, rest, err := takeInt(engine.rest)
	if err != nil {
		return err
	}
	clock, rest, err := takeInt(rest)
	if err != nil {
		return err
	}
	user, err := take(rest, tagOctets)
	if err != nil {
		return err
	}
	if boots < 0 || clock < 0 || len(user.body) > 32 {
		return errFrame
	}
	f.engine, f.user, f.boots, f.clock = string(engine.body), string(user.body), uint32(boots), uint32(clock) //nolint:gosec // 31 bits
	if f.flags&flagPriv == 0 {
		f.requestID = requestOf(params.rest)
	}
	return nil
}

// requestOf reads the request id out of a scoped PDU; 0 when it cannot be read.
func requestOf(b []byte) uint32 {
	for _, want := range [][]byte{{tagSequence}, {tagOctets}, {tagOctets}} {
		e, err := take(b, want...)
		if err != nil {
			return 0
		}
		if b = e.rest; want[0] == tagSequence {
			b = e.body
		}
	}
	pdu, err := take(b)
	if err != nil {
		return 0
	}
	id, _, err := takeInt(pdu.body)
	if err != nil {
		return 0
	}
	return uint32(id) //nolint:gosec // as on the wire
}
