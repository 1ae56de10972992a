// Package netpath measures network paths: a continuous traceroute to many targets
// over shared sockets. Each round sends one probe to every hop of a target with a
// flow that never changes ("Paris traceroute": Augustin et al., 2006), so that routers
// which balance load by flow treat all probes of a target alike.
//
// Nouns: a target is an address and how it is asked; a round is one probe to each of
// its hops and one to the target itself; a hop is who answered at a distance, and
// after how long. The wire sends probes and hears answers; the engine decides what is
// sent when and puts answers together.
package netpath
