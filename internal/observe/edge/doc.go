// Package edge is the server's side of edges: collectors in other networks that run
// checks there. It enrolls them, listens for their NATS leaf nodes, gives them their
// checks and takes their results.
//
// Nouns: an edge is Mainstay in another network, known by its certificate; people name
// it in `from` of checks. A hello is its sign of life. A batch is what it delivers at
// once; it is taken exactly once, by its boot and sequence number. The hub is the NATS
// server of this process.
//
// An edge is up, catching_up (it delivers what it kept while it was cut off), late,
// offline, waiting (enrolled and not heard of yet) or revoked. It is present for checks
// when it is up.
//
// It owns the tables edge*. Tokens and certificates are lent by observe.agent, checks
// and their states belong to observe.check, items to estate.
package edge
