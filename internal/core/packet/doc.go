// Package packet takes captured packets apart. A Dissector turns the bytes of a
// capture into fields with names in Wireshark's style (ip.src, tcp.flags.syn,
// dns.qry.name), each with its value and the place of its bytes, and follows
// TCP streams, so that a message that spans packets is read where it ends.
//
// Packets are given in the order of the capture. Everything that is kept
// between packets is bounded by Limits. Package filter has the language that
// chooses packets by their fields, package session the table of who talked to
// whom, package capture the files.
package packet
