// Package ingest is the gate through which metrics, log lines and spans come in. It
// authenticates senders, decompresses and limits what they send, counts what was
// taken and what was dropped and why, finds the item of each signal, and hands it to
// the store. Its nouns are the source (a sender with a protocol), the unknown source
// (something that signals speak about and that is no item yet) and the binding of a
// name or address to an item. It knows no protocol and keeps no signal: adapters
// read, stores keep.
package ingest
