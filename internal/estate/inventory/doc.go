// Package inventory keeps the items of an organisation: what it runs, what each
// thing needs, and what stops when one stops.
//
// Nouns: an Item has a unique name, a kind of a built-in list, attributes, an
// owner team, a criticality, a lifecycle and labels. A relation joins two items
// and has a type; each type has an inverse name and says which way a failure
// travels. History holds every change of an item, field by field.
//
// Impact: if B stops, then everything that depends on B, everything that runs on
// B, and everything that B is part of is affected, and so on from there.
// connects_to and member_of carry no impact. A circle of depends_on and runs_on,
// or of part_of, is refused when it would be saved; every traversal still keeps a
// set of what it has visited, so a circle of mixed types only ends a path.
//
// Provenance: every attribute knows its source, "manual" or the name of a
// discovery. A discovery never changes what a person has typed.
//
// Reading the graph: questions through the reader of the database are answered
// by an index in memory, which is read at the start and kept by every commit.
// Questions through a transaction are answered by the tables, level by level, so
// they see what that transaction has written and not yet committed.
//
// The module owns items, relations and their history. It never watches an item:
// the state shown on one is asked of observe.
package inventory
