// Package id makes the identifiers of everything that has one: UUIDs of version
// 7 (RFC 9562), whose text sorts by the time they were made.
package id

import "github.com/google/uuid"

// New returns a new identifier. It is unique across nodes and sorts by time.
func New() string { return uuid.Must(uuid.NewV7()).String() }

// Valid tells whether s has the form of an identifier as New writes it; the other
// ways to write a UUID are none.
func Valid(s string) bool {
	u, err := uuid.Parse(s)
	return err == nil && u.String() == s
}
