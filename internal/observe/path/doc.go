// Package path is the network's voice about ways: it measures the path to each target
// all the time, keeps every answer, and computes every figure again for any window.
//
// Nouns: a path is a target and how it is asked. A minute is one row with all rounds
// of a path in a minute, packed. The recorder keeps the last minute in memory. A judge
// is a check of the type path. Edges measure too; their rounds come by
// observe.PlacedPaths.
//
// It owns the tables path*. Rounds, sockets and figures of answers belong to
// core/netpath, states to observe.check, items to estate.
package path
