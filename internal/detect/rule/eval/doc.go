// Package eval is what a rule means: its states, from the answers to its question.
// It is pure: it asks through an interface, keeps no clock and stores nothing, so
// that the live engine and a trial on the past run the same code.
package eval
