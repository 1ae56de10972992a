// Package snmp talks to SNMP agents: one session for one device, with limits on
// everything that a device answers. It knows the protocol and no MIB; package
// device reads the standard tables and package profile what vendors add.
//
// A session is for one goroutine. A walk never goes on for ever: it ends when an
// OID does not grow, leaves the subtree, or when the limits of the target are
// reached.
package snmp

import (
	"context"
	"strconv"
	"strings"
	"time"
)

// OID is dotted, without a leading dot: "1.3.6.1.2.1.1.1.0".
type OID string

// Under gives what follows root in o, without the dot between: the index of a row.
func (o OID) Under(root OID) (string, bool) {
	rest, ok := strings.CutPrefix(string(o), string(root))
	if !ok || rest == "" || rest[0] != '.' {
		return "", false
	}
	return rest[1:], true
}

// Compare orders OIDs arc by arc, as agents do: negative, zero or positive.
func (o OID) Compare(p OID) int {
	a, b := string(o), string(p)
	for a != "" && b != "" {
		var x, y string
		x, a, _ = strings.Cut(a, ".")
		y, b, _ = strings.Cut(b, ".")
		m, _ := strconv.ParseUint(x, 10, 64)
		n, _ := strconv.ParseUint(y, 10, 64)
		switch {
		case m < n:
			return -1
		case m > n:
			return 1
		}
	}
	return len(a) - len(b)
}

// Version of the protocol.
type Version string

// The versions.
const (
	V1  Version = "1"
	V2c Version = "2c"
	V3  Version = "3"
)

// Target is one agent and how to speak with it. The zero values of times and
// limits mean the defaults.
type Target struct {
	// Address is a host or host:port; without a port it is 161, over UDP.
	Address string
	Version Version
	// Community for versions 1 and 2c.
	Community string
	// User and the fields below are for version 3. AuthProtocol is MD5, SHA,
	// SHA224, SHA256, SHA384 or SHA512, PrivProtocol is DES, AES, AES192, AES256,
	// AES192C or AES256C; empty means none.
	User, AuthProtocol, AuthPassword, PrivProtocol, PrivPassword string
	// Context is the SNMPv3 context name.
	Context string
	// Timeout of one request; 2 s when zero. Retries follow it; 2 when zero, none
	// when negative.
	Timeout time.Duration
	Retries int
	// MaxRepetitions of one GETBULK; 25 when zero.
	MaxRepetitions int
	// MaxVars ends a single walk; 200,000 when zero.
	MaxVars int
}

// Session is a conversation with one agent.
type Session interface {
	// Get reads single values, in the order asked. A value that the agent does not
	// have is of kind Missing. At most 40 OIDs are asked in one packet; more are
	// split.
	Get(ctx context.Context, oids ...OID) ([]Var, error)
	// Walk gives each value under root, in ascending order. fn ends the walk by an
	// error, which Walk returns. A device that answers in circles, or without end,
	// gives what was read until then and an error of which Limited is true.
	Walk(ctx context.Context, root OID, fn func(Var) error) error
	// Close ends the session.
	Close() error
}
