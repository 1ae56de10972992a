// Package archtest holds the rules of the house as tests: who may import whom,
// how large a file may grow, that every package says what it is, that every
// module and adapter is wired, and that links in the documents lead somewhere.
// It has no code for the product. Every failure says what to do instead.
package archtest
