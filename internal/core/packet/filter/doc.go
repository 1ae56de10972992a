// Package filter is the language that chooses packets by their fields, in the
// syntax of Wireshark's display filters: ip.addr == 192.0.2.0/24 and tcp.port in
// {80, 443, 8000..8080}, dns.qry.name matches "\.example$", tcp.flags & 0x02,
// eth.src[0:3] == 00:00:5e, not arp.
//
// A field that a packet does not have makes a comparison false. A field that
// stands more than once in a packet matches when any of its values does; != is
// true when there is one and none is equal. "all" before a comparison asks for
// every value, "any" for one.
package filter
