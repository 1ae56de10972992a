package mysql

import (
	"bytes"
	"encoding/binary"
	"errors"

	"github.com/mainstay-ops/mainstay/internal/adapter/probe/internal/probekit"
)

var errNotMySQL = errors.New("the target does not speak the MySQL protocol")

// greeting is the first packet of a server, version 10 of the protocol.
type greeting struct {
	version string
	salt    []byte
	caps    uint32
	plugin  string
}

func parseGreeting(b []byte) (greeting, error) {
	var g greeting
	if len(b) > 0 && b[0] == 0xff {
		return g, serverError(b)
	}
	if len(b) < 2 || b[0] != 10 {
		return g, errNotMySQL
	}
	v, rest := cstring(b[1:])
	g.version = probekit.Line(v, 60)
	// thread id 4, salt 8, zero 1, capabilities 2, charset 1, status 2,
	// capabilities 2, length of salt 1, reserved 10
	if len(rest) < 31 {
		return g, errNotMySQL
	}
	g.salt = append(g.salt, rest[4:12]...)
	g.caps = uint32(binary.LittleEndian.Uint16(rest[13:])) | uint32(binary.LittleEndian.Uint16(rest[18:]))<<16
	n := max(13, int(rest[20])-8)
	rest = rest[31:]
	if len(rest) < n {
		return g, errNotMySQL
	}
	g.salt = trimSalt(append(g.salt, rest[:n]...))
	g.plugin, _ = cstring(rest[n:])
	if g.plugin == "" {
		g.plugin = "mysql_native_password"
	}
	return g, nil
}

// serverError gives the server's own words: 0xff, code, "#" and 5 bytes of state.
func serverError(b []byte) error {
	if len(b) < 3 {
		return errNotMySQL
	}
	msg := b[3:]
	if len(msg) >= 6 && msg[0] == '#' {
		msg = msg[6:]
	}
	return errors.New("the server answered: " + probekit.Line(string(msg), 200))
}

func cstring(b []byte) (string, []byte) {
	if i := bytes.IndexByte(b, 0); i >= 0 {
		return string(b[:i]), b[i+1:]
	}
	return string(b), nil
}

func trimSalt(b []byte) []byte {
	if n := len(b); n > 0 && b[n-1] == 0 {
		return b[:n-1]
	}
	return b
}
