// Package sweep asks a list of addresses who is there: echo requests, the ARP
// table of the local segment, TCP connections, greetings, certificates, titles of
// web pages and names in the DNS. It knows nothing of items and keeps nothing.
//
// Nouns: targets are the addresses to ask, in a fixed order, so that a sweep that
// was interrupted can go on. A host is an address at which something answered.
//
// What it sends is limited by one rate in packets per second, and by nothing else;
// memory is bounded by what can be sent within one timeout.
package sweep
