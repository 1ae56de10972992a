// Package index keeps what a Dissector found in a capture beside the file, so
// that a big capture is read once and asked often.
//
// An index is a row of blocks of up to 8,192 packets. A block holds columns,
// each compressed by itself: the place, time and length of every packet, its
// line for a list, its findings, and for every field of the dissector which
// packets have it and with which values. Values that are bytes of the frame are
// kept as their place in it. A display filter reads the columns of the fields
// that it names, so its answer is the one that taking the whole capture apart
// again would give.
//
// While a capture grows its index grows with it: blocks that are sealed are
// visible at once. What an index file says is checked against its own sizes
// everywhere; a damaged one gives an error and is made again from the capture.
package index
