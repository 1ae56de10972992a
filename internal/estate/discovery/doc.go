// Package discovery looks at the machine that the server runs on: its hardware,
// what it is doing, the services that listen on its ports and their certificates.
// It puts an item on the map for each and suggests a check that one click accepts.
//
// Nouns: the host is this machine. A listener is a socket that waits for
// connections, a service is a process with its listeners on one port. A suggestion
// is a check that makes sense and that nobody has made yet.
//
// It owns the table discovery_suggestions. Items belong to estate.inventory and
// checks to observe.check; it asks both by their interfaces. It never deletes an
// item: a service that is gone is shown as no longer listening.
package discovery
