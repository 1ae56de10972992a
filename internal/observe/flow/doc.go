// Package flow keeps what exporters report about traffic: who talked to whom, how
// much, through which interface. docs/flows.md tells its rules.
//
// A datagram is decoded when it comes, with the templates of its exporter, and its
// records wait in memory for the writer, one goroutine. The writer stores a batch in
// the log engine, and only then counts it: in the sums of its minute and for what is
// unusual. A minute is written to the database when it has ended; sums of hours and
// days are made of those. After a crash the minutes that were not written are counted
// again from the stored records.
package flow
