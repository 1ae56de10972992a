// Package agent is the server's side of agents: it enrolls hosts, signs their
// certificates, takes what they send and knows which of them live.
//
// Nouns: an agent is Mainstay on one host, known by its certificate. A token lets
// hosts enroll. The authority signs certificates. A batch is what an agent delivers
// at once; it is taken exactly once, by its boot and sequence number. A fact is one
// thing that a host has (a package, a service, a user), a change is a fact that
// came, changed or went.
//
// An agent is up, late, offline, waiting (enrolled and not heard of yet) or revoked.
//
// It owns the tables agent_*. Items belong to estate, series to observe.metric,
// checks to observe.check; it asks them by their interfaces. It never runs anything
// on a host by itself.
package agent
