package packet

// streamApp reads an application protocol over TCP.
type streamApp struct {
	name string
	// read takes the bytes that are there in order and gives back how many it
	// used; 0 when a message is not whole yet, notMine when this is something else.
	read func(x *dissection, v view) int
	// guess tells from the first bytes of a direction whether it is this protocol.
	guess func(v view) bool
	// begins tells whether bytes look like the begin of a message; reading goes
	// on there after bytes were lost. Without it reading ends.
	begins func(v view) bool
	// last reads what is left when the direction has ended.
	last func(x *dissection, v view)
}

const notMine = -1

// datagramApp reads an application protocol over UDP; false: it is something else.
type datagramApp struct {
	name  string
	read  func(x *dissection, v view) bool
	guess func(v view) bool
}

// application lets the protocol of the conversation read v, message by message,
// and tells how many bytes it used.
func (x *dissection) application(c *conversation, s *inflow, v view) int {
	if c.app == nil {
		if c.tried && !s.lost && x.dir == 0 {
			x.raw(v)
			return v.len()
		}
		if c.app = chooseStream(x, v); c.app == nil {
			c.tried = true
			x.raw(v)
			return v.len()
		}
	}
	if s.lost {
		if c.app.begins == nil || !c.app.begins(v) {
			x.app(c.app.name)
			return v.len()
		}
		s.lost = false
		if st, ok := c.state.(*httpState); ok {
			st.part[x.dir], st.open[x.dir] = httpPart{}, false
		}
	}
	used := 0
	for used < v.len() && s.skip == 0 {
		before := c.app
		n := x.message(c.app, v.from(used))
		if n == notMine {
			if used == 0 && c.app == before {
				x.raw(v)
				return v.len()
			}
			n = v.len() - used
		}
		if n == 0 && c.app == before {
			if x.need > 0 {
				x.need += used
			}
			break
		}
		used += n
	}
	if c.app != nil && used > 0 {
		x.app(c.app.name)
	}
	return min(used, v.len())
}

// message reads one message; when it ends too early the rest is given up.
func (x *dissection) message(a *streamApp, v view) (n int) {
	done := false
	fields, info, protocol := len(x.Fields), x.Info, x.Protocol
	x.layer(func(x *dissection, v view) {
		n = a.read(x, v)
		done = true
	}, v)
	switch {
	case !done:
		n = v.len()
	case n <= 0: // nothing was read, so nothing is said
		x.Fields, x.Info, x.Protocol = x.Fields[:fields], info, protocol
	}
	return n
}

// chooseStream finds the protocol of a connection: by what the first bytes look
// like, else by the server's port.
func chooseStream(x *dissection, v view) *streamApp {
	for _, p := range []uint16{x.conv.Server.Port(), x.conv.Client.Port()} {
		if a := streamPorts()[p]; a != nil && (a.guess == nil || a.guess(v)) {
			return a
		}
	}
	for _, a := range streamGuess() {
		if a.guess(v) {
			return a
		}
	}
	return nil
}

// datagram lets an application protocol read a payload of UDP.
func (x *dissection) datagram(v view) {
	for _, p := range []uint16{x.conv.Server.Port(), x.conv.Client.Port()} {
		if f := tunnelPorts(p); f != nil {
			x.layer(f, v)
			return
		}
		if a := datagramPorts()[p]; a != nil && x.tryDatagram(a, v) {
			return
		}
	}
	for _, a := range datagramGuess() {
		if a.guess(v) && x.tryDatagram(a, v) {
			return
		}
	}
	x.raw(v)
}

// tryDatagram runs a decoder; when it says that this is something else, what it
// added goes away.
func (x *dissection) tryDatagram(a *datagramApp, v view) (mine bool) {
	if a.guess != nil && !a.guess(v) {
		return false
	}
	fields, info, protocol := len(x.Fields), x.Info, x.Protocol
	mine = true
	x.layer(func(x *dissection, v view) { mine = a.read(x, v) }, v)
	if !mine {
		x.Fields, x.Info, x.Protocol = x.Fields[:fields], info, protocol
		return false
	}
	x.app(a.name)
	return true
}

func tunnelPorts(p uint16) decoder {
	switch p {
	case 4789, 8472:
		return vxlan
	case 6081:
		return geneve
	case 2152:
		return gtpu
	case 3544:
		return teredo
	}
	return nil
}
