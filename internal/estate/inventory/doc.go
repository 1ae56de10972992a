// Package inventory keeps the items of an organisation: what it runs, what each
// thing needs, and what stops when one stops.
//
// Nouns: an Item has a unique name, a kind, attributes, an owner team, a
// criticality, a lifecycle and labels. Kinds, which may extend each other and
// declare typed attributes, and relation types are in the package kind. A relation
// joins two items; its type has an inverse name and says which way a failure
// travels. History holds every change of an item, field by field, so that an item
// can be read as of any moment, also after it was removed. A baseline is a named
// moment of a set of items.
//
// Impact: if B stops, then everything that depends on B, everything that runs on
// B, and everything that B is part of is affected, and so on from there.
// connects_to and member_of carry no impact. A circle of depends_on and runs_on,
// or of part_of, is refused when it would be saved; every traversal still keeps a
// set of what it has visited, so a circle of mixed types only ends a path.
//
// Redundancy: a group says that an item needs only some of several others. What a
// group saves is told as still working, and passes nothing on.
//
// Provenance: what each source says of an attribute is a claim, "manual" or that of
// a discovery. All claims are kept; the order of sources says which one counts.
//
// Reading the graph: questions through the reader of the database are answered
// by an index in memory, which is read at the start and kept by every commit.
// Questions through a transaction are answered by the tables, level by level, so
// they see what that transaction has written and not yet committed.
//
// The module owns items, relations and their history. It never watches an item:
// the state shown on one is asked of observe.
package inventory
