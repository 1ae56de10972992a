// Package check runs checks: it schedules probes, turns results into states by
// the rules of docs/spec/check-states.md, and tells other wings what became of
// them.
//
// Nouns: a check is a probe with a name, an item and an interval. A result is one
// execution. A state is what Mainstay is sure of. A problem lasts from the first
// result that was not ok to the next ok. An outage is a problem that became hard.
// A downtime is planned: checks go on, notices are withheld.
//
// It owns the tables check*. States live in memory; changes are written in
// batches, in the transaction that also tells them, and results go to the metric
// store. It never decides who is told: that is respond.
package check
