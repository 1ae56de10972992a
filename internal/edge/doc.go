// Package edge is Mainstay in another network: it runs the checks that the server gives
// it, keeps what they find on disk, and delivers it over a NATS leaf node.
//
// It stands on core, on the contract of the wing observe (the probes) and on the
// identity and the buffer of the agent. It opens no port of its own; it opens those for
// flows and traps that the server tells it to.
package edge
