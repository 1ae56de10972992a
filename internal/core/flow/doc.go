// Package flow decodes what routers, switches and probes report about traffic:
// NetFlow version 5 and 9, IPFIX (RFC 7011) and sFlow version 5.
//
// A Decoder takes datagrams and calls back with records. A Record holds fields
// by the number and bytes that the exporter sent; the names and types of the
// numbers are data (elements.csv, from the registry of the IANA and from
// vendors). Record.Flow gives the figures that most readers want.
//
// Templates and sampling rates are kept per Source: the exporter's address,
// the version and the observation domain. Data that arrives before its template
// waits for it. Everything is bounded by Limits, and what was learned can be
// saved with Decoder.Snapshot and given back with Decoder.Restore.
package flow
