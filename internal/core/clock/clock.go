// Package clock is how the program reads the time, so that a test can hold it.
// Inside testing/synctest bubbles the system clock is already held; Clock serves
// the pure code that wants a moment handed in.
package clock

import "time"

// Clock tells the present moment, in UTC.
type Clock interface{ Now() time.Time }

// System reads the clock of the machine.
type System struct{}

// Now implements Clock. The monotonic reading is kept, so that differences are
// right across a step of the wall clock.
func (System) Now() time.Time { return time.Now() }

// Fixed is a clock that stands still.
type Fixed time.Time

// Now implements Clock.
func (f Fixed) Now() time.Time { return time.Time(f) }
