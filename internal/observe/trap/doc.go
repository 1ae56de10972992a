// Package trap receives SNMP traps and informs, keeps them as events with names, and
// lets checks of the type trap judge them. docs/traps.md tells its rules.
//
// One goroutine reads packets, another works on them in batches: it is the only one
// that touches the senders and the open problems, which are kept in memory and
// written with the events. An inform is answered after its event was committed.
package trap
