// Package address keeps the addresses of the organisation: routing domains
// (VRFs), prefixes, ranges, single addresses and VLANs.
//
// Nouns: a prefix is a network in CIDR form inside a VRF; the one without a name
// is the global table. Prefixes nest by themselves. A range is a stretch of a
// prefix that something else hands out (DHCP) or that is kept free. An address is
// one host address. A claim says that an item was seen with an address, by which
// source and when; an address that several items claim is a conflict, unless a
// person marked it as shared (a virtual or anycast address).
//
// Addresses and prefixes come from people and from what estate sees of the network
// (estate.Network). What a person typed is never overwritten. The names of
// addresses are checked against the DNS in both directions.
//
// The module owns the tables address_*. Items belong to estate.inventory.
package address
