// Package trap reads notifications of SNMP agents: traps and informs of versions 1,
// 2c and 3. It knows the protocol, who may send and how an inform is answered, and
// nothing of what a trap means.
//
// For version 3 it is an engine of its own (RFC 3411, RFC 3414): a sender of informs
// first asks for its id and clock, and every message is checked against the time
// window of 150 seconds. For traps the sender is the engine; its clock is remembered,
// so that a recorded packet cannot be played again while the program runs.
package trap
