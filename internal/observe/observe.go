// Package observe is the contract of the wing that takes signals in: what a
// probe is, what a check result is, and the facts that other wings hear about
// them. It holds no SQL, no HTTP and no goroutines.
package observe
