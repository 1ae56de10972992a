// Package sample is one value of one series: what writes figures and what stores them
// agree on it.
package sample

import "time"

// ID is a handle for one series of whatever stores it. It is valid in the process that
// got it, until its source is forgotten.
type ID uint64

// Sample is one value of one series at one moment. Stores keep milliseconds.
type Sample struct {
	Series ID
	At     time.Time
	Value  float64
}
